import pytest

from neurolect.errors import OptionError
from neurolect.relations import rank
from neurolect.relations.ranking import rank_neurons
from neurolect.store import Run


def test_the_neurons_made_for_it_come_first(described: Run) -> None:
    longest = rank(described, by="length", limit=3).to_pylist()
    assert (longest[0]["rank"], longest[0]["address"], longest[0]["side"]) == (1, "hidden.1.4", "top")
    values = rank(described, by="length").column("value").to_pylist()
    assert len(values) == 32
    assert values == sorted(values, reverse=True)
    recipe = rank(described, by="field=domain", value="recipe", side="top", limit=1).to_pylist()[0]
    assert recipe["address"] == "hidden.1.0"


def test_ranks_of_one_layer_stay_those_among_all(described: Run) -> None:
    every = {(row["address"], row["side"]): row["rank"] for row in rank(described, by="pos").to_pylist()}
    layer = rank(described, by="pos", layer=2).to_pylist()
    assert len(layer) == 16
    assert all(every[row["address"], row["side"]] == row["rank"] for row in layer)


def test_layers_are_told_by_quartiles(described: Run) -> None:
    made = rank_neurons(described, by="length", side="top")
    ranks = {row["address"]: row["rank"] for row in made.table.to_pylist()}
    first = sorted(rank for address, rank in ranks.items() if address.startswith("hidden.1."))
    assert made.layers[0].quartiles[0] == first[0]
    assert made.layers[0].quartiles[2] == (first[3] + first[4]) / 2
    assert made.layers[1].n == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 7}, r"no layer 7(.|\n)*one of 1, 2"),
        ({"limit": 0}, "limit is 0"),
        ({"side": "left"}, "no side 'left'"),
    ],
)
def test_places_that_do_not_exist_are_told(described: Run, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        rank(described, by="length", **options)  # type: ignore[arg-type]
