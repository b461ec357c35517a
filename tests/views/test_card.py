import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from neurolect.errors import OptionError, RunFolderError
from neurolect.store import Run, open_run
from neurolect.views import card
from neurolect.views.card import MIN_Z


def top(run: Run, address: str, **options: Any) -> dict[str, Any]:
    side: dict[str, Any] = card(run.neuron(address), sides=("top",), **options)["sides"][0]
    return side


def test_a_card_is_plain_json_and_names_both_sides(example_run: Run) -> None:
    made = card(example_run.neuron("hidden.2.4"))
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert [side["side"] for side in made["sides"]] == ["top", "bottom"]
    assert (made["site"], made["layer"], made["index"]) == ("hidden", 2, 4)
    assert sum(made["activation"]["histogram"]["counts"]) == made["activation"]["n"] == 900


def test_evidence_shows_what_the_neuron_was_made_to_like(example_run: Run) -> None:
    assert top(example_run, "hidden.1.0")["evidence"]["metadata"]["domain"][0]["label"] == "recipe"
    assert top(example_run, "hidden.1.3")["evidence"]["words"][0]["label"] == "shall"
    assert top(example_run, "hidden.2.1")["evidence"]["phrases"][0]["label"] == "of the"
    assert top(example_run, "hidden.2.0")["evidence"]["tags"][0]["label"] == "NN"


def test_evidence_is_over_represented_strongest_first_and_bounded(example_run: Run) -> None:
    for kind, rows in top(example_run, "hidden.1.1", n_evidence=4)["evidence"].items():
        for values in rows.values() if kind == "metadata" else [rows]:
            z = [row["z"] for row in values]
            assert z == sorted(z, reverse=True)
            assert len(z) <= 4
            assert all(each > MIN_Z for each in z)


def test_examples_are_the_first_of_the_list_with_their_metadata(example_run: Run) -> None:
    neuron = example_run.neuron("hidden.1.0")
    shown = top(example_run, "hidden.1.0", n_examples=4)["examples"]
    assert len(shown) == 4
    assert shown[0]["text"] == neuron.list(limit=1)["text"][0].as_py()
    assert shown[0]["metadata"]["domain"] == "recipe"
    assert "author" not in shown[0]["metadata"]  # empty there, so not told


def test_no_examples_when_none_are_asked_for(example_run: Run) -> None:
    assert top(example_run, "hidden.1.0", n_examples=0)["examples"] == []


def test_an_unknown_side_is_refused(example_run: Run) -> None:
    with pytest.raises(OptionError, match="no side 'left'"):
        card(example_run.neuron("hidden.1.0"), sides=("left",))


def test_a_run_that_is_not_described_says_what_to_do(example_run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(example_run.folder, folder)
    shutil.rmtree(folder / "signatures")
    with pytest.raises(RunFolderError, match="neurolect describe"):
        card(open_run(folder).neuron("hidden.1.0"))
