"""How far the activations of each sentence moved between two models, set by set, with standard errors."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.atomic import write_table
from neurolect.model.model import Model
from neurolect.progress import Progress
from neurolect.relations.between_models.joint_pass import joint_values

__all__ = ["SentenceDistances", "sentence_distances", "write_distances"]

_SCHEMA = pa.schema(
    [
        ("set", pa.string()),
        ("n_sentences", pa.int64()),
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


def sentence_distances(first: NDArray[np.float32], second: NDArray[np.float32]) -> SentenceDistances:
    """Measure every sentence.

    Parameters
    ----------
    first, second : float32, shape (n_sentences, n_neurons)
        Activations of the same sentences in two models; sentences that are not finite in both are left out.

    Returns
    -------
    SentenceDistances
        Of the sentences left.

    Examples
    --------
    >>> zeros, ones = np.zeros((1, 4), dtype=np.float32), np.ones((1, 4), dtype=np.float32)
    >>> found = sentence_distances(zeros, ones)
    >>> float(found.manhattan[0]), float(found.euclidean[0])
    (4.0, 2.0)
    """
    finite = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    a, b = first[finite].astype(np.float64), second[finite].astype(np.float64)
    difference = b - a
    return SentenceDistances(
        np.abs(difference).sum(axis=1),
        np.sqrt((difference**2).sum(axis=1)),
        np.sqrt((a**2).sum(axis=1)),
    )


def write_distances(models: Sequence[Model], sets: Path, *, out: Path, progress: Progress) -> None:
    """Write means and standard errors over each set.

    Parameters
    ----------
    models : sequence of Model
        Two, of the same neurons.
    sets : Path
        A Parquet file with ``set`` and ``text``.
    out : Path
        The Parquet file to write.
    progress : Progress
        Where to report to.
    """
    table = pq.read_table(sets)
    rows = []
    with progress.task("distances", total=table.num_rows, unit="sentences") as task:
        for name in dict.fromkeys(table.column("set").to_pylist()):
            texts = table.filter(pa.compute.equal(table.column("set"), name)).column("text").to_pylist()
            parts = [sentence_distances(*values) for values in joint_values(models, texts, task=task)]
            whole = SentenceDistances(*(np.concatenate(column) for column in zip(*parts, strict=True)))
            rows.append(_row(name, whole))
    write_table(out, pa.Table.from_pylist(rows, schema=_SCHEMA))


def _row(name: str, found: SentenceDistances) -> dict[str, object]:
    n = len(found.manhattan)
    row: dict[str, object] = {"set": name, "n_sentences": n, "length": float(found.length.mean())}
    for key in ("manhattan", "euclidean"):
        values = getattr(found, key)
        row[key] = float(values.mean())
        row[f"{key}_error"] = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else None
    return row
