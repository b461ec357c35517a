"""Random forests and how much each neuron matters in them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import require_extra
from neurolect.probing.class_moments import class_moments
from neurolect.probing.labels import check_spread, class_counts
from neurolect.probing.probes.linear import class_names
from neurolect.probing.rows import Rows, as_rows


class Forest(NamedTuple):
    """A forest's accuracy, and the importance of every neuron."""

    accuracy: float
    """On the validation units."""
    impurity: NDArray[np.float64]
    """Share of the decrease of Gini impurity at a neuron's splits, mean over trees, shape (N,); they sum to 1."""
    permutation: NDArray[np.float64]
    """Loss of accuracy on the validation units when a neuron's values are permuted, mean, shape (N,)."""


def fit_forest(
    rows: Rows | NDArray[Any],
    labels: NDArray[np.int64],
    *,
    train: NDArray[np.int64],
    dev: NDArray[np.int64],
    n_trees: int = 100,
    n_repeats: int = 1,
    max_units: int = 20_000,
    workers: int = 1,
    seed: int = 0,
) -> Forest:
    """Fit scikit-learn's random forest, and measure the importance of every neuron in two ways.

    Impurity favours neurons of many different values and is of the training units; permutation is of others. A tree
    without a split at a neuron is not run again for it, so that permutation is cheap where splits are few.

    Parameters
    ----------
    rows : Rows or float array, shape (n_units, n_neurons)
    labels : int array, shape (n_units,)
        Classes coded from 0.
    train, dev : int64 arrays
        Units to fit on, and to permute.
    n_trees : int
        Trees; each split is searched for among the square root of all neurons.
    n_repeats : int
        Permutations a neuron.
    max_units : int
        Of more units a sample is drawn, of either part: all are in memory, in float32.
    workers : int
        Threads of the fit.
    seed : int
        Of samples, trees and permutations.

    Returns
    -------
    Forest

    Raises
    ------
    ProbingError
        If the labels do not fit, or activations are not finite.
    MissingExtraError
        If scikit-learn is not installed.

    References
    ----------
    M. Valipour et al. (2019), Unsupervised transfer learning for sequence labelling, arXiv 1912.05308.
    """
    ensemble = require_extra("sklearn.ensemble", extra="probing", purpose="to fit random forests")
    rows, drawn = as_rows(rows), np.random.default_rng(seed)
    train, dev = (
        part if len(part) <= max_units else np.sort(drawn.choice(part, max_units, replace=False))
        for part in (train, dev)
    )
    n_classes = len(class_names(None, labels))
    class_counts(labels, train, classes=[str(each) for each in range(n_classes)], n_rows=rows.n_rows)
    check_spread(class_moments(rows, labels, train, n_classes=n_classes).all_sd())
    forest = ensemble.RandomForestClassifier(n_trees, max_features="sqrt", random_state=seed, n_jobs=workers)
    forest.fit(_held(rows, train), labels[train])
    held_TN, truth = _held(rows, dev), labels[dev]
    chances = np.stack([tree.predict_proba(held_TN) for tree in forest.estimators_])
    total = chances.sum(axis=0)
    accuracy = _accuracy(total, truth)
    lost = np.zeros(rows.n_neurons)
    used = [np.unique(tree.tree_.feature) for tree in forest.estimators_]
    for neuron in range(rows.n_neurons):
        of_neuron = [number for number, neurons in enumerate(used) if neuron in neurons]
        if not of_neuron:
            continue
        kept = held_TN[:, neuron].copy()
        for _ in range(n_repeats):
            held_TN[:, neuron] = kept[drawn.permutation(len(kept))]
            changed = total.copy()
            for number in of_neuron:
                changed += forest.estimators_[number].predict_proba(held_TN) - chances[number]
            lost[neuron] += (accuracy - _accuracy(changed, truth)) / n_repeats
        held_TN[:, neuron] = kept
    return Forest(accuracy, forest.feature_importances_, lost)


def _accuracy(chances_TK: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    return float((np.round(chances_TK, 9).argmax(axis=1) == truth).mean())


def _held(rows: Rows, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.concatenate([np.asarray(block, np.float32) for _, block in rows.blocks(chosen, None)])
