"""A list's own skip n-grams by how the neuron responds to the words that they cover.

A sentence that holds a pattern counts as many words as the pattern has; weighted, by the mean weight of the words
at all its occurrences there. A word's share of the text and of the activation are reported in the same way.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.statistics.scores import log_odds_z
from neurolect.store import Run
from neurolect.tokens.weighted_items import MIN_SENTENCES, ListItems


# What a pattern's occurrences in a sentence are worth: the mean weight of the words that they cover.
#
# All ways to place a pattern's items count alike. They may be many, so sums over them are kept by the place of the
# last item: the ways to reach it, and what the words on all these ways add up to.
@njit(cache=True, nogil=True)
def weigh_occurrences(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    values: NDArray[np.float64],
    patterns: NDArray[np.int32],
    max_gap: int,
    means: NDArray[np.float64],
) -> None:
    """Average word values over the occurrences of patterns.

    ``codes``: int32, shape (n_words,). Item of each word of some sentences.
    ``offsets``: int64, shape (n_sentences + 1,). Where each sentence starts.
    ``values``: float64, shape (n_words, n_values). Numbers of each word.
    ``patterns``: int32, shape (n_patterns, n_items). Items in order, -1 after the last.
    ``max_gap``: Most words skipped between two items; -1 for any number.
    ``means``: float64, shape (n_patterns, n_sentences, n_values). Written to: mean over the pattern's words and all
        its occurrences; NaN where a sentence does not hold it.
    """
    longest = 0
    for sentence in range(len(offsets) - 1):
        longest = max(longest, offsets[sentence + 1] - offsets[sentence])
    n_values = values.shape[1]
    ways, sums = np.zeros((2, longest)), np.zeros((2, longest, n_values))
    for p in range(patterns.shape[0]):
        for sentence in range(len(offsets) - 1):
            begin, n = offsets[sentence], offsets[sentence + 1] - offsets[sentence]
            length = _place(codes[begin : begin + n], values[begin : begin + n], patterns[p], max_gap, ways, sums)
            now = (length - 1) % 2
            total = ways[now, :n].sum()
            for each in range(n_values):
                share = sums[now, :n, each].sum() / (length * total) if total > 0 else np.nan
                means[p, sentence, each] = share


@njit(cache=True, nogil=True)
def _place(
    codes: NDArray[np.int32],
    values: NDArray[np.float64],
    pattern: NDArray[np.int32],
    max_gap: int,
    ways: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> int:
    """Place item after item; row `(length - 1) % 2` then holds ways and sums by the last item's place."""
    n = len(codes)
    for at in range(n):
        fits = codes[at] == pattern[0]
        ways[0, at] = 1.0 if fits else 0.0
        for each in range(values.shape[1]):
            sums[0, at, each] = values[at, each] if fits else 0.0
    length = 1
    while length < len(pattern) and pattern[length] >= 0:
        before, now = (length - 1) % 2, length % 2
        for at in range(n):
            ways[now, at] = 0.0
            sums[now, at] = 0.0
            if codes[at] != pattern[length]:
                continue
            first = 0 if max_gap < 0 else max(0, at - 1 - max_gap)
            for earlier in range(first, at):
                if ways[before, earlier] > 0:
                    ways[now, at] += ways[before, earlier]
                    for each in range(values.shape[1]):
                        sums[now, at, each] += sums[before, earlier, each]
            for each in range(values.shape[1]):
                sums[now, at, each] += ways[now, at] * values[at, each]
        length += 1
    return length


ITEMS = ("word", "tag")
"""Patterns of lemmas and mixed ones are of items that only describing knows."""


class _Kind(NamedTuple):
    """One kind of item."""

    item: str
    codes: NDArray[np.int32]
    """Of every coded token."""
    names: list[str]
    max_gap: int


class _Own(NamedTuple):
    """The patterns of one list and one kind."""

    patterns: list[str]
    items: list[list[str]]
    n_background: NDArray[np.int64]


def weighted_patterns(
    run: Run,
    listed: Mapping[tuple[int, str], ListItems],
    *,
    coded: CodedSentences,
    n_background: int,
    n_words: int,
    prior_size: float,
) -> pa.Table:
    """Weigh the patterns of lists.

    ``listed``: mapping of (int, str) to ListItems. Words of the sentences read again of each neuron and side; their
        codes are positions among the coded tokens.
    ``n_background``: Sentences of the uniform sample, in which patterns were counted.
    Returns: ``signatures/token_patterns`` of ``docs/run_folder.md``.
    """
    options = run.manifest["options"]["describe"]
    kinds = [_Kind("word", coded.words, coded.vocabulary, int(options["word_gap"]))]
    if coded.tag_names:
        kinds.append(_Kind("tag", coded.tags, coded.tag_names, int(options["tag_gap"])))
    wanted = pa.array(sorted({neuron for neuron, _ in listed}), pa.int32())
    columns = ["neuron_id", "side", "item", "pattern", "items", "n_background"]
    rows = run.table("signatures/skip_ngrams", columns=columns)
    rows = rows.filter(pc.is_in(rows.column("neuron_id"), value_set=wanted)).combine_chunks()
    tables = [_empty()]
    for kind in kinds:
        number = {name: code for code, name in enumerate(kind.names)}
        own = _by_list(rows.filter(pc.equal(rows.column("item"), kind.item)))
        for owner, items in listed.items():
            if owner in own:
                sizes = n_words, n_background
                made = _weigh(items, own[owner], kind=kind, number=number, sizes=sizes, prior_size=prior_size)
                tables.append(_with_owner(made, owner, kind.item))
    table = pa.concat_tables(tables)
    kinds_of = pc.index_in(table.column("item"), value_set=pa.array(ITEMS)).to_numpy()
    bottom = pc.equal(table.column("side"), "bottom").to_numpy()
    order = np.lexsort(
        (-table.column("weighted_z").to_numpy(), kinds_of, bottom, table.column("neuron_id").to_numpy())
    )
    return table.take(pa.array(order))


def _by_list(rows: pa.Table) -> dict[tuple[int, str], _Own]:
    """Part rows by list."""
    neurons, sides = rows.column("neuron_id").to_numpy(), rows.column("side").to_pylist()
    parts: dict[tuple[int, str], list[int]] = {}
    for place, owner in enumerate(zip(neurons.tolist(), sides, strict=True)):
        parts.setdefault(owner, []).append(place)
    patterns, items = rows.column("pattern").to_pylist(), rows.column("items").to_pylist()
    counts = rows.column("n_background").to_numpy()
    return {
        owner: _Own([patterns[at] for at in places], [items[at] for at in places], counts[places])
        for owner, places in parts.items()
    }


def _weigh(
    listed: ListItems,
    own: _Own,
    *,
    kind: _Kind,
    number: Mapping[str, int],
    sizes: tuple[int, int],
    prior_size: float,
) -> pa.Table:
    """Weigh the patterns of one list; those in two of its sentences at least."""
    offsets = np.append(np.flatnonzero(np.diff(listed.sentences, prepend=-1)), len(listed.sentences))
    codes = kind.codes[listed.codes]
    known = np.isfinite(listed.activations)
    values = np.stack([listed.weights, np.where(known, listed.activations, 0.0), known], axis=1)
    means = np.empty((len(own.items), len(offsets) - 1, values.shape[1]))
    weigh_occurrences(codes, offsets, values, _padded(own.items, number), kind.max_gap, means)
    held = ~np.isnan(means[:, :, 0])
    n_held = held.sum(axis=1)
    keep = np.flatnonzero(n_held >= MIN_SENTENCES)
    held, means, n_held = held[keep], np.nan_to_num(means[keep]), n_held[keep]
    lengths = np.array([len(own.items[each]) for each in keep.tolist()], dtype=np.int64)
    total, (n_words, n_background) = len(codes), sizes
    gain = means[:, :, 0].sum(axis=1) / np.maximum(n_held, 1)
    sums, covered = means[:, :, 1].sum(axis=1), means[:, :, 2].sum(axis=1)
    # a pattern's words in the sample, as many a sentence as it has items
    in_sample = np.minimum(own.n_background[keep], n_background) * lengths
    plain, heavy = (
        log_odds_z(each, total, in_sample, n_words, n_overlap=0, size_overlap=0, prior_size=prior_size)
        for each in (n_held * lengths, n_held * lengths * gain)
    )
    columns = {
        "pattern": pa.array([own.patterns[each] for each in keep.tolist()], pa.string()),
        "n_sentences": pa.array(n_held.astype(np.int32)),
        "gain": gain,
        "mean_activation": np.divide(sums, covered, out=np.full(len(keep), np.nan), where=covered > 0),
        "share_words": n_held * lengths / max(total, 1),
        "share_activation": n_held * lengths * gain / max(total, 1),
        "plain_z": plain,
        "weighted_z": heavy,
    }
    return pa.table({name: _narrow(column) for name, column in columns.items()})


def _narrow(column: pa.Array | NDArray[np.float64]) -> pa.Array:
    return pa.array(column.astype(np.float32), from_pandas=True) if isinstance(column, np.ndarray) else column


def _padded(patterns: Sequence[Sequence[str]], number: Mapping[str, int]) -> NDArray[np.int32]:
    """Code patterns; an item that none of the coded sentences has gets a code that nothing has."""
    table = np.full((len(patterns), max(map(len, patterns), default=1)), -1, dtype=np.int32)
    for place, items in enumerate(patterns):
        table[place, : len(items)] = [number.get(item, len(number)) for item in items]
    return table


def _with_owner(table: pa.Table, owner: tuple[int, str], item: str) -> pa.Table:
    n = table.num_rows
    table = table.add_column(0, "neuron_id", pa.array(np.full(n, owner[0], np.int32)))
    table = table.add_column(1, "side", pa.array([owner[1]] * n, pa.string()))
    return table.add_column(2, "item", pa.array([item] * n, pa.string()))


def _empty() -> pa.Table:
    """Give the table without rows."""
    types = {"neuron_id": pa.int32(), "side": pa.string(), "item": pa.string(), "pattern": pa.string()}
    types |= {"n_sentences": pa.int32()}
    numbers = ("gain", "mean_activation", "share_words", "share_activation", "plain_z", "weighted_z")
    return pa.table(
        {name: pa.array([], kind) for name, kind in (types | dict.fromkeys(numbers, pa.float32())).items()}
    )
