"""Random forests: importance as scikit-learn defines it."""

import numpy as np
import pytest

from neurolect.errors import MissingExtraError, ProbingError
from neurolect.probing import fit_forest


def test_importance_is_that_of_scikit_learn_and_finds_the_neuron() -> None:
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    rows = rng.normal(size=(200, 6)).astype(np.float32)
    rows[:, 4] += 2 * labels
    units = np.arange(200)
    found = fit_forest(rows, labels, train=units[:150], dev=units[150:], n_trees=20, n_repeats=3, seed=5)
    assert found.impurity.argmax() == found.permutation.argmax() == 4
    oracle = RandomForestClassifier(20, max_features="sqrt", random_state=5).fit(rows[:150], labels[:150])
    assert np.array_equal(found.impurity, oracle.feature_importances_)
    assert found.accuracy == oracle.score(rows[150:], labels[150:])
    drawn = np.random.default_rng(5)
    for neuron in range(6):  # every neuron has a split in some tree
        lost = 0.0
        for _ in range(3):
            changed = rows[150:].copy()
            changed[:, neuron] = changed[drawn.permutation(50), neuron]
            lost += found.accuracy - oracle.score(changed, labels[150:])
        assert found.permutation[neuron] == pytest.approx(lost / 3)
    again = fit_forest(rows, labels, train=units[:150], dev=units[150:], n_trees=20, n_repeats=3, seed=5)
    assert np.array_equal(again.permutation, found.permutation)


def test_unused_neurons_have_no_importance_and_samples_are_seeded() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(120) % 2
    rows = rng.normal(size=(120, 3)) + labels[:, None] * np.array([5, 0, 0])
    rows[:, 2] = 1.0
    units = np.arange(120)
    found = fit_forest(rows, labels, train=units[:80], dev=units[80:], n_trees=5, max_units=40)
    assert (found.impurity[2], found.permutation[2]) == (0.0, 0.0)
    with pytest.raises(ProbingError, match="of one class"):
        fit_forest(rows, labels * 0, train=units, dev=units)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"scikit-learn>="):
        fit_forest(np.zeros((4, 2)), np.array([0, 1, 0, 1]), train=np.arange(4), dev=np.arange(4))
