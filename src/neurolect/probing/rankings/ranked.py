"""What every method of ranking gives: neurons in order, with scores and signs; and its table.

Dims: N neurons, K classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.results import ranking_table


class Ranked(NamedTuple):
    """A ranking of all neurons as arrays."""

    order: NDArray[np.int64]
    """Neurons (places in the columns), the best first, shape (N,)."""
    scores: NDArray[np.float64]
    """By neuron, shape (N,); NaN where the method cannot score it: such come last."""
    signs: NDArray[np.int8] | None = None
    """By neuron: +1 fires for, -1 against, 0 neither, shape (N,); None where the method has no signs."""
    class_scores: NDArray[np.float64] | None = None
    """Shape (K, N); None where the method has none."""

    def reverse(self) -> "Ranked":
        """Give the reversed order: what is worst by the method comes first."""
        return Ranked(self.order[::-1].copy(), -self.scores, self.signs)

    def join_parts(self, n_parts: int) -> "Ranked":
        """Add up the scores of a neuron's columns (in pairs: of the two words); the sign is the greater's."""
        parts_PN = self.scores.reshape(n_parts, -1)
        signs = None
        if self.signs is not None:
            greatest = np.nan_to_num(parts_PN, nan=-np.inf).argmax(axis=0)[None]
            signs = np.take_along_axis(self.signs.reshape(n_parts, -1), greatest, 0)[0]
        of_classes = self.class_scores
        if of_classes is not None:
            of_classes = of_classes.reshape(len(of_classes), n_parts, -1).sum(axis=1)
        return by_scores(parts_PN.sum(axis=0), signs=signs, class_scores=of_classes)


def columns_of_neurons(neurons: NDArray[np.int64], *, n_neurons: int, n_parts: int) -> NDArray[np.int64]:
    """Give the columns of neurons: of pairs of words two each."""
    return np.sort(np.concatenate([neurons + part * n_neurons for part in range(n_parts)]))


def by_scores(
    scores: NDArray[np.floating],
    *,
    signs: NDArray[Any] | None = None,
    class_scores: NDArray[np.floating] | None = None,
) -> Ranked:
    """Rank the greatest score first, ties by neuron id, NaN last."""
    wide = np.asarray(scores, np.float64)
    order = np.argsort(np.where(np.isnan(wide), np.inf, -wide), kind="stable")
    of_classes = None if class_scores is None else np.asarray(class_scores, np.float64)
    return Ranked(order, wide, None if signs is None else np.sign(signs).astype(np.int8), of_classes)


def best_of_classes(scores_KN: NDArray[np.floating], signs_KN: NDArray[Any] | None = None) -> Ranked:
    """Rank by the greatest score of any class, whose sign it is; ties to the first class."""
    best = np.where(np.isnan(scores_KN), -np.inf, scores_KN).argmax(axis=0)[None]
    signs = None if signs_KN is None else np.take_along_axis(signs_KN, best, 0)[0]
    return by_scores(np.take_along_axis(scores_KN, best, 0)[0], signs=signs, class_scores=scores_KN)


def random_order(n_neurons: int, *, seed: int) -> Ranked:
    """Rank in a random order; the score falls by one a place."""
    order = np.random.default_rng(seed).permutation(n_neurons)
    scores = np.empty(n_neurons)
    scores[order] = np.arange(n_neurons, 0, -1)
    return Ranked(order, scores)


def table_of(
    ranked: Ranked,
    *,
    addresses: Sequence[str],
    rests_on: Sequence[str],
    method: str,
    concept: str | None = None,
    classes: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    seed: int | None = None,
    details: Mapping[str, Any] | None = None,
    models: Sequence[str] = (),
) -> pa.Table:
    """Make the table of a ranking, as every ranking is written.

    Parameters
    ----------
    ranked : Ranked
        From any method.
    addresses : sequence of str
        Of the neurons, in the order of the columns.
    rests_on : sequence of str
        Fingerprints of activations and labels.
    method : str
        Its name.
    concept : str, optional
        What the neurons are ranked for; null when overall.
    classes : sequence of str
        In the order of ``class_scores``; kept in the details.
    options : mapping, optional
        Every option of the method.
    seed : int, optional
        Of a method that draws.
    details : mapping, optional
        What else there is to say of the whole.
    models : sequence of str, optional
        Fingerprints of the models whose neurons they are.

    Returns
    -------
    pyarrow.Table
        ``rank`` (from 1, all neurons), ``address``, ``side`` (null), ``score``, ``sign``, ``concept`` and, where
        the method has them, ``class_scores`` (a list a neuron).

    Raises
    ------
    ProbingError
        If there is not one address a neuron.
    """
    order = ranked.order
    if len(addresses) != len(order):
        what = f"There are {len(addresses):,} addresses for {len(order):,} neurons."
        raise ProbingError(what, expected="one a neuron")
    columns: dict[str, Any] = {
        "address": pa.array([addresses[each] for each in order.tolist()], pa.string()),
        "score": ranked.scores[order],
    }
    if ranked.signs is not None:
        signs = ranked.signs[order]
        columns["sign"] = pa.array(signs, pa.int8(), mask=signs == 0)
    columns["concept"] = pa.array([concept] * len(order), pa.string())
    if ranked.class_scores is not None:
        flat = pa.array(ranked.class_scores[:, order].T.ravel(), pa.float64(), from_pandas=True)
        each_length = len(ranked.class_scores)
        offsets = pa.array(np.arange(len(order) + 1) * each_length, pa.int32())
        columns["class_scores"] = pa.ListArray.from_arrays(offsets, flat)
    said = {"classes": list(classes)} | dict(details or {})
    return ranking_table(
        columns,
        runs=list(rests_on),
        method=method,
        options=options,
        seed=seed,
        details=said,
        models=models,
    )
