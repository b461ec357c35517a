"""Skip n-grams of lists: mine every list, count what was found in the background, keep what is worth reading.

Knows arrays only. Exact: the patterns of every list at its minimum support, the counts of what is reported in the
list and in the background, and the scores made of these. A choice: which patterns are reported; a list with more
than `n_candidates` patterns is cut down to these, by a rule of thumb, before the background is counted.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.progress import NullProgress, Progress
from neurolect.signatures.distinct_patterns import distinct_patterns
from neurolect.signatures.pattern_counts import count_patterns
from neurolect.signatures.pattern_ranking import association, by_score, preselect, rank_patterns
from neurolect.signatures.pattern_trie import PatternTrie, TrieUnion, padded_items, pattern_items, pruned
from neurolect.signatures.prefixspan import MAX_LENGTH, MinedPatterns, mine_patterns
from neurolect.signatures.projections import CompactSentences, compact_sentences
from neurolect.signatures.scoring import log_odds_z

__all__ = ["PatternEvidence", "SkipNgramOptions", "mine_skip_ngrams"]

Item = Literal["word", "tag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipNgramOptions:
    """What is mined, and how much of it is reported."""

    min_share: float = 0.01
    """A pattern is in at least this share of a list's sentences."""
    min_sentences: int = 5
    """And in at least so many of them, which matters for short lists."""
    max_length: int = 3
    """Most items of a pattern."""
    word_max_gap: int | None = 4
    """Most places skipped between two neighbouring words; None for any number."""
    tag_max_gap: int | None = 1
    """Most places skipped between two neighbouring tags; None for any number."""
    n_frequent: int = 20
    """Patterns reported by frequency, for each list and kind of item."""
    n_relative: int = 40
    """Patterns reported by log-odds z, for each list and kind of item."""
    word_min_association: float = 2.0
    """A word pattern is reported by log-odds z only if its parts meet this many times oftener in the list than by
    chance, so that what the words alone explain is left to the words; 0 reports it anyway."""
    tag_min_association: float = 0.0
    """The same for tags."""
    max_overlap: float = 0.75
    """A pattern is not reported by log-odds z if its sentences in the list overlap more than this (Jaccard index)
    with those of a higher scored one."""
    min_z: float = 2.0
    """A pattern reported by log-odds z scores at least this."""
    n_candidates: int = 2_000
    """Patterns of a list whose background counts are taken. Where a list has more, those that a background of
    independent items explains least are taken."""
    max_patterns: int = 200_000
    """A list with more patterns than this is mined up to a shorter length, and a message says so."""
    prior_size: float = 500.0
    """Weight of the prior of log-odds z, in sentences."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.min_share <= 1.0:
            what = f"skip_ngrams.min_share is {self.min_share!r}."
            raise OptionError(what, expected="a share between 0 and 1")
        if not 2 <= self.max_length <= MAX_LENGTH:
            what = f"skip_ngrams.max_length is {self.max_length!r}."
            raise OptionError(what, expected=f"a length from 2 to {MAX_LENGTH}")
        for name in ("min_sentences", "n_frequent", "n_relative", "n_candidates", "max_patterns"):
            if getattr(self, name) < 1:
                what = f"skip_ngrams.{name} is {getattr(self, name)!r}."
                raise OptionError(what, expected="1 or more")
        for name in ("word_max_gap", "tag_max_gap"):
            if (getattr(self, name) or 0) < 0:
                what = f"skip_ngrams.{name} is {getattr(self, name)!r}."
                raise OptionError(what, expected="0 (contiguous) or more, or none for any gap")

    def min_support(self, n_sentences: int) -> int:
        """Sentences that a pattern needs in a list of `n_sentences`."""
        # The tolerance keeps 7 % of 100 sentences at 7 where rounding makes it a hair more.
        return max(self.min_sentences, ceil(self.min_share * n_sentences - 1e-9))

    def max_gap(self, item: Item) -> int | None:
        """Gap limit of a kind of item."""
        return self.word_max_gap if item == "word" else self.tag_max_gap

    def min_association(self, item: Item) -> float:
        """Smallest association of a kind of item."""
        return self.word_min_association if item == "word" else self.tag_min_association


class PatternEvidence(NamedTuple):
    """Reported patterns of two items or more: by list, then by `rank_relative`. R rows."""

    list_index: NDArray[np.int32]
    """Which list, shape (R,)."""
    items: NDArray[np.int32]
    """Item codes, flat: row r is ``items[offsets[r]:offsets[r + 1]]``."""
    offsets: NDArray[np.int64]
    """Shape (R + 1,)."""
    n_list: NDArray[np.int32]
    """Sentences of the list that hold the pattern, shape (R,)."""
    n_background: NDArray[np.int64]
    """Sentences of the background that hold it, those of the list included, shape (R,)."""
    log_odds_z: NDArray[np.float32]
    """Against the background without the list, shape (R,)."""
    rank_frequency: NDArray[np.int16]
    """From 1 by `n_list`, among the list's rows, shape (R,)."""
    rank_relative: NDArray[np.int16]
    """From 1, among the list's rows: by `log_odds_z`, but rows that are reported for their frequency only come
    after all others, shape (R,)."""


class _Candidates(NamedTuple):
    """What mining keeps of one list. C candidates."""

    nodes: NDArray[np.int32]  # in the union of all lists
    support: NDArray[np.int32]
    overlap: NDArray[np.int32]  # sentences of the list in the background that hold it
    association: NDArray[np.float32]
    n_sentences: int
    n_overlap: int
    truncated: bool


class _Ranked(NamedTuple):
    """The reported rows of one list."""

    nodes: NDArray[np.int32]
    support: NDArray[np.int32]
    n_background: NDArray[np.int64]
    scores: NDArray[np.float32]
    rank_frequency: NDArray[np.int16]
    rank_relative: NDArray[np.int16]


class _Sentences(NamedTuple):
    codes: NDArray[np.int32]
    offsets: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    in_background: NDArray[np.bool_]
    share: NDArray[np.float64]  # of each item, in the background
    n_background: int


def mine_skip_ngrams(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    *,
    lists: NDArray[np.int32],
    background_rows: NDArray[np.int64],
    item: Item,
    allowed: NDArray[np.bool_] | None = None,
    options: SkipNgramOptions | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> PatternEvidence:
    """Find what skip n-grams every list has, and which of them it has more than the background.

    Parameters
    ----------
    codes : int32, shape (n_tokens,)
        Item codes of all sentences; a negative code is a place without an item.
    offsets : int64, shape (n_sentences + 1,)
        Sentence ``s`` is ``codes[offsets[s]:offsets[s + 1]]``.
    lists : int32, shape (n_lists, n)
        Sentences of each list, distinct; -1 where a list is shorter.
    background_rows : int64, shape (n_background,)
        Sentences of the background, distinct. Lists may overlap with it.
    item : {"word", "tag"}
        Kind of the items: chooses the gap limit and the association asked for.
    allowed : bool, shape (n_codes,), optional
        Whether an item may be part of a pattern (left out: every item). Others still count in gaps.
    options : SkipNgramOptions, optional
        What is mined and reported.
    workers : int, >= 1
        Threads. The result does not depend on it.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    PatternEvidence
        Rows by list, then by `rank_relative`.

    Raises
    ------
    ValueError
        If a row or a code is out of range.
    """
    options = options or SkipNgramOptions()
    progress = progress or NullProgress()
    if allowed is None:
        allowed = np.ones(int(codes.max(initial=-1)) + 1, np.bool_)
    background = np.ascontiguousarray(background_rows, dtype=np.int64)
    sentences = _prepare(codes, offsets, allowed, background)
    union = TrieUnion()
    candidates: list[_Candidates] = []
    n_truncated = 0
    with ThreadPoolExecutor(workers) as pool:
        with progress.task(f"mine {item} patterns", total=len(lists), unit="lists") as task:
            for trie, found in pool.map(
                partial(_mine_list, sentences=sentences, item=item, options=options), lists
            ):
                candidates.append(found._replace(nodes=union.update(trie)[found.nodes]))
                n_truncated += found.truncated
                task.advance()
        if n_truncated:
            progress.message(
                f"{n_truncated} of {len(lists)} lists have more than {options.max_patterns:,} {item} patterns: "
                f"theirs are shorter than {options.max_length} items."
            )
        everything = union.trie()
        counts = count_patterns(
            codes, offsets, trie=everything, rows=background, max_gap=options.max_gap(item), workers=workers
        )
        with progress.task(f"rank {item} patterns", total=len(lists), unit="lists") as task:
            ranked = []
            rank = partial(
                _rank_list, sentences=sentences, trie=everything, counts=counts, item=item, options=options
            )
            for reported in pool.map(rank, candidates, lists):
                ranked.append(reported)
                task.advance()
    return _evidence(ranked, everything)


def _prepare(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    background: NDArray[np.int64],
) -> _Sentences:
    every = compact_sentences(codes, offsets, rows=background, allowed=allowed, min_support=1)
    # An item that the background lacks counts as half a sentence there.
    share = np.full(len(allowed), 0.5)
    share[every.items] = every.support
    share /= max(1, len(background))
    in_background = np.zeros(len(offsets) - 1, np.bool_)
    in_background[background] = True
    return _Sentences(codes, offsets, allowed, in_background, share, len(background))


def _mine_list(
    rows: NDArray[np.int32], *, sentences: _Sentences, item: Item, options: SkipNgramOptions
) -> tuple[PatternTrie, _Candidates]:
    """Mine one list; the nodes of its candidates are those of the trie that comes with them."""
    rows = rows[rows >= 0].astype(np.int64)
    if len(rows) and rows.max() >= len(sentences.in_background):
        what = f"A list holds sentence {rows.max()} of {len(sentences.in_background)} sentences."
        raise ValueError(what)
    marked = sentences.in_background[rows]
    mined = mine_patterns(
        sentences.codes,
        sentences.offsets,
        rows=np.concatenate([rows[marked], rows[~marked]]),
        allowed=sentences.allowed,
        min_support=options.min_support(len(rows)),
        max_length=options.max_length,
        max_gap=options.max_gap(item),
        max_patterns=options.max_patterns,
        n_marked=int(marked.sum()),
    )
    chosen = preselect(
        mined,
        expected=_expected(mined, sentences.share) * len(rows),
        n_frequent=options.n_frequent,
        n_candidates=options.n_candidates,
    )
    ties = association(mined, n_sentences=len(rows))[chosen].astype(np.float32)
    trie, nodes = pruned(mined.trie, chosen.astype(np.int32))
    return trie, _Candidates(
        nodes,
        mined.support[chosen],
        mined.support_marked[chosen],
        ties,
        len(rows),
        int(marked.sum()),
        mined.truncated,
    )


def _expected(mined: MinedPatterns, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Product of the background shares of each pattern's items."""
    product = share[mined.trie.item]
    for length in range(2, mined.max_length + 1):
        nodes = np.flatnonzero(mined.length == length)
        product[nodes] *= product[mined.trie.parent[nodes]]
    return product


def _rank_list(
    found: _Candidates,
    rows: NDArray[np.int32],
    *,
    sentences: _Sentences,
    trie: PatternTrie,
    counts: NDArray[np.int64],
    item: Item,
    options: SkipNgramOptions,
) -> _Ranked:
    """Score the candidates of a list and choose the rows to report."""
    scores = log_odds_z(
        found.support,
        found.n_sentences,
        counts[found.nodes],
        sentences.n_background,
        n_overlap=found.overlap,
        size_overlap=found.n_overlap,
        prior_size=options.prior_size,
    )
    items = padded_items(trie, found.nodes, length=options.max_length)
    order = by_score(scores, found.support, items)
    eligible = (scores >= options.min_z) & (found.association >= options.min_association(item))
    ranking = order[eligible[order]]
    distinct = distinct_patterns(
        _compact(sentences, rows[rows >= 0].astype(np.int64), options),
        items=items[ranking],
        support=found.support[ranking],
        max_gap=options.max_gap(item),
        n_keep=options.n_relative,
        max_overlap=options.max_overlap,
    )
    ranks = rank_patterns(order, typical=ranking[distinct], support=found.support, n_frequent=options.n_frequent)
    nodes = found.nodes[ranks.chosen]
    return _Ranked(
        nodes,
        found.support[ranks.chosen],
        counts[nodes],
        scores[ranks.chosen].astype(np.float32),
        ranks.rank_frequency,
        ranks.rank_relative,
    )


def _compact(sentences: _Sentences, rows: NDArray[np.int64], options: SkipNgramOptions) -> CompactSentences:
    return compact_sentences(
        sentences.codes,
        sentences.offsets,
        rows=rows,
        allowed=sentences.allowed,
        min_support=options.min_support(len(rows)),
    )


def _evidence(ranked: list[_Ranked], trie: PatternTrie) -> PatternEvidence:
    """Join the rows of all lists."""
    nothing = np.empty(0, np.int32)
    empty = _Ranked(
        nothing,
        nothing,
        np.empty(0, np.int64),
        np.empty(0, np.float32),
        np.empty(0, np.int16),
        np.empty(0, np.int16),
    )
    columns = _Ranked(*(np.concatenate(column) for column in zip(empty, *ranked, strict=True)))
    items, offsets = pattern_items(trie, columns.nodes)
    return PatternEvidence(
        np.repeat(np.arange(len(ranked), dtype=np.int32), [len(each.nodes) for each in ranked]),
        items,
        offsets,
        columns.support,
        columns.n_background,
        columns.scores,
        columns.rank_frequency,
        columns.rank_relative,
    )
