"""Every kind of evidence on one scale, ready for naming: who leads a list, by how many bits."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.counting.counts import Evidence
from neurolect.statistics.scores import expected_share, share_bits


class Candidate(NamedTuple):
    """One piece of evidence of one list."""

    label: str
    share: float
    """Share of the list that holds it."""
    expected: float
    """Share of the background that would hold it, at the list's sentence length."""
    z: float
    bits: float
    """Divergence of the strongest 10 and of the strongest 100 from what is expected, added."""
    items: tuple[int, ...]
    """Word codes of a word or pattern; empty for other kinds."""
    places: int = 0
    """Which of the strongest 100 sentences hold it: bit p is the sentence of rank p."""
    usual: float = 0.0
    """Share of the background's sentences that hold it, of whatever length."""
    passes: bool = True
    """Whether it is twice as frequent as expected, and no chance find, among the strongest 10 or 100."""
    n_documents: int = 2
    """Documents of the list's sentences that hold it."""
    condition: tuple[str, str] = ("", "")
    """Kind of evidence and label: what says which other sentences hold it."""
    of_layer: bool = False
    """Whether it passes against the background alone, not against what most lists of the layer have."""


MIN_LIFT = 2.0
"""What a name rests on is so many times as frequent at the peak of the list as expected."""
COMMON_WORD, COMMON_DISCOUNT = 0.03, 0.3
"""A word that more than this share of all sentences has says little of a theme; its bits count in part."""

END_SHARE = 0.06
"""A phrase that begins or ends with a word of more than this share of all sentences names nothing: 'and pepper'."""
CLITIC = re.compile(r"['\u2019]|n['\u2019]t$")
"""The pieces that "it's", "don't", "I'm" are split into."""
NEGATION = re.compile(r"n['\u2019]t$")
NAME_DISCOUNT = 0.7
"""In a name, function words, numbers and addresses say less than words for things."""
FUNCTION_TAGS = frozenset(
    ["CC", "DT", "EX", "IN", "MD", "PDT", "PRP", "PRP$", "RP", "TO", "WDT", "WP", "WP$", "WRB"]
)
ADDRESS = re.compile(r"@|https?:|www\.")

Candidates = list[list[Candidate]]
"""For each list its candidates, most bits first."""


def of_evidence(
    evidence: Evidence,
    *,
    labels: Sequence[str],
    n_lists: int,
    kind: str = "",
    conditions: Sequence[str] | None = None,
    times_longer: NDArray[np.float64] | None = None,
    at_least: NDArray[np.float64] | None = None,
    weights: NDArray[np.float64] | None = None,
    limit: int = 8,
    rate: float = 0.05,
    are_words: bool = False,
) -> Candidates:
    """Turn evidence into candidates for a name.

    ``evidence``: Evidence of one kind, sorted by list, counted at all depths.
    ``kind, conditions``: Name of the kind, and what each item is called as a condition on sentences: its label
        where not given.
    ``times_longer``: float64, shape (n_lists,). Mean length of each list by the background's: longer sentences hold
        more of every word.
    ``at_least``: float64, shape (n_rows,). Share to expect of each row at least, whatever the background has.
    ``weights``: float64, shape (n_items,). What bits of each item count; those of weight 0 are not named.
    ``rate``: False-discovery rate at which a candidate passes.
    """
    expected = evidence.usual
    if times_longer is not None:
        expected = np.maximum(expected, expected_share(expected, times_longer[evidence.lists]))
    if at_least is not None:
        expected = np.maximum(expected, at_least)
    bits = peak_bits(evidence, expected)
    if weights is not None and len(weights):
        bits = bits * weights[evidence.items]
    passes = passes_at_peak(evidence, expected, rate=rate)
    of_layer = np.zeros_like(passes)
    if at_least is not None:
        of_layer = passes_at_peak(evidence, evidence.usual, rate=rate) & ~passes
    found: Candidates = [[] for _ in range(n_lists)]
    said = passes | of_layer | (evidence.n_documents == 1)  # names leave the others out
    chosen = leading(evidence.lists, bits, limit=limit)
    for row in chosen[said[chosen]].tolist():
        item = int(evidence.items[row])
        found[evidence.lists[row]].append(
            candidate_of(
                evidence,
                row,
                label=labels[item],
                condition=(kind, (labels if conditions is None else conditions)[item]),
                expected=float(expected[row]),
                bits=float(bits[row]),
                passes=bool(passes[row]),
                items=(item,) if are_words else (),
                of_layer=bool(of_layer[row]),
            )
        )
    return found


def candidate_of(
    evidence: Evidence,
    row: int,
    *,
    label: str,
    condition: tuple[str, str],
    expected: float,
    bits: float,
    passes: bool,
    items: tuple[int, ...],
    of_layer: bool = False,
) -> Candidate:
    """Make a candidate of one row."""
    low, high = evidence.places[row].tolist()
    return Candidate(
        label=label,
        share=float(evidence.share_list[row]),
        expected=expected,
        z=float(evidence.z_documents[row]),
        bits=bits,
        items=items,
        places=low | high << 64,
        usual=float(evidence.usual[row]),
        passes=passes,
        n_documents=int(evidence.n_documents[row]),
        condition=condition,
        of_layer=of_layer,
    )


def peak_bits(evidence: Evidence, expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the divergence of the strongest 10 from what is expected, plus that of the strongest 100."""
    return share_bits(evidence.share_10, expected) + share_bits(evidence.share_100, expected)


def passes_at_peak(evidence: Evidence, expected: NDArray[np.float64], *, rate: float) -> NDArray[np.bool_]:
    """Tell what is twice as frequent as expected, and no chance find, among the strongest 10 or 100."""
    at_10 = (evidence.q_10 <= rate) & (evidence.share_10 >= MIN_LIFT * expected)
    at_100 = (evidence.q_100 <= rate) & (evidence.share_100 >= MIN_LIFT * expected)
    return np.asarray(at_10 | at_100)


def leading(lists: NDArray[np.int32], bits: NDArray[np.float64], *, limit: int) -> NDArray[np.intp]:
    """Choose the rows with most bits of every list.

    ``lists``: int32, shape (n,), ascending. List of each row.
    ``bits``: float64, shape (n,). Rows without any are never chosen.
    Returns: intp, shape (n_chosen,). Row numbers by list, then most bits first; equal ones in the order given.
    """
    order = np.lexsort((-np.round(bits, 9), lists))
    place = np.arange(len(order)) - np.searchsorted(lists, lists[order])
    chosen: NDArray[np.intp] = order[(place < limit) & (bits[order] > 0)]
    return chosen


def word_weights(coded: CodedSentences) -> NDArray[np.float64]:
    """Weigh words by what they say to a reader of a name.

    ``coded``: Whose vocabulary; without tags no word is known to be a function word.
    Returns: float64, shape (n_words,). 0 for single letters and the pieces of contractions; 0.3 for numbers,
        handles, web addresses and words that are mostly function words (pronouns, prepositions, ...); else 1.
    """
    weights = np.array([_weight(word) for word in coded.vocabulary], dtype=np.float64)
    if coded.tag_names:
        closed = np.array([name in FUNCTION_TAGS for name in coded.tag_names], dtype=np.float64)
        size = len(coded.vocabulary)
        tokens = np.bincount(coded.words, minlength=size)
        mostly = np.bincount(coded.words, weights=closed[coded.tags], minlength=size) > tokens / 2
        weights[mostly] = np.minimum(weights[mostly], COMMON_DISCOUNT)
    return weights


def name_weights(coded: CodedSentences) -> NDArray[np.float64]:
    """Weigh words by what they say in a name, where how rare they are counts by itself.

    Returns: float64, shape (n_words,). 0 and 1 as of :func:`word_weights`, but "n't" is a word; else 0.7.
    """
    weights = word_weights(coded)
    weights[(weights > 0) & (weights < 1)] = NAME_DISCOUNT
    weights[[NEGATION.fullmatch(word) is not None for word in coded.vocabulary]] = NAME_DISCOUNT
    return weights


def _weight(word: str) -> float:
    if (len(word) == 1 and word.isascii()) or CLITIC.match(word):
        return 0.0
    says_little = ADDRESS.match(word) or not any(letter.isalpha() for letter in word)
    return COMMON_DISCOUNT if says_little else 1.0


# Metadata values that say that there is nothing to say.
UNINFORMATIVE = frozenset(
    {"", "neutral", "none", "null", "unknown", "other", "no", "false", "n/a", "uncategorized"}
)
"""In lower case. They are counted like any other value, but are never a theme: no name, no line of a card."""
