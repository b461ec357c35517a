"""The features that signatures are compiled from: every piece of evidence of every list, numbered once.

Universe: words, then word patterns, tags, tag patterns, length, metadata, subtrees, senses. A list's features are
its own evidence; what a sentence has of a sense differs from list to list (see ``sense_vectors.py``).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.store import Run

__all__ = ["ALL", "EVIDENCE", "LENGTH_FEATURES", "Features", "has_senses", "read_features"]

EVIDENCE = ("words", "phrases", "tags", "tag_patterns", "length", "metadata", "subtrees", "senses")
"""Kinds of evidence, in the order of their features."""
ALL = "all"
"""All kinds together."""
LENGTH_FEATURES = ("log length", "log length squared")
N_TAGS = 1_000
"""All tags of a list are its evidence."""
EQUALS = "="
"""Between a metadata field and its value."""


class Features(NamedTuple):
    """Features of the whole run, and which of them each list has."""

    labels: list[str]
    """What each feature is; a pattern's items are joined by a space, a field and its value by an equals sign."""
    kinds: NDArray[np.int8]
    """Place of its kind in ``EVIDENCE``, ascending, shape (n_features,)."""
    codes: NDArray[np.int32]
    """Features of each list, ascending within it, shape (n_entries,)."""
    offsets: NDArray[np.int64]
    """Where each list's features start, shape (n_lists + 1,)."""

    @property
    def starts(self) -> NDArray[np.int64]:
        """First feature of each kind, and the end, shape (n_kinds + 1,)."""
        return np.asarray(np.searchsorted(self.kinds, np.arange(len(EVIDENCE) + 1)), dtype=np.int64)

    def of_kind(self, kind: str) -> list[str]:
        """Give the labels of one kind.

        Parameters
        ----------
        kind : str
            One of ``EVIDENCE``.

        Returns
        -------
        list of str
            In order.
        """
        first, last = self.starts[EVIDENCE.index(kind) :][:2]
        return self.labels[first:last]


class _Rows(NamedTuple):
    """Evidence of one kind: the list and the label of each row, strongest first within a list."""

    lists: NDArray[np.int64]
    labels: pa.Array


def has_senses(run: Run) -> bool:
    """Tell whether a run's lists have senses that sentences can be compared with.

    Parameters
    ----------
    run : Run
        A described run.

    Returns
    -------
    bool
        False without word vectors.
    """
    files = ("word_vectors.npy", "senses.parquet", "sense_members.parquet")
    described = run.manifest["options"].get("describe", {}).get("vectors", "none") != "none"
    return described and all((run.folder / "signatures" / name).is_file() for name in files)


def read_features(run: Run, *, sides: Sequence[str], n_evidence: int) -> Features:
    """Give the evidence of a described run numbers.

    Parameters
    ----------
    run : Run
        A described run.
    sides : sequence of str
        Sides of the lists; list ``neuron_id * len(sides) + side``.
    n_evidence : int
        Rows of a kind taken of each list at most, strongest first; of tags all.

    Returns
    -------
    Features
        Labels of a kind in alphabetical order.

    Raises
    ------
    RunFolderError
        If the run has not been described.
    """
    n_lists = run.n_neurons * len(sides)
    patterns = {item: ("signatures/skip_ngrams", "pattern", ("item", item)) for item in ("word", "tag")}
    sources: list[tuple[str, str, tuple[str, str] | None, int]] = [
        ("signatures/words", "word", ("word_class", "all"), n_evidence),
        (*patterns["word"], n_evidence),
        ("signatures/tags", "tag", None, N_TAGS),
        (*patterns["tag"], n_evidence),
    ]
    kinds = [_rows(run, table, label, only, sides, limit) for table, label, only, limit in sources]
    every = np.arange(n_lists, dtype=np.int64)
    length = pa.array(LENGTH_FEATURES).take(pa.array(np.tile([0, 1], n_lists)))
    kinds.append(_Rows(np.repeat(every, len(LENGTH_FEATURES)), length))
    kinds.append(_metadata_rows(run, sides, n_evidence))
    kinds.append(_subtree_rows(run, sides, n_evidence))
    kinds.append(_sense_rows(run, sides))
    labels: list[str] = []
    of_kind, codes, lists = [], [], []
    for number, rows in enumerate(kinds):
        encoded = rows.labels.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        order = sorted(range(len(names)), key=names.__getitem__)
        place = np.empty(len(names), dtype=np.int64)
        place[order] = np.arange(len(names))
        codes.append(place[encoded.indices.to_numpy(zero_copy_only=False)] + len(labels))
        lists.append(rows.lists)
        labels += [names[each] for each in order]
        of_kind.append(np.full(len(names), number, dtype=np.int8))
    every_list, every_code = np.concatenate(lists), np.concatenate(codes)
    order_of_rows = np.lexsort((every_code, every_list))
    counts = np.bincount(every_list, minlength=n_lists)
    return Features(
        labels,
        np.concatenate(of_kind),
        every_code[order_of_rows].astype(np.int32),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )


def _rows(run: Run, name: str, label: str, only: tuple[str, str] | None, sides: Sequence[str], limit: int) -> _Rows:
    """Read one kind of evidence: the rows of the best relative ranks."""
    columns = ["neuron_id", "side", label, "rank_relative", *([only[0]] if only else [])]
    table = run.table(name, columns=columns)
    if only:
        table = table.filter(pc.equal(table.column(only[0]), only[1]))
    lists = _lists(table, sides)
    keep = leading(lists, table.column("rank_relative").to_numpy(), limit=limit)
    return _Rows(lists[keep], _whole(table.column(label)).take(pa.array(keep)))


def _metadata_rows(run: Run, sides: Sequence[str], limit: int) -> _Rows:
    """Read metadata: ranks are within a field there, so the scores are compared."""
    columns = ["neuron_id", "side", "field", "value", "log_odds_z"]
    table = run.table("signatures/metadata", columns=columns)
    lists = _lists(table, sides)
    keep = leading(lists, -table.column("log_odds_z").to_numpy(), limit=limit)
    labels = pc.binary_join_element_wise(_whole(table.column("field")), _whole(table.column("value")), EQUALS)
    return _Rows(lists[keep], labels.take(pa.array(keep)))


def _subtree_rows(run: Run, sides: Sequence[str], limit: int) -> _Rows:
    """Read subtrees, where the run was described with trees."""
    if not (run.folder / "signatures" / "subtrees.parquet").is_file():
        return _Rows(np.empty(0, np.int64), pa.array([], pa.string()))
    return _rows(run, "signatures/subtrees", "subtree", None, sides, limit)


def _sense_rows(run: Run, sides: Sequence[str]) -> _Rows:
    """Give the senses of every list labels, where sentences have vectors; two digits keep them in order."""
    if not has_senses(run):
        return _Rows(np.empty(0, np.int64), pa.array([], pa.string()))
    table = run.table("signatures/senses", columns=["neuron_id", "side", "sense"])
    labels = [f"sense {number:02}" for number in table.column("sense").to_pylist()]
    return _Rows(_lists(table, sides), pa.array(labels, pa.string()))


def leading(lists: NDArray[np.int64], ranks: NDArray[np.generic], *, limit: int) -> NDArray[np.int64]:
    """Choose the rows of the lowest ranks of every list.

    Parameters
    ----------
    lists : int64, shape (n,)
        List of each row.
    ranks : shape (n,)
        Its rank; of equal ones the earlier row comes first.
    limit : int
        Rows a list.

    Returns
    -------
    int64, shape (at most n,)
        Rows, by list, then rank.

    Examples
    --------
    >>> leading(np.array([0, 0, 0, 1]), np.array([2, 1, 3, 1]), limit=2).tolist()
    [1, 0, 3]
    """
    order = np.lexsort((ranks, lists))
    ordered = lists[order]
    place = np.arange(len(order), dtype=np.int64) - np.searchsorted(ordered, ordered)
    kept: NDArray[np.int64] = np.compress(place < limit, order).astype(np.int64)
    return kept


def _lists(table: pa.Table, sides: Sequence[str]) -> NDArray[np.int64]:
    neurons = table.column("neuron_id").to_numpy().astype(np.int64)
    places = pc.index_in(table.column("side"), value_set=pa.array(list(sides), pa.string()))
    return np.asarray(neurons * len(sides) + places.to_numpy(), dtype=np.int64)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    if isinstance(joined, pa.ChunkedArray):
        return joined.chunk(0) if joined.num_chunks else pa.array([], joined.type)
    return joined
