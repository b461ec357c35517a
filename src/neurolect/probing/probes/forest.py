"""Random forests and how much each neuron matters in them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import require_extra
from neurolect.probing.class_moments import class_moments
from neurolect.probing.labels import check_spread, class_counts
from neurolect.probing.probes.linear import class_names
from neurolect.probing.rows import Rows, as_rows, row_numbers


class Trees(NamedTuple):
    """Trees in a row of nodes: what is left of a forest when it is saved."""

    roots: NDArray[np.int64]
    """First node of each tree."""
    feature: NDArray[np.int64]
    """Neuron that a node looks at; -1 at leaves."""
    threshold: NDArray[np.float64]
    """Units whose value is at most that go left."""
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    chances: NDArray[np.float64]
    """Shares of the classes at a node, shape (n_nodes, K)."""
    classes: tuple[str, ...]
    """In the order of the labels' codes."""

    def predict(
        self, rows: Rows | NDArray[Any], chosen: NDArray[np.int64] | slice | None = None
    ) -> NDArray[np.int64]:
        """Predict the class of units: the greatest mean share over the trees, ties to the lower code."""
        found = []
        for _, block in as_rows(rows).blocks(chosen, None):
            values, units = np.asarray(block, np.float32), np.arange(len(block))
            total = np.zeros((len(block), self.chances.shape[1]))
            for root in self.roots.tolist():
                nodes = np.full(len(block), root)
                while (inner := self.feature[nodes] >= 0).any():
                    at = nodes[inner]
                    is_left = values[units[inner], self.feature[at]] <= self.threshold[at]
                    nodes[inner] = np.where(is_left, self.left[at], self.right[at])
                total += self.chances[nodes]
            found.append(np.round(total, 9).argmax(axis=1))
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def accuracy(
        self,
        rows: Rows | NDArray[Any],
        labels: NDArray[np.int64],
        chosen: NDArray[np.int64] | slice | None = None,
    ) -> float:
        """Give the share of units whose class is predicted."""
        truth = labels[row_numbers(chosen, len(labels))]
        return float((self.predict(rows, chosen) == truth).mean())


class Forest(NamedTuple):
    """A forest's accuracy, and the importance of every neuron."""

    accuracy: float
    """On the validation units."""
    impurity: NDArray[np.float64]
    """Share of the decrease of Gini impurity at a neuron's splits, mean over trees, shape (N,); they sum to 1."""
    permutation: NDArray[np.float64]
    """Loss of accuracy on the validation units when a neuron's values are permuted, mean, shape (N,)."""
    trees: Trees
    """What predicts."""


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
        Permutations a neuron; with 0 all losses are 0.
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
    for neuron in range(rows.n_neurons if n_repeats else 0):
        of_neuron = [number for number, neurons in enumerate(used) if neuron in neurons]
        if not of_neuron:
            continue
        kept = held_TN[:, neuron].copy()
        for _ in range(n_repeats):
            held_TN[:, neuron] = kept[drawn.permutation(len(kept))]
            changed = total.copy()
            for number in of_neuron:
                tree = forest.estimators_[number]
                changed += tree.predict_proba(held_TN, check_input=False) - chances[number]  # checks cost the most
            lost[neuron] += (accuracy - _accuracy(changed, truth)) / n_repeats
        held_TN[:, neuron] = kept
    return Forest(accuracy, forest.feature_importances_, lost, _trees(forest, n_classes))


def _trees(forest: Any, n_classes: int) -> Trees:  # noqa: ANN401 - of scikit-learn
    """Put the nodes of all trees in a row."""
    each = [tree.tree_ for tree in forest.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in each)])[:-1].astype(np.int64)
    shares = np.concatenate([tree.value[:, 0] for tree in each])
    chances = np.zeros((len(shares), n_classes))
    chances[:, forest.classes_] = shares / shares.sum(axis=1, keepdims=True)
    inner = np.concatenate([tree.children_left for tree in each]) >= 0
    left, right = (
        np.concatenate([getattr(tree, name) + root for tree, root in zip(each, roots, strict=True)])
        for name in ("children_left", "children_right")
    )
    feature = np.where(inner, np.concatenate([tree.feature for tree in each]), -1).astype(np.int64)
    threshold = np.concatenate([tree.threshold for tree in each])
    names = tuple(str(each) for each in range(n_classes))
    return Trees(roots, feature, threshold, left.astype(np.int64), right.astype(np.int64), chances, names)


def _accuracy(chances_TK: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    return float((np.round(chances_TK, 9).argmax(axis=1) == truth).mean())


def _held(rows: Rows, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.concatenate([np.asarray(block, np.float32) for _, block in rows.blocks(chosen, None)])
