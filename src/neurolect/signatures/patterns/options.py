"""What can be chosen about skip n-grams."""

from dataclasses import dataclass
from math import ceil
from typing import Literal, get_args

from neurolect.errors import OptionError
from neurolect.signatures.mining.prefixspan import MAX_LENGTH
from neurolect.statistics.scores import MIN_Z, PRIOR_SIZE

SequenceItem = Literal["word", "lemma", "tag", "mixed"]
Item = Literal["word", "lemma", "tag", "mixed", "subtree"]
Keep = Literal["all", "closed", "maximal"]


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
    """A word pattern is reported by log-odds z only if its parts meet this many times as often in the list than by
    chance, so that what the words alone explain is left to the words; 0 reports it anyway."""
    tag_min_association: float = 0.0
    """The same for tags."""
    max_overlap: float = 0.75
    """A pattern is not reported by log-odds z if its sentences in the list overlap more than this (Jaccard index)
    with those of a higher scored one."""
    keep: Keep = "all"
    """Patterns reported by log-odds z: ``all``, those that are ``closed`` or those that are ``maximal``."""
    min_z: float = MIN_Z
    """A pattern reported by log-odds z scores at least this."""
    n_candidates: int = 2_000
    """Patterns of a list whose background counts are taken. Where a list has more, those that a background of
    independent items explains least are taken."""
    max_patterns: int = 200_000
    """A list with more patterns than this is mined up to a shorter length, and a message says so."""
    max_list_entries: int = 100_000_000
    """The same where its patterns are held by its sentences more often than this in all, as in templated text."""
    prior_size: float = PRIOR_SIZE
    """Weight of the prior of log-odds z, in sentences."""
    false_discovery_rate: float = 0.05
    """Share of false ones allowed among the patterns that are said to pass."""
    max_entries: int = 350_000_000
    """Pairs of sentence and pattern that an index of all sentences may have, 8 bytes each. Beyond that,
    every list is mined by itself, with the same result. 0 for no index."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.min_share <= 1.0:
            what = f"skip_ngrams.min_share is {self.min_share!r}."
            raise OptionError(what, expected="a share between 0 and 1")
        if not 2 <= self.max_length <= MAX_LENGTH:
            what = f"skip_ngrams.max_length is {self.max_length!r}."
            raise OptionError(what, expected=f"a length from 2 to {MAX_LENGTH}")
        for name in (
            "min_sentences",
            "n_frequent",
            "n_relative",
            "n_candidates",
            "max_patterns",
            "max_list_entries",
        ):
            if getattr(self, name) < 1:
                what = f"skip_ngrams.{name} is {getattr(self, name)!r}."
                raise OptionError(what, expected="1 or more")
        if self.keep not in get_args(Keep):
            what = f"skip_ngrams.keep is {self.keep!r}."
            raise OptionError(what, expected="all, closed or maximal")
        if self.max_entries < 0:
            what = f"skip_ngrams.max_entries is {self.max_entries!r}."
            raise OptionError(what, expected="0 (no index) or more")
        for name in ("word_max_gap", "tag_max_gap"):
            if (getattr(self, name) or 0) < 0:
                what = f"skip_ngrams.{name} is {getattr(self, name)!r}."
                raise OptionError(what, expected="0 (contiguous) or more, or none for any gap")

    def min_support(self, n_sentences: int) -> int:
        """Sentences that a pattern needs in a list of `n_sentences`."""
        # The tolerance keeps 7 % of 100 sentences at 7 where rounding makes it a hair more.
        return max(self.min_sentences, ceil(self.min_share * n_sentences - 1e-9))

    def max_gap(self, item: Item) -> int | None:
        """Gap limit of a kind of item: that of words for lemmas, that of tags where tags are."""
        return self.word_max_gap if item in ("word", "lemma") else self.tag_max_gap

    def min_association(self, item: Item) -> float:
        """Smallest association of a kind of item: that of words for lemmas, that of tags where tags are."""
        return self.word_min_association if item in ("word", "lemma") else self.tag_min_association
