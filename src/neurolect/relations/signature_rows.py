"""Signatures as sparse vectors: what a list has more of, by words, metadata and tags."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.clustering.nearest import SparseRows
from neurolect.signatures.evidence.metadata import METADATA_ROWS
from neurolect.signatures.evidence.rows import Rows
from neurolect.signatures.evidence.tags import TAG_ROWS
from neurolect.signatures.evidence.words import WORD_ROWS
from neurolect.statistics.scores import MIN_Z
from neurolect.store import Run
from neurolect.store.sides import lists_of

KINDS = (WORD_ROWS, METADATA_ROWS, TAG_ROWS)
"""What two signatures are alike in, each kind a third of it."""


def signature_rows(run: Run, *, sides: tuple[str, ...]) -> tuple[SparseRows, int]:
    """Make a vector of every signature.

    Returns: rows: SparseRows. One row a list, neuron by neuron, sides in the order given. A column is a word, a
        metadata value or a tag, its weight the log-odds z (2 or more). Words, metadata and tags are each brought to
        the same length, so the product of two rows is the mean of the cosines of the kinds; a kind that a list has
        nothing of adds nothing.
    Returns: n_columns: int. Columns.
    """
    n_lists = run.n_neurons * len(sides)
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    n_columns = 0
    for kind in KINDS:
        lists, labels, weights = _evidence(run, kind, sides)
        norms = np.sqrt(np.bincount(lists, weights=weights**2, minlength=n_lists))
        columns, size = _numbered(labels)
        parts.append((lists, columns + n_columns, weights / norms[lists] / np.sqrt(len(KINDS))))
        n_columns += size
    lists, columns = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    values = np.concatenate([part[2] for part in parts])
    order = np.lexsort((columns, lists))
    starts = np.concatenate([[0], np.cumsum(np.bincount(lists, minlength=n_lists))]).astype(np.int64)
    rows = SparseRows(starts, columns[order].astype(np.int32), values[order].astype(np.float32))
    return rows, n_columns


def _evidence(
    run: Run, rows: Rows, sides: tuple[str, ...]
) -> tuple[NDArray[np.int64], list[pa.ChunkedArray], NDArray[np.float64]]:
    """Read the list, the labels and the weight of what is over-represented."""
    table = rows.read(run, "log_odds_z").filter(pc.field("log_odds_z") >= MIN_Z)
    weights = table.column("log_odds_z").to_numpy().astype(np.float64)
    return lists_of(table, sides), [table.column(key) for key in rows.labels], weights


def _numbered(labels: list[pa.ChunkedArray]) -> tuple[NDArray[np.int64], int]:
    """Give every combination of labels a number, in the order of the labels themselves."""
    codes = np.zeros(len(labels[0]), dtype=np.int64)
    for label in labels:
        encoded = label.combine_chunks().dictionary_encode()
        own = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        rank = np.argsort(np.argsort(np.array(encoded.dictionary.to_pylist(), dtype=object), kind="stable"))
        codes = codes * max(len(rank), 1) + (rank[own] if len(rank) else own)
    distinct, numbers = np.unique(codes, return_inverse=True)
    return numbers.astype(np.int64), len(distinct)
