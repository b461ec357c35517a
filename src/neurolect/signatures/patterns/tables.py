"""Skip n-grams as a signature has them: mined by ``skip_ngrams.py``, here put into words and tables."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.progress import Progress
from neurolect.signatures.annotation.coding import CodedSentences, counts_as_word
from neurolect.signatures.annotation.lemmas import lemma_codes, read_lemma_tables
from neurolect.signatures.counting.candidates import (
    END_SHARE,
    Candidates,
    candidate_of,
    leading,
    name_weights,
    passes_at_peak,
    peak_bits,
)
from neurolect.signatures.counting.counts import NO_EVIDENCE, Evidence, evidence_columns, no_depths
from neurolect.signatures.counting.items import count_in_rows, items_of_tokens
from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import FREQUENT, RELATIVE, DescribeOptions
from neurolect.signatures.patterns.evidence import PatternEvidence, PatternTests
from neurolect.signatures.patterns.options import SequenceItem
from neurolect.statistics.scores import expected_share, lift

# What patterns are sequences of: words, lemmas, tags, or common words among the tags of the others.
COMMON = 0.01
"""A mixed pattern has a word where more than this share of the background's sentences hold it, else its tag."""


class PatternItems(NamedTuple):
    """Sentences as sequences of items."""

    codes: NDArray[np.int32]
    """Item of each token."""
    labels: list[str]
    """What each code stands for."""
    allowed: NDArray[np.bool_]
    """Whether it may be part of a pattern: punctuation never is."""


def pattern_items_of(
    coded: CodedSentences, *, item: SequenceItem, in_sample: NDArray[np.bool_], tagger: str | None
) -> PatternItems:
    """Give every token its item.

    ``coded``: The kept sentences; with tags for all items but words.
    ``item``: Kind of the items. Mixed patterns have one item a place: a common word, or the tag of any other word.
    ``in_sample``: bool, shape (n_sentences,). The background, in which words are common.
    ``tagger``: Package or folder of the tagger, whose model knows the lemmas.
    """
    is_tag_of_word = np.array([name[:1].isalpha() for name in coded.tag_names], dtype=np.bool_)
    if item == "tag":
        return PatternItems(coded.tags, coded.tag_names, is_tag_of_word)
    if item == "lemma":
        codes, labels = lemma_codes(
            coded.words,
            coded.tags,
            vocabulary=coded.vocabulary,
            tag_names=coded.tag_names,
            tables=read_lemma_tables(tagger or ""),
        )
        return PatternItems(codes, labels, np.array([counts_as_word(each) for each in labels], dtype=np.bool_))
    if item == "mixed":
        items = items_of_tokens(coded.words, coded.offsets, n_items=len(coded.vocabulary))
        counts = count_in_rows(items, in_sample)
        is_common = (counts > COMMON * max(int(in_sample.sum()), 1)) & coded.counts_as_word
        n_words = len(coded.vocabulary)
        codes = np.where(is_common[coded.words], coded.words, coded.tags + n_words).astype(np.int32)
        allowed = np.concatenate([coded.counts_as_word, is_tag_of_word])
        return PatternItems(codes, [*coded.vocabulary, *coded.tag_names], allowed)
    return PatternItems(coded.words, coded.vocabulary, coded.counts_as_word)


ELLIPSIS = "\u2026"
N_PHRASES = 5
"""Candidates a list."""


class Patterns(NamedTuple):
    """Patterns of one kind of item."""

    item: str
    """``word``, ``lemma``, ``tag``, ``mixed`` or ``subtree``."""
    labels: list[str]
    """Label of each item code."""
    codes: NDArray[np.int32]
    """Item codes of all patterns, one after the other."""
    offsets: NDArray[np.int64]
    """Where each pattern's items start, shape (n_patterns + 1,)."""
    evidence: Evidence
    """One row a pattern; ``items`` numbers the rows."""
    tests: PatternTests
    """Further columns."""
    n_tests: int
    """Pairs of pattern and list."""
    n_passed: int
    """How many of them pass at the false-discovery rate."""


def mine_patterns_of(
    coded: CodedSentences,
    lists: Lists,
    *,
    item: SequenceItem,
    in_sample: NDArray[np.bool_],
    options: DescribeOptions,
    tagger: str | None = None,
    workers: int,
    progress: Progress,
) -> Patterns:
    """Mine the skip n-grams of one kind of item of every list.

    ``item``: What patterns are made of; punctuation is never part of one.
    ``in_sample``: bool, shape (n_sentences,). The background.
    """
    from neurolect.signatures.patterns.options import SkipNgramOptions
    from neurolect.signatures.patterns.skip_ngrams import mine_skip_ngrams

    items = pattern_items_of(coded, item=item, in_sample=in_sample, tagger=tagger)
    mining = SkipNgramOptions(
        min_share=options.pattern_share,
        max_length=options.pattern_length,
        word_max_gap=options.word_gap if options.word_gap >= 0 else None,
        tag_max_gap=options.tag_gap if options.tag_gap >= 0 else None,
        n_frequent=options.n_frequent or FREQUENT,
        n_relative=options.n_relative or RELATIVE,
        prior_size=options.prior_size,
        keep=options.pattern_filter,
        false_discovery_rate=options.false_discovery_rate,
    )
    background = np.flatnonzero(in_sample)
    found = mine_skip_ngrams(
        items.codes,
        coded.offsets,
        lists=lists.rows,
        background_rows=background,
        item=item,
        allowed=items.allowed,
        lengths=coded.n_words,
        options=mining,
        workers=workers,
        progress=progress,
    )
    return found_patterns(found, lists, item=item, labels=items.labels, n_background=len(background))


def found_patterns(
    found: PatternEvidence, lists: Lists, *, item: str, labels: list[str], n_background: int
) -> Patterns:
    """Put what was mined into the columns that every signature table has."""
    sizes = lists.sizes[found.list_index]
    n_list = found.n_list.astype(np.int64)
    evidence = Evidence(
        lists=found.list_index,
        items=np.arange(len(n_list), dtype=np.int32),
        n_list=n_list,
        share_list=n_list / np.maximum(sizes, 1),
        n_background=found.n_background,
        share_background=found.n_background / max(n_background, 1),
        lift=lift(n_list, sizes, found.n_background, n_background),
        log_odds_z=found.log_odds_z.astype(np.float64),
        rank_frequency=found.rank_frequency.astype(np.int64),
        rank_relative=found.rank_relative.astype(np.int64),
        **no_depths(len(n_list)),
    )
    return Patterns(item, labels, found.items, found.offsets, evidence, found.tests, found.n_tests, found.n_passed)


def phrase_candidates(
    patterns: Patterns,
    *,
    coded: CodedSentences,
    in_sample: NDArray[np.bool_],
    word_shares: NDArray[np.float64],
    times_longer: NDArray[np.float64],
    rate: float = 0.05,
) -> Candidates:
    """Turn patterns of words into candidates for a name.

    ``in_sample``: bool, shape (n_sentences,). The background that the patterns were counted in.
    ``word_shares``: float64, shape (n_words,). Share of the background's sentences that hold each word: a pattern
        of common words only says as little as they do.
    ``times_longer``: float64, shape (n_lists,). Mean length of each list by the background's.
    Returns: A few for each list, most bits first. Words that mostly are not side by side are joined by an
        ellipsis.
    """
    evidence, starts = patterns.evidence, patterns.offsets[:-1]
    expected = expected_share(evidence.usual, times_longer[evidence.lists])
    expected = np.maximum(evidence.usual, expected)
    bits = peak_bits(evidence, expected)
    passes = passes_at_peak(evidence, expected, rate=rate)
    if len(starts):
        weights = name_weights(coded)
        bits *= np.maximum.reduceat(weights[patterns.codes], starts)
        bits[np.minimum.reduceat(weights[patterns.codes], starts) == 0.0] = 0.0
        first, last = patterns.codes[starts], patterns.codes[patterns.offsets[1:] - 1]
        cut = np.maximum(word_shares[first], word_shares[last]) > END_SHARE
        bits[cut | (first == last)] = 0.0
    neighbours = _neighbours(coded, in_sample=in_sample)
    found: Candidates = [[] for _ in range(len(times_longer))]
    for row in leading(evidence.lists, bits, limit=N_PHRASES).tolist():
        items = tuple(patterns.codes[patterns.offsets[row] : patterns.offsets[row + 1]].tolist())
        label = coded.display[items[0]]
        for before, after in pairwise(items):
            side_by_side = neighbours(before, after) * 2 >= evidence.n_background[row]
            label += f" {coded.display[after]}" if side_by_side else f" {ELLIPSIS} {coded.display[after]}"
        found[evidence.lists[row]].append(
            candidate_of(
                evidence,
                row,
                label=label,
                condition=("phrases", " ".join(coded.vocabulary[item] for item in items)),
                expected=float(expected[row]),
                bits=float(bits[row]),
                passes=bool(passes[row]),
                items=items,
            )
        )
    return found


def _neighbours(coded: CodedSentences, *, in_sample: NDArray[np.bool_]) -> Callable[[int, int], int]:
    """Count how often two words are side by side in the sample."""
    rows = np.repeat(np.arange(coded.n_sentences), np.diff(coded.offsets))
    together = (rows[:-1] == rows[1:]) & in_sample[rows[:-1]]
    size = len(coded.vocabulary)
    pairs, counts = np.unique(
        coded.words[:-1][together].astype(np.int64) * size + coded.words[1:][together], return_counts=True
    )

    def count(before: int, after: int) -> int:
        place = int(np.searchsorted(pairs, before * size + after))
        return int(counts[place]) if place < len(pairs) and pairs[place] == before * size + after else 0

    return count


def patterns_table(kinds: Sequence[Patterns], *, lists: Lists) -> pa.Table:
    """Write patterns as a table.

    Returns: ``signatures/skip_ngrams`` of ``docs/run_folder.md``; by neuron, side, item, relative rank.
    """
    parts, keys = [], []
    for place, patterns in enumerate(kinds):
        evidence, lengths = patterns.evidence, np.diff(patterns.offsets)
        spelled = pa.array(patterns.labels, pa.string()).take(pa.array(patterns.codes))
        items = pa.ListArray.from_arrays(pa.array(patterns.offsets.astype(np.int32)), spelled)
        columns = lists.identify(evidence.lists)
        columns["item"] = pa.array([patterns.item] * len(lengths), pa.string())
        columns["length"] = pa.array(lengths.astype(np.int8))
        columns["pattern"] = pc.binary_join(items, " ")
        columns["items"] = items
        parts.append(pa.table(columns | evidence_columns(evidence) | columns_of_tests(patterns.tests)))
        keys.append(np.stack([evidence.rank_relative, np.full(len(lengths), place), evidence.lists]))
    if not parts:
        return patterns_table([_NOTHING], lists=lists)
    order = np.lexsort(np.concatenate(keys, axis=1))
    return pa.concat_tables(parts).take(pa.array(order))


def columns_of_tests(tests: PatternTests) -> dict[str, pa.Array]:
    """Give the further columns of a table of patterns.

    Returns: ``g2`` to ``maximal`` of ``docs/run_folder.md``; NaN becomes null. ``q``, which knows of documents,
        is one of the evidence columns.
    """
    return {name: pa.array(column, from_pandas=True) for name, column in tests._asdict().items() if name != "q"}


_SMALL, _FLAG = np.empty(0, np.float32), np.empty(0, np.bool_)
NO_TESTS = PatternTests(_SMALL, _SMALL, _SMALL, _SMALL, _SMALL, _SMALL, _FLAG, _FLAG)
_NOTHING = Patterns("word", [], np.empty(0, np.int32), np.zeros(1, np.int64), NO_EVIDENCE, NO_TESTS, 0, 0)
