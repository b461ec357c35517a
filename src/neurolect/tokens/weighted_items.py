"""Words and tags by how the neuron responds to them: their shares of its activation and of the text.

With mean pooling a sentence is listed because its tokens' activations above the neuron's mean add up to much; the
weights take that sum apart. Every sentence counts as many words as it has, shared out by weight instead of evenly;
so a neuron that responds to all words alike changes nothing.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.statistics.scores import log_odds_z
from neurolect.statistics.sorting import distinct

MIN_SENTENCES = 2
N_KEPT = 40


class ListItems(NamedTuple):
    """All words of the read sentences of one list, one after the other."""

    codes: NDArray[np.int32]
    sentences: NDArray[np.int64]
    """Sentence of each word, any number."""
    weights: NDArray[np.float64]
    """Average 1 over the words of a sentence."""
    activations: NDArray[np.float64]
    """NaN where no token covers the word."""


class Scored(NamedTuple):
    """The kept items of one list, strongest first."""

    codes: NDArray[np.int64]
    n_sentences: NDArray[np.int64]
    n_occurrences: NDArray[np.int64]
    share_words: NDArray[np.float64]
    share_activation: NDArray[np.float64]
    mean_activation: NDArray[np.float64]
    plain_z: NDArray[np.float64]
    weighted_z: NDArray[np.float64]


def score_items(
    items: ListItems, *, keep: NDArray[np.bool_], background: NDArray[np.int64], prior_size: float
) -> Scored:
    """Score the items of one list, weighted and plain.

    ``keep``: bool, shape (n_items,). Items that are reported; the others (punctuation) take their share of the
        activation all the same.
    ``background``: int64, shape (n_items,). Occurrences of each item in the uniform sample.
    Returns: The leading items by weighted log-odds z, held by two sentences at least.
    """
    n_items, total = len(background), max(len(items.codes), 1)
    counts = np.bincount(items.codes, minlength=n_items)
    weighted = np.bincount(items.codes, weights=items.weights, minlength=n_items)
    pairs = distinct(items.sentences * n_items + items.codes)
    in_sentences = np.bincount(pairs % n_items, minlength=n_items)
    codes = np.flatnonzero((in_sentences >= MIN_SENTENCES) & keep)
    known = np.isfinite(items.activations)
    sums = np.bincount(items.codes[known], weights=items.activations[known], minlength=n_items)
    n_known = np.bincount(items.codes[known], minlength=n_items)
    size = int(background.sum())
    plain, heavy = (
        log_odds_z(each[codes], total, background[codes], size, n_overlap=0, size_overlap=0, prior_size=prior_size)
        for each in (counts, weighted)
    )
    order = np.lexsort((codes, -np.round(heavy, 6)))[:N_KEPT]
    codes = codes[order]
    return Scored(
        codes=codes,
        n_sentences=in_sentences[codes],
        n_occurrences=counts[codes],
        share_words=counts[codes] / total,
        share_activation=weighted[codes] / total,
        mean_activation=sums[codes] / np.maximum(n_known[codes], 1),
        plain_z=plain[order],
        weighted_z=heavy[order],
    )


def weighted_table(
    owners: list[tuple[int, str]], scored: list[Scored], *, labels: dict[str, list[str]]
) -> pa.Table:
    """Write scored items as a table.

    ``owners``: list of (int, str). Neuron and side of each list.
    ``labels``: Columns that name an item, e.g. ``word`` and ``display``, by code.
    Returns: ``signatures/token_words`` or ``signatures/token_tags`` of ``docs/run_folder.md``.
    """
    sizes = [len(each.codes) for each in scored]
    none, nothing = np.empty(0, np.int64), np.empty(0)
    empty = Scored(none, none, none, nothing, nothing, nothing, nothing, nothing)
    joined = Scored._make(np.concatenate(columns) for columns in zip(empty, *scored, strict=True))
    codes = pa.array(joined.codes.astype(np.int64))
    gain = np.divide(
        joined.share_activation, joined.share_words, out=np.zeros(len(codes)), where=joined.share_words > 0
    )
    columns = {
        "neuron_id": pa.array(np.repeat([neuron for neuron, _ in owners], sizes).astype(np.int32)),
        "side": pa.array(np.repeat([side for _, side in owners], sizes).tolist(), pa.string()),
        **{name: pa.array(values, pa.string()).take(codes) for name, values in labels.items()},
        "n_sentences": pa.array(joined.n_sentences.astype(np.int32)),
        "n_occurrences": pa.array(joined.n_occurrences.astype(np.int32)),
        "gain": pa.array(gain.astype(np.float32)),
        "mean_activation": pa.array(joined.mean_activation.astype(np.float32)),
    }
    for name in ("share_words", "share_activation", "plain_z", "weighted_z"):
        columns[name] = pa.array(getattr(joined, name).astype(np.float32))
    return pa.table(columns)
