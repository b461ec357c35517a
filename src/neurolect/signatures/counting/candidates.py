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
    items: tuple[int, ...]
    """Word codes of a word or pattern; empty for other kinds."""


COMMON_WORD, COMMON_DISCOUNT = 0.03, 0.3
"""A word that more than this share of all sentences has says little of a theme; its bits count in part."""

END_SHARE = 0.06
"""A phrase that begins or ends with a word of more than this share of all sentences names nothing: 'and pepper'."""
CLITIC = re.compile(r"['\u2019]|n['\u2019]t$")
"""The pieces that "it's", "don't", "I'm" are split into."""
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
    times_longer: NDArray[np.float64] | None = None,
    per_sentence: NDArray[np.float64] | None = None,
    weights: NDArray[np.float64] | None = None,
    limit: int = 8,
    are_words: bool = False,
) -> Candidates:
    """Turn evidence into candidates for a name.

    ``evidence``: Evidence of one kind, sorted by list.
    ``times_longer``: float64, shape (n_lists,). Mean length of each list by the background's: longer sentences hold
        more of every word.
    ``per_sentence``: float64, shape (n_lists,). Counted things a sentence: tokens, where shares are of tokens; 1
        when not given.
    ``weights``: float64, shape (n_items,). What bits of each item count; those of weight 0 are not named.
    """
    expected = evidence.share_background
    if times_longer is not None:
        expected = expected_share(expected, times_longer[evidence.lists])
    bits = share_bits(evidence.share_list, expected)
    if per_sentence is not None:
        bits = bits * per_sentence[evidence.lists]
    counted = weights[evidence.items] if weights is not None and len(weights) else np.ones(len(bits))
    if are_words:
        common = evidence.share_background > COMMON_WORD
        counted = np.where(common, np.minimum(counted, COMMON_DISCOUNT), counted)
    bits = bits * counted
    found: Candidates = [[] for _ in range(n_lists)]
    for row in leading(evidence.lists, bits, limit=limit).tolist():
        item = int(evidence.items[row])
        found[evidence.lists[row]].append(
            Candidate(
                label=labels[item],
                share=float(evidence.share_list[row]),
                expected=float(expected[row]),
                z=float(evidence.log_odds_z[row]),
                bits=float(bits[row]),
                items=(item,) if are_words else (),
            )
        )
    return found


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
