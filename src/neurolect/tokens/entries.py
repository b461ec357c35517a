"""Which sentences of which neurons are read again, their activations as a table, and which words they belong to."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.model.word_alignment import Alignment
from neurolect.store import Run

LEVELS = 255
"""Activations at tokens are stored in one byte: so many steps from a sentence's lowest to its highest."""


def wanted_entries(
    run: Run, *, neuron_ids: NDArray[np.int64] | None, sides: Sequence[str], n_sentences: int
) -> pa.Table:
    """List the first entries of lists.

    ``neuron_ids``: int64 array or None. Only these neurons.
    Returns: ``neuron_id``, ``side``, ``rank``, ``sentence_id``, ``activation``; by neuron, side as given, rank.
    """
    parts = []
    for number, side in enumerate(sides):
        if not run.files.has(f"lists/{side}.parquet"):
            what = f"The run folder {run.folder} has no {side} lists."
            raise RunFolderError(what, hint="Choose the other side, or collect again with both.")
        rows = run.table(f"lists/{side}", columns=["neuron_id", "rank", "sentence_id", "activation"])
        keep = pc.less(rows.column("rank"), n_sentences)
        if neuron_ids is not None:
            keep = pc.and_(keep, pc.is_in(rows.column("neuron_id"), value_set=pa.array(neuron_ids, pa.int32())))
        rows = rows.filter(keep)
        rows = rows.add_column(1, "side", pa.array([side] * rows.num_rows, pa.string()))
        parts.append(rows.append_column("order", pa.array(np.full(rows.num_rows, number, np.int8))))
    order = [("neuron_id", "ascending"), ("order", "ascending"), ("rank", "ascending")]
    return pa.concat_tables(parts).sort_by(order).drop_columns(["order"]).combine_chunks()


def pack_values(values: Sequence[NDArray[np.float32]]) -> dict[str, pa.Array]:
    """Store activations in a byte each.

    ``values``: sequence of float32 arrays, each of at least one number. Activations at the tokens of each entry.
    Returns: ``low`` and ``step`` float32, ``tokens`` list<uint8>: an activation is ``low + step * token``, true to
        half a step.
    """
    sizes = np.array([len(each) for each in values], np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    flat = np.concatenate([np.empty(0, np.float32), *values]).astype(np.float64)
    low = np.minimum.reduceat(flat, starts[:-1]) if len(sizes) else np.empty(0)
    high = np.maximum.reduceat(flat, starts[:-1]) if len(sizes) else np.empty(0)
    low, step = low.astype(np.float32), ((high - low) / LEVELS).astype(np.float32)
    wide = np.where(step > 0, step, 1.0)
    bytes_ = np.rint((flat - np.repeat(low, sizes)) / np.repeat(wide, sizes)).clip(0, LEVELS).astype(np.uint8)
    lists = pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), pa.array(bytes_))
    return {"low": pa.array(low), "step": pa.array(step), "tokens": lists}


def unpack_values(table: pa.Table) -> list[NDArray[np.float32]]:
    """Read activations back.

    Returns: list of float32 arrays. For each row its activations.
    """
    table = table.combine_chunks()
    low, step = (table.column(name).to_numpy() for name in ("low", "step"))
    lists = table.column("tokens").chunk(0) if table.num_rows else pa.array([], pa.list_(pa.uint8()))
    bounds, flat = lists.offsets.to_numpy(), lists.values.to_numpy()
    return [low[i] + step[i] * flat[bounds[i] : bounds[i + 1]].astype(np.float32) for i in range(table.num_rows)]


# A word's weight.
def word_weights(
    values: NDArray[np.float32], alignment: Alignment, *, mean: float, sign: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share a sentence's excess activation out to its words.

    ``values``: float32, shape (n_tokens,). Activations at the tokens.
    Returns: activations: float64, shape (n_words,). Mean activation of each word's tokens; NaN for a word without
        one.
    Returns: weights: float64, shape (n_words,). The part above the mean (below it, for the bottom list) divided by
        the sentence's average word's, so that they average 1; all 0 where no word is above the mean.
    """
    n = np.bincount(alignment.words, minlength=alignment.n_words)
    sums = np.bincount(alignment.words, weights=values[alignment.tokens], minlength=alignment.n_words)
    activations = np.divide(sums, n, out=np.full(len(n), np.nan), where=n > 0)
    excess = np.maximum(np.nan_to_num(sign * (activations - mean)), 0.0)
    total = excess.sum()
    return activations, excess * (len(excess) / total) if total > 0 else np.zeros(len(excess))
