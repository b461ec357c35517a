import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from neurolect.errors import OptionError, RunFolderError
from neurolect.statistics.scores import MIN_Z
from neurolect.store import Run, open_run
from neurolect.views import card
from neurolect.views.cards.text import card_text
from neurolect.views.report.page import card_html


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
    assert "author" not in shown[0]["metadata"]  # empty there, so not shown


def test_fields_of_the_card_come_first_next_to_a_sentence(example_run: Run) -> None:
    side = top(example_run, "hidden.1.0")
    fields = list(side["evidence"]["metadata"])
    for each in side["examples"]:
        known = [str(each["metadata"][field]) for field in fields if isinstance(each["metadata"].get(field), str)]
        assert each["note"][:1] == known[:1]
        assert len(each["note"]) <= 4


def test_the_mark_at_a_sentences_end_and_scraps_of_words_are_no_evidence(example_run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(example_run.folder, folder)
    for name, change in (("tags", {"NN": "."}), ("words", {"water": "@water"})):
        path = folder / "signatures" / f"{name}.parquet"
        rows = pq.read_table(path)
        column = "tag" if name == "tags" else "display"
        values = [change.get(value, value) for value in rows[column].to_pylist()]
        pq.write_table(rows.set_column(rows.column_names.index(column), column, pa.array(values)), path)
    run = open_run(folder)
    assert "." not in [each["label"] for each in top(run, "hidden.2.0")["evidence"]["tags"]]
    evidence = top(run, "hidden.2.6")["evidence"]
    assert "@water" in [each["label"] for each in evidence["words"]]
    assert "@water" not in [each["label"] for each in evidence["nouns"]]


def test_rare_words_are_shown_where_there_are_no_others(example_run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(example_run.folder, folder)
    path = folder / "signatures" / "words.parquet"
    rows = pq.read_table(path)
    place = rows.column_names.index("share_list")
    rare = pa.array([0.005] * rows.num_rows, pa.float32())
    pq.write_table(rows.set_column(place, "share_list", rare), path)
    assert top(open_run(folder), "hidden.1.3")["evidence"]["words"]
    mixed = pa.array([0.005 if value == "shall" else 0.3 for value in rows["display"].to_pylist()], pa.float32())
    pq.write_table(rows.set_column(place, "share_list", mixed), path)
    assert "shall" not in [each["label"] for each in top(open_run(folder), "hidden.1.3")["evidence"]["words"]]


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


def test_subtrees_are_shown_where_there_are_any(example_run: Run, tmp_path: Path) -> None:
    assert "subtrees" not in top(example_run, "hidden.2.1")["evidence"]
    folder = tmp_path / "run"
    shutil.copytree(example_run.folder, folder)
    table = pq.read_table(folder / "signatures" / "skip_ngrams.parquet")
    table = table.filter(pc.equal(table.column("item"), "word"))
    texts = pc.binary_join_element_wise("NP(", table.column("pattern"), ")", "")
    table = table.drop_columns(["item", "length", "pattern", "items"]).append_column("subtree", texts)
    pq.write_table(table, folder / "signatures" / "subtrees.parquet")
    run = open_run(folder)
    address = "hidden.2.1"
    rows = top(run, address)["evidence"]["subtrees"]
    assert rows
    assert all(row["label"].startswith("NP(") for row in rows)
    assert "subtrees" in card_text(card(run.neuron(address)))
    assert rows[0]["label"] in card_html(card(run.neuron(address)))
