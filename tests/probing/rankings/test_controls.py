"""Control tasks, layers with their bands, groups of correlated neurons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from neurolect.clustering.average_linkage import groups_at
from neurolect.errors import ProbingError
from neurolect.probing.rankings.control import control_labels
from neurolect.probing.rankings.groups import correlation_merges, correlations, medoids, one_of_each
from neurolect.probing.rankings.layers import layer_distribution
from neurolect.probing.rows import ArrayRows
from tests.reference import rankings_plain as plain


@settings(max_examples=30)
@given(st.lists(st.text(max_size=3), min_size=1, max_size=40), st.integers(0, 1 << 62))
def test_a_type_has_one_label_wherever_it_is(types: list[str], seed: int) -> None:
    labels = np.arange(len(types)) % 3
    train = np.arange((len(types) + 1) // 2)
    found = control_labels(types, labels, train=train, n_classes=3, seed=seed)
    assert len({*zip(types, found.tolist(), strict=True)}) == len(set(types))
    assert set(found.tolist()) <= set(labels[train].tolist())
    alone = [control_labels([each] * len(labels), labels, train=train, n_classes=3, seed=seed)[0] for each in types]
    assert found.tolist() == alone


def test_types_have_the_distribution_of_training_or_a_uniform_one() -> None:
    types = [f"w{each}" for each in range(6000)]
    labels = np.array([0, 0, 0, 1] * 1500)
    labels[3000:] = 1
    train = np.arange(3000)
    one = control_labels(types, labels, train=train, n_classes=2, seed=0)
    assert (one == 0).mean() == pytest.approx(0.75, abs=0.02)
    assert (control_labels(types, labels, train=train, n_classes=2, seed=1) != one).any()
    even = control_labels(types, labels, train=train, n_classes=2, seed=0, uniform=True)
    assert (even == 0).mean() == pytest.approx(0.5, abs=0.02)
    assert one[:6].tolist() == [0, 1, 0, 1, 0, 1]  # the same on every computer
    with pytest.raises(ProbingError, match="1 word types for 6,000 labels"):
        control_labels(["a"], labels, train=train, n_classes=2, seed=0)


@settings(max_examples=40)
@given(st.integers(2, 30), st.integers(1, 4), st.integers(0, 1000))
def test_layers_have_the_band_of_no_preference(n: int, n_layers: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = [f"mlp.{each}" for each in np.sort(rng.integers(n_layers, size=n))]
    chosen = rng.choice(n, size=int(rng.integers(1, n + 1)), replace=False)
    found = layer_distribution(chosen, layers)
    assert [each.layer for each in found] == list(dict.fromkeys(layers))
    for each in found:
        assert each.n == sum(layers[neuron] == each.layer for neuron in chosen)
        assert each.of == layers.count(each.layer)
        assert each.expected == pytest.approx(len(chosen) * each.of / n)
        assert (each.low, each.high) == plain.hypergeometric_band(n, each.of, len(chosen))


def test_groups_are_those_of_scipy_and_one_of_each_is_kept() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(300, 4))
    rows = np.hstack([hidden, -hidden[:, :2] + 0.3 * rng.normal(size=(300, 2)), rng.normal(size=(300, 3))])
    rows[:, 8] = 1.0
    found = correlations(ArrayRows(rows.astype(np.float32), block=64))
    expected = np.corrcoef(rows[:, :8], rowvar=False)
    assert np.triu(found[:8, :8]) == pytest.approx(np.triu(expected), abs=1e-5)
    assert not np.triu(found, 1)[:, 8].any()
    merges = correlation_merges(found)
    distances = 1 - np.abs(np.triu(found, 1)[np.triu_indices(9, 1)])
    oracle = linkage(distances.astype(np.float64), "average")
    for height in (0.0, 0.1, 0.5, 0.9):
        groups = groups_at(merges, height=height)
        theirs = fcluster(oracle, height, "distance")
        assert (groups[:, None] == groups).tolist() == (theirs[:, None] == theirs).tolist()
        for kept in (one_of_each(groups, seed=3), medoids(groups, found)):
            assert sorted(groups[kept].tolist()) == list(range(groups.max() + 1))
        assert one_of_each(groups, seed=3).tolist() == one_of_each(groups, seed=3).tolist()


def test_the_medoid_correlates_most_with_its_group() -> None:
    matrix = np.array([[1, 0.9, 0.8], [0, 1, 0.5], [0, 0, 1]], np.float32)
    assert medoids(np.zeros(3, np.int32), matrix).tolist() == [0]
