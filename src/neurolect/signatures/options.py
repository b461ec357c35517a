"""What can be chosen about describing a run."""

from dataclasses import dataclass
from typing import Literal

from neurolect.errors import OptionError
from neurolect.statistics.scores import MIN_Z, PRIOR_SIZE

LONGEST_PATTERN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeOptions:
    """Choices of the describe stage."""

    tagger: str = "auto"
    """Part-of-speech tagger: ``auto`` (an installed English spaCy model), ``none``, or a package or folder."""
    vectors: str = "train"
    """Word vectors: ``train`` (fastText on the kept sentences), ``none``, or a .vec, .txt or .bin file."""
    n_frequent: int = 20
    """Words, values and patterns kept a list by frequency, per class."""
    n_relative: int = 40
    """Words, values and patterns kept a list by log-odds z, per class."""
    min_count: int = 3
    """Evidence is held by at least so many sentences of the list."""
    min_share: float = 0.005
    """Evidence is held by at least this share of the list's sentences."""
    min_z: float = MIN_Z
    """Evidence kept by log-odds z alone scores at least this."""
    prior_size: float = PRIOR_SIZE
    """Sentences' weight of the prior in log-odds z."""
    pattern_items: tuple[Literal["word", "lemma", "tag", "mixed"], ...] = ("word", "tag")
    """What patterns (skip n-grams) are made of: ``word``, ``lemma``, ``tag``, ``mixed`` (a word where it is common,
    else its tag). All but words need a tagger."""
    pattern_length: int = 3
    """Longest pattern in items; 1 for no patterns."""
    pattern_share: float = 0.01
    """A pattern is held by at least this share of the list's sentences."""
    word_gap: int = 4
    """Words that a pattern of words or lemmas may skip between two of its items; -1 for any number."""
    tag_gap: int = 1
    """Words that a pattern of tags, or with tags, may skip between two of its items; -1 for any number."""
    pattern_filter: Literal["all", "closed", "maximal"] = "all"
    """Patterns kept by log-odds z: ``all``, those ``closed`` (no longer one of the same support) or ``maximal``."""
    false_discovery_rate: float = 0.05
    """Share of false ones allowed among the patterns that are said to pass, over all lists (Benjamini-Hochberg)."""
    trees: str = "none"
    """Trees that subtrees are mined from: ``none``, ``dependencies`` (the parser of the tagger's model, half as
    long again as tags alone), or ``field:NAME``, a metadata field of bracketed trees, one or more a sentence."""
    tree_labels: Literal["tag", "relation"] = "tag"
    """What the nodes of dependency trees are called: each word's ``tag`` or its ``relation`` to its head."""
    subtree_size: int = 4
    """Most nodes of a subtree."""
    n_typical: int = 3
    """Typical sentences a list."""
    max_senses: int = 5
    """Senses a list at most; 1 for no search."""
    sense_sentences: int = 400
    """Sentences of a list, evenly spread over its ranks, that the number of senses is chosen on at most."""
    sense_margin: float = 0.05
    """A split's silhouette exceeds that of a single cluster of the same shape by at least this."""
    sense_share: float = 0.05
    """A sense has at least this share of the list's sentences."""
    vector_size: int = 64
    """Dimensions of word vectors trained here."""
    vector_epochs: int = 3
    """Passes over the training sentences."""
    vector_sentences: int = 100_000
    """Kept sentences (a seeded choice) that word vectors are trained on at most."""
    seed: int = 0
    """Seed of what is random: training sentences and initial word vectors."""

    def __post_init__(self) -> None:
        for name, low in _LOWEST.items():
            value = getattr(self, name)
            if value < low:
                what = f"describe.{name} is {value!r}."
                raise OptionError(what, expected=f"a number of at least {low}")
        if self.pattern_length > LONGEST_PATTERN:
            what = f"describe.pattern_length is {self.pattern_length!r}."
            raise OptionError(what, expected=f"a length up to {LONGEST_PATTERN}")
        unknown = [item for item in self.pattern_items if item not in ("word", "lemma", "tag", "mixed")]
        if unknown:
            what = f"describe.pattern_items has {unknown[0]!r}."
            raise OptionError(what, expected="some of word, lemma, tag and mixed")
        if self.trees not in ("none", "dependencies") and not self.trees.startswith("field:"):
            what = f"describe.trees is {self.trees!r}."
            raise OptionError(what, expected="none, dependencies or field:NAME")
        if self.trees == "dependencies" and self.tagger == "none":
            what = "describe.trees is 'dependencies', and describe.tagger 'none'."
            raise OptionError(what, expected="a tagger: its model has the parser, too")
        if self.tree_labels not in ("tag", "relation"):
            what = f"describe.tree_labels is {self.tree_labels!r}."
            raise OptionError(what, expected="tag or relation")
        if not 2 <= self.subtree_size <= LONGEST_PATTERN:
            what = f"describe.subtree_size is {self.subtree_size!r}."
            raise OptionError(what, expected=f"a size from 2 to {LONGEST_PATTERN}")
        if self.pattern_filter not in ("all", "closed", "maximal"):
            what = f"describe.pattern_filter is {self.pattern_filter!r}."
            raise OptionError(what, expected="all, closed or maximal")
        for name in ("min_share", "pattern_share", "false_discovery_rate", "sense_share"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                what = f"describe.{name} is {value!r}."
                raise OptionError(what, expected="a share between 0 and 1")


_LOWEST = {
    "n_frequent": 1,
    "n_relative": 1,
    "min_count": 1,
    "prior_size": 1.0,
    "pattern_length": 1,
    "word_gap": -1,
    "tag_gap": -1,
    "n_typical": 1,
    "max_senses": 1,
    "sense_sentences": 4,
    "sense_margin": 0.0,
    "vector_size": 2,
    "vector_epochs": 1,
    "vector_sentences": 1,
}
