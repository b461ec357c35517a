import shutil
from pathlib import Path

import numpy as np
import pytest

from neurolect.errors import OptionError
from neurolect.results import layer_ranks, provenance, rank
from neurolect.results.ranking import in_blocks
from neurolect.statistics.sorting import mean_ranks
from neurolect.store import Run, read_manifest, write_manifest


def test_the_neurons_made_for_it_come_first(described: Run) -> None:
    longest = rank(described, by="length", limit=3).to_pylist()
    assert (longest[0]["rank"], longest[0]["address"], longest[0]["side"]) == (1, "hidden.1.4", "top")
    values = rank(described, by="length").column("score").to_pylist()
    assert len(values) == 32
    assert values == sorted(values, reverse=True)
    recipe = rank(described, by="field=domain", value="recipe", side="top", limit=1).to_pylist()[0]
    assert recipe["address"] == "hidden.1.0"


def test_ranks_of_one_layer_stay_those_among_all(described: Run) -> None:
    every = {(row["address"], row["side"]): row["rank"] for row in rank(described, by="pos").to_pylist()}
    layer = rank(described, by="pos", layer=2).to_pylist()
    assert len(layer) == 16
    assert all(every[row["address"], row["side"]] == row["rank"] for row in layer)


def test_layers_are_shown_by_quartiles(described: Run) -> None:
    made = rank(described, by="length", side="top")
    rows, layers = made.to_pylist(), layer_ranks(made)
    shared = mean_ranks(-np.array([row["score"] for row in rows]))
    first = sorted(shared[at] for at, row in enumerate(rows) if row["address"].startswith("hidden.1."))
    assert layers[0].quartiles[0] == first[0]
    assert layers[0].quartiles[2] == (first[3] + first[4]) / 2
    assert layers[1].n == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 7}, r"no layer 7(.|\n)*one of 1, 2"),
        ({"site": "mlp"}, r"no site 'mlp'(.|\n)*one of hidden"),
        ({"limit": 0}, "limit is 0"),
        ({"side": "left"}, "no side 'left'"),
    ],
)
def test_places_that_do_not_exist_are_reported(described: Run, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        rank(described, by="length", **options)  # type: ignore[arg-type]


def test_a_moment_ranks_every_neuron_once(described: Run) -> None:
    made = rank(described, by="std")
    facts = provenance(made).details
    assert facts["of_neurons"]
    assert len(set(made.column("address").to_pylist())) == facts["n_ranked"] == 16
    assert set(rank(described, by="std", side="bottom").column("side").to_pylist()) == {"bottom"}


def test_equal_numbers_put_no_layer_first(described: Run) -> None:
    made = rank(described, by="n_sentences", side="top")
    assert set(made.column("score").to_pylist()) == {60.0}
    assert [each.quartiles for each in layer_ranks(made)] == [(8.5,) * 5] * 2
    assert any("the same number" in note for note in provenance(made).details["notes"])


def test_a_layer_of_a_site_is_distinguished_from_that_of_another(described: Run, tmp_path: Path) -> None:
    shutil.copytree(described.folder, tmp_path / "run")
    manifest = read_manifest(tmp_path / "run")
    manifest["model"]["sites"][1] |= {"site": "mlp", "layer": 2}
    write_manifest(tmp_path / "run", manifest)
    run = Run(tmp_path / "run")
    assert np.flatnonzero(in_blocks(run, site="mlp")).tolist() == list(range(8, 16))
    assert np.flatnonzero(in_blocks(run, site="hidden", layer=1)).tolist() == list(range(8))
    with pytest.raises(OptionError, match=r"no layer 1 of the site 'mlp'(.|\n)*one of 2"):
        in_blocks(run, site="mlp", layer=1)


def test_a_concept_ranks_lists_by_how_much_of_it_they_have(described: Run) -> None:
    words = described.table("signatures/words").to_pylist()
    word = next(each for each in words if each["word_class"] == "all" and each["side"] == "bottom")
    made = rank(described, by="corpus", value=f"word={word['word'].upper()}")
    rows = made.to_pylist()
    assert {(each["side"], each["sign"]) for each in rows} <= {("top", 1), ("bottom", -1)}
    own = next(
        each
        for each in rows
        if (each["address"], each["side"]) == (described.index.address(word["neuron_id"]), "bottom")
    )
    assert own["score"] == pytest.approx(word["log_odds_z"])
    assert provenance(made).details["label"] == "log-odds z of a concept in the list"
    shares = [
        each["share_list"]
        for each in described.table("signatures/metadata").to_pylist()
        if (each["field"], each["value"]) == ("domain", "recipe")
    ]
    found = rank(described, by="corpus-share", value="domain=recipe").column("score").to_pylist()
    assert found == pytest.approx(sorted(shares, reverse=True))
    with pytest.raises(OptionError, match=r"No list of (.|\n)* has the concept 'domain=recip'(.|\n)*'recipe'"):
        rank(described, by="corpus", value="domain=recip")
    with pytest.raises(OptionError, match=r"has the concept 'doman=recipe'(.|\n)*'domain'"):
        rank(described, by="corpus-lift", value="doman=recipe")
