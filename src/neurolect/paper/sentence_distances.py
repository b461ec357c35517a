"""How far the activations of each sentence moved between two models, set by set, with standard errors."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.collector.lists.sample import uniform_sample
from neurolect.comparison.inputs import joint_values
from neurolect.folders.atomic import write_table
from neurolect.model.language_model import Model
from neurolect.progress import Progress


# What makes sentences trained on and unseen ones comparable: their place in a text, the shares of labels.
class Mean(NamedTuple):
    """A weighted mean."""

    value: float
    """The mean; NaN where nothing has a weight."""
    error: float
    """Its standard error; NaN with fewer than two documents."""


def within_reach(
    documents: NDArray[np.int64], n_tokens: NDArray[np.int64], *, max_tokens: int
) -> NDArray[np.bool_]:
    """Say which sentences lie whole in the part of a document that a model reads.

    ``documents``: int64, shape (n,). Document of each sentence; a document's sentences follow each other.
    ``n_tokens``: int64, shape (n,). Model tokens of each sentence, without special ones.
    Returns: bool, shape (n,). True up to the last sentence that ends before them.

    Examples
    --------
    >>> within_reach(np.array([1, 1, 1, 2]), np.array([4, 5, 2, 9]), max_tokens=9).tolist()
    [True, True, False, True]
    """
    ends = np.cumsum(n_tokens)
    starts = np.flatnonzero(np.diff(documents, prepend=documents[:1] - 1))
    before = np.repeat((ends - n_tokens)[starts], np.diff(starts, append=len(documents)))
    return ends - before <= max_tokens


def balancing_weights(labels: NDArray[np.str_], *, like: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weigh sentences so that labels have the shares that they have elsewhere.

    ``labels``: str, shape (n,). Label of each sentence.
    ``like``: str, shape (m,). Labels of other sentences, whose shares are wanted.
    Returns: float64, shape (n,). 0 for labels that the others do not have.

    Examples
    --------
    >>> balancing_weights(np.array(["a", "a", "b", "c"]), like=np.array(["a", "b"])).tolist()
    [1.0, 1.0, 2.0, 0.0]
    """
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = np.array([(like == name).sum() for name in names], dtype=np.float64)
    weights: NDArray[np.float64] = (wanted / max(1, len(like)) * len(labels) / counts)[codes]
    return weights


def clustered_mean(
    values: NDArray[np.float64], *, weights: NDArray[np.float64], documents: NDArray[np.int64]
) -> Mean:
    """Average sentences, with an error that knows that those of one document are alike.

    ``values``: float64, shape (n,). A number of each sentence.
    ``weights``: float64, shape (n,). How much each counts, 0 or more.
    ``documents``: int64, shape (n,). Document of each; where every sentence has its own, the error is the usual
        one.

    The error is that of a ratio of sums over documents, by linearisation: with the residuals summed in each of G
    documents, the root of G / (G - 1) times the sum of their squares, by the sum of weights.

    Examples
    --------
    >>> clustered_mean(np.array([1.0, 3.0]), weights=np.ones(2), documents=np.array([0, 1]))
    Mean(value=2.0, error=1.0)
    """
    total = float(weights.sum())
    if not total:
        return Mean(float("nan"), float("nan"))
    mean = float((weights * values).sum() / total)
    counted = weights > 0
    _, codes = np.unique(documents[counted], return_inverse=True)
    residuals = np.bincount(codes, weights=(weights * (values - mean))[counted])
    n = len(residuals)
    if n < 2:
        return Mean(mean, float("nan"))
    return Mean(mean, float(np.sqrt(n / (n - 1) * (residuals**2).sum()) / total))


WHOLE = ("trained", "unseen")
"""Sets of which whole documents are given."""
_SCHEMA = pa.schema(
    [
        ("set", pa.string()),
        ("n_sentences", pa.int64()),
        ("n_documents", pa.int64()),
        *((f"{name}{what}", pa.float64()) for name in ("manhattan", "euclidean") for what in ("", "_error")),
        ("length", pa.float64()),
    ]
)


class SentenceDistances(NamedTuple):
    """Distances of sentences in two models."""

    manhattan: NDArray[np.float64]
    """Sum of absolute differences, shape (n_sentences,)."""
    euclidean: NDArray[np.float64]
    """Root of the sum of squared differences, likewise."""
    length: NDArray[np.float64]
    """Euclidean length of the first model's activations, likewise."""
    finite: NDArray[np.bool_]
    """Which of the sentences given these are, shape (n_given,)."""


def sentence_distances(first: NDArray[np.float32], second: NDArray[np.float32]) -> SentenceDistances:
    """Measure every sentence.

    ``first, second``: float32, shape (n_sentences, n_neurons). Activations of the same sentences in two models;
        sentences that are not finite in both are left out.

    Examples
    --------
    >>> zeros, ones = np.zeros((1, 4), dtype=np.float32), np.ones((1, 4), dtype=np.float32)
    >>> found = sentence_distances(zeros, ones)
    >>> float(found.manhattan[0]), float(found.euclidean[0])
    (4.0, 2.0)
    """
    finite = np.logical_and(np.isfinite(first).all(axis=1), np.isfinite(second).all(axis=1))
    a, b = first[finite].astype(np.float64), second[finite].astype(np.float64)
    difference = b - a
    return SentenceDistances(
        np.abs(difference).sum(axis=1),
        np.sqrt((difference**2).sum(axis=1)),
        np.sqrt((a**2).sum(axis=1)),
        finite,
    )


def write_distances(
    models: Sequence[Model],
    sets: Path,
    *,
    out: Path,
    max_tokens: int,
    size: int,
    seed: int,
    progress: Progress,
) -> None:
    """Write means and standard errors over each set.

    Of the sentences trained on and of the unseen ones those count that lie in the part of their text that
    fine-tuning reads, and the former are weighed so that labels have the shares they have in the latter.

    ``sets``: A Parquet file with ``set``, ``document_id``, ``label`` and ``text``; documents trained on and unseen
        ones whole, one after the other.
    """
    table = pq.read_table(sets)
    chosen = {
        name: _chosen(
            models,
            table.filter(pa.compute.equal(table.column("set"), name)),
            whole=name in WHOLE,
            max_tokens=max_tokens,
            size=size,
            seed=seed,
        )
        for name in dict.fromkeys(table.column("set").to_pylist())
    }
    rows, labels = [], {name: _strings(each, "label") for name, each in chosen.items()}
    with progress.task("distances", total=sum(each.num_rows for each in chosen.values()), unit="sentences") as task:
        for name, each in chosen.items():
            parts = [
                sentence_distances(*v) for v in joint_values(models, each.column("text").to_pylist(), task=task)
            ]
            weights = np.ones(each.num_rows)
            if name == WHOLE[0] and WHOLE[1] in labels:
                weights = balancing_weights(labels[name], like=labels[WHOLE[1]])
            rows.append(_row(name, parts, weights=weights, documents=each.column("document_id").to_numpy()))
    write_table(out, pa.Table.from_pylist(rows, schema=_SCHEMA))


def _strings(table: pa.Table, name: str) -> NDArray[np.str_]:
    return np.array([each or "" for each in table.column(name).to_pylist()], dtype=np.str_)


def _chosen(
    models: Sequence[Model], table: pa.Table, *, whole: bool, max_tokens: int, size: int, seed: int
) -> pa.Table:
    """Leave out what has no token, and of whole documents what fine-tuning does not read; choose of the rest."""
    texts = table.column("text").to_pylist()
    tokens = [model.tokenize(texts) for model in models]
    fits = np.ones(len(texts), dtype=bool)
    for each in tokens:
        fits[each.empty] = False
    if whole and texts:
        special = models[0].tokenizer.num_special_tokens_to_add(pair=False)  # pooled or not
        own = tokens[0].lengths.astype(np.int64) - special
        documents = table.column("document_id").to_numpy()
        fits &= within_reach(documents, own, max_tokens=max_tokens - special)
    places = np.flatnonzero(fits)
    return table.take(np.sort(uniform_sample(places, size=size, seed=seed)))


def _row(
    name: str, parts: Sequence[SentenceDistances], *, weights: NDArray[np.float64], documents: NDArray[np.int64]
) -> dict[str, object]:
    if not parts:
        return {"set": name, "n_sentences": 0}
    whole = SentenceDistances(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    weights, documents = weights[whole.finite], documents[whole.finite]
    counted = documents[weights > 0]
    row: dict[str, object] = {"set": name, "n_sentences": len(counted), "n_documents": len(np.unique(counted))}
    for key in ("manhattan", "euclidean", "length"):
        mean = clustered_mean(getattr(whole, key), weights=weights, documents=documents)
        row[key] = mean.value if np.isfinite(mean.value) else None
        row[f"{key}_error"] = mean.error if np.isfinite(mean.error) else None
    del row["length_error"]
    return row
