"""The exact LCA order, rankings by means, random and reversed ones, and their table."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.errors import ProbingError
from neurolect.probing.class_moments import class_moments
from neurolect.probing.rankings.lca import (
    entry_masses,
    join_parts,
    lca_order,
    lca_order_of_class,
    linear_mean,
    n_classes_of,
    n_for_mass,
    top_neurons,
)
from neurolect.probing.rankings.means import mean_difference, mean_select, probeless, standardised_difference
from neurolect.probing.rankings.ranked import Ranked, by_scores, random_order, table_of
from neurolect.probing.rows import ArrayRows
from neurolect.results import provenance
from tests.reference import rankings_plain as plain


@settings(max_examples=200)
@given(st.integers(0, 100_000), st.integers(1, 4), st.integers(1, 9), st.booleans())
def test_the_order_is_the_union_of_top_neurons_as_their_mass_grows(
    seed: int, n_classes: int, n: int, coarse: bool
) -> None:
    weights = np.random.default_rng(seed).normal(size=(n_classes, n))
    weights = np.round(weights) if coarse else weights
    ranked, masses = lca_order(weights), entry_masses(weights)
    rows = weights.tolist()
    for label, neuron in itertools.product(range(n_classes), range(n)):
        assert masses[label, neuron] == pytest.approx(plain.entry_mass(rows[label], neuron))
    least = 1 - ranked.scores
    for mass in np.arange(0, 101) / 100 + 1e-9:
        tops = [plain.top_set(row, mass) for row in rows]
        assert [set(top_neurons(row, mass=mass).tolist()) for row in weights] == tops
        reached = {j for j in range(n) if least[j] <= mass}
        union = set().union(*tops)
        last = {j for k, top in enumerate(tops) for j in top if plain.entry_mass(rows[k], j) > mass}
        silent = {j for j in reached if all(row[j] == 0 for row in rows)}  # no top neuron at any mass
        assert reached - silent <= union
        assert union - reached <= last  # the ones that complete the mass
        places = [ranked.order.tolist().index(j) for j in reached]
        assert sorted(places) == list(range(len(reached)))  # a prefix of the order
    assert ranked.signs is not None
    for neuron in range(n):
        label = int(masses[:, neuron].argmin())
        assert ranked.signs[neuron] == np.sign(weights[label, neuron])


def test_ties_go_to_the_greater_share_then_the_lower_id() -> None:
    weights = np.array([[4.0, 0, 0, 4], [0, 1, 1, 0]])
    assert lca_order(weights).order.tolist() == [0, 1, 2, 3]
    weights = np.array([[0.0, 3, 1], [0, 0, 0]])
    assert lca_order(weights).order.tolist() == [1, 2, 0]
    assert n_for_mass(weights).tolist() == [1, 0]
    assert n_classes_of(np.array([[5.0, 1], [4, 1], [0, 1]])).tolist() == [2, 1]
    assert lca_order_of_class(np.array([1.0, -3, 0])).order.tolist() == [1, 0, 2]
    assert linear_mean(np.array([[1.0, -3], [1, 2]])).scores.tolist() == [1.0, 2.5]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_rankings_by_means_are_their_definitions(seed: int, n_classes: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_classes).repeat(2), rng.integers(n_classes, size=20)])
    rows = rng.normal(size=(len(labels), 5)) + rng.normal(size=(n_classes, 5))[labels]
    rows[:, 4] = 2.0
    moments = class_moments(ArrayRows(rows, block=6), labels, np.arange(len(labels)), n_classes=n_classes)
    assert probeless(moments).scores == pytest.approx(plain.probeless(rows, labels.tolist()))
    scaled = plain.probeless(rows / [*rows.std(0)[:4], 1], labels.tolist())
    assert probeless(moments, scaled=True).scores == pytest.approx(scaled)
    differences = []
    for label in range(n_classes):
        own, rest = rows[labels == label], rows[labels != label]
        apart = own.mean(axis=0) - rest.mean(axis=0)
        differences.append(apart)
        one = probeless(moments, label=label)
        assert one.scores == pytest.approx(plain.probeless(rows, labels.tolist(), label))
        others = np.stack([rows[labels == each].mean(axis=0) for each in range(n_classes) if each != label])
        assert one.signs is not None
        assert one.signs[:4].tolist() == np.sign(own.mean(axis=0) - others.mean(axis=0))[:4].tolist()
        found = mean_difference(moments, label=label)
        assert found.scores == pytest.approx(np.abs(apart))
        assert found.signs is not None
        assert found.signs[:4].tolist() == np.sign(apart[:4]).tolist()
        squares = ((own - own.mean(0)) ** 2).sum(0) + ((rest - rest.mean(0)) ** 2).sum(0)
        pooled = np.sqrt(squares / (len(rows) - 2))
        effect = standardised_difference(moments, label=label).scores
        assert effect[:4] == pytest.approx(np.abs(apart / np.maximum(pooled, 1e-300))[:4])
        assert effect[4] == 0
        spread = (rows.max(axis=0) - rows.min(axis=0))[:4]
        assert mean_select(moments, label=label).scores[:4] == pytest.approx(np.abs(apart[:4]) / spread)
    overall = mean_difference(moments)
    assert overall.scores == pytest.approx(np.abs(differences).max(axis=0))
    assert overall.class_scores == pytest.approx(np.abs(differences))


def test_the_two_words_of_a_pair_are_one_neuron() -> None:
    weights = np.array([[1.0, -2, 0, -3, 1, 0]])
    assert join_parts(weights, n_parts=2).tolist() == [[-4.0, -3.0, 0.0]]
    assert lca_order(join_parts(weights, n_parts=2)).order.tolist() == [0, 1, 2]
    ranked = by_scores(np.abs(weights[0]), signs=weights[0], class_scores=np.abs(weights)).join_parts(2)
    assert ranked.scores.tolist() == [4.0, 3.0, 0.0]
    assert ranked.signs is not None
    assert ranked.signs.tolist() == [-1, -1, 0]
    assert ranked.class_scores is not None
    assert ranked.class_scores.tolist() == [[4.0, 3.0, 0.0]]
    plainly = by_scores(np.array([0.0, 2, 3, 1])).join_parts(2)
    assert (plainly.order.tolist(), plainly.signs) == ([0, 1], None)


def test_random_orders_are_seeded_and_reversal_reverses() -> None:
    one, other = random_order(50, seed=1), random_order(50, seed=2)
    assert sorted(one.order.tolist()) == list(range(50))
    assert one.order.tolist() == random_order(50, seed=1).order.tolist() != other.order.tolist()
    assert by_scores(one.scores).order.tolist() == one.order.tolist()
    assert one.reverse().order.tolist() == one.order.tolist()[::-1]


def test_every_ranking_is_the_one_table() -> None:
    scores = np.array([0.5, np.nan, 2.0, 0.5])
    ranked = by_scores(scores, signs=np.array([1, 1, -1, 0]), class_scores=np.stack([scores, 2 * scores]))
    table = table_of(
        ranked,
        addresses=[f"mlp.1.{each}" for each in range(4)],
        rests_on=["abc", "def"],
        method="probeless",
        concept="NN",
        classes=["NN", "VB"],
        options={"scaled": False},
        seed=3,
    )
    assert table.column("rank").to_pylist() == [1, 2, 3, 4]
    assert table.column("address").to_pylist() == ["mlp.1.2", "mlp.1.0", "mlp.1.3", "mlp.1.1"]
    assert table.column("score").to_pylist() == [2.0, 0.5, 0.5, None]
    assert table.column("sign").to_pylist() == [-1, 1, None, 1]
    assert table.column("concept").to_pylist() == ["NN"] * 4
    assert table.column("class_scores").to_pylist() == [[2.0, 4.0], [0.5, 1.0], [0.5, 1.0], [None, None]]
    said = provenance(table)
    assert (said.method, said.seed, said.runs) == ("probeless", 3, ("abc", "def"))
    assert said.options == {"scaled": False}
    assert said.details["classes"] == ["NN", "VB"]
    plainly = table_of(random_order(4, seed=0), addresses=list("abcd"), rests_on=["x"], method="random", seed=0)
    assert plainly.column("sign").null_count == plainly.column("concept").null_count == 4
    with pytest.raises(ProbingError, match="3 addresses for 4 neurons"):
        table_of(ranked, addresses=list("abc"), rests_on=["x"], method="random")
    assert isinstance(ranked, Ranked)
