"""What can be chosen about describing a run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from neurolect.errors import OptionError
from neurolect.ranges import COUNT, SEED, SHARE, OneOf, Range, check_ranges
from neurolect.statistics.scores import MIN_Z, PRIOR_SIZE

LONGEST_PATTERN = 5
FREQUENT, RELATIVE = 20, 40
"""Evidence kept a list by frequency and by log-odds z, where no number is given and lists are not many."""
_USUAL_LISTS = 18_500


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeOptions:
    """Choices of the describe stage."""

    tagger: str = "auto"
    """Part-of-speech tagger: ``auto`` (an installed English spaCy model), ``none``, or a package or folder."""
    vectors: str = "train"
    """Word vectors: ``train`` (fastText on the kept sentences), ``none``, or a .vec, .txt or .bin file, of any
    number of dimensions (.vec and .txt also packed as .gz)."""
    sentence_vectors: Literal["centred", "plain"] = "centred"
    """How word vectors become a sentence's: ``centred``: words at unit length, the mean of all sentences taken off,
    unit length again; ``plain``: the mean of the vectors of words and marks as they are. Senses are
    of centred ones always."""
    typical_by: Literal["cosine", "euclidean"] = "cosine"
    """What makes a sentence typical of its list: the greatest ``cosine`` with the mean vector, or the least
    ``euclidean`` distance."""
    n_frequent: Annotated[int, Range(1, 1_000_000)] | None = None
    """Words, values and patterns kept a list by frequency, per class; when not given 20, and fewer of more than
    18,500 lists, down to 5."""
    n_relative: Annotated[int, Range(1, 1_000_000)] | None = None
    """Words, values and patterns kept a list by log-odds z, per class; when not given 40, and fewer of more than
    18,500 lists, down to 10."""
    min_count: Annotated[int, COUNT] = 3
    """Evidence is held by at least so many sentences of the list."""
    min_share: Annotated[float, SHARE] = 0.005
    """Evidence is held by at least this share of the list's sentences."""
    min_z: Annotated[float, Range(-1_000.0, 1_000.0)] = MIN_Z
    """Evidence kept by log-odds z alone scores at least this."""
    prior_size: Annotated[float, Range(1.0, 1e9)] = PRIOR_SIZE
    """Sentences' weight of the prior in log-odds z."""
    pattern_items: tuple[Literal["word", "lemma", "tag", "mixed"], ...] = ("word", "tag")
    """What patterns (skip n-grams) are made of: ``word``, ``lemma``, ``tag``, ``mixed`` (a word where it is common,
    else its tag). All but words need a tagger."""
    pattern_length: Annotated[int, Range(1, LONGEST_PATTERN)] = 3
    """Longest pattern in items; 1 for no patterns."""
    pattern_share: Annotated[float, SHARE] = 0.01
    """A pattern is held by at least this share of the list's sentences."""
    word_gap: Annotated[int, Range(-1, 1_000)] = 4
    """Words that a pattern of words or lemmas may skip between two of its items; -1 for any number."""
    tag_gap: Annotated[int, Range(-1, 1_000)] = 1
    """Words that a pattern of tags, or with tags, may skip between two of its items; -1 for any number."""
    pattern_filter: Literal["all", "closed", "maximal"] = "all"
    """Patterns kept by log-odds z: ``all``, those ``closed`` (no longer one of the same support) or ``maximal``."""
    false_discovery_rate: Annotated[float, SHARE] = 0.05
    """Share of false ones allowed among the patterns that are said to pass, over all lists (Benjamini-Hochberg)."""
    trees: str = "none"
    """Trees that subtrees are mined from: ``none``, ``dependencies`` (the parser of the tagger's model, half as
    long again as tags alone), or ``field:NAME``, a metadata field of bracketed trees, one or more a sentence."""
    tree_labels: Literal["tag", "relation"] = "tag"
    """What the nodes of dependency trees are called: each word's ``tag`` or its ``relation`` to its head."""
    subtree_size: Annotated[int, Range(2, LONGEST_PATTERN)] = 4
    """Most nodes of a subtree."""
    name_metadata: Annotated[str, OneOf(("after", "off"))] = "after"
    """Where names say what sentences come from: ``after`` what is in them (first only where nothing in them covers
    enough of the strongest), or not at all (``off``)."""
    n_typical: Annotated[int, Range(1, 1_000)] = 3
    """Typical sentences a list."""
    max_senses: Annotated[int, Range(1, 100)] = 5
    """Senses a list at most; 1 for no search."""
    sense_sentences: Annotated[int, Range(4, 1_000_000)] = 400
    """Sentences of a list, evenly spread over its ranks, that the number of senses is chosen on at most."""
    sense_margin: Annotated[float, Range(0.0, 2.0)] = 0.05
    """A split's silhouette exceeds that of a single cluster of the same shape by at least this."""
    sense_share: Annotated[float, SHARE] = 0.05
    """A sense has at least this share of the list's sentences."""
    vector_size: Annotated[int, Range(2, 10_000)] = 64
    """Dimensions of word vectors trained here."""
    vector_epochs: Annotated[int, Range(1, 1_000)] = 3
    """Passes over the training sentences."""
    vector_sentences: Annotated[int, COUNT] = 100_000
    """Kept sentences (a seeded choice) that word vectors are trained on at most."""
    seed: Annotated[int, SEED] = 0
    """Seed of what is random: training sentences and initial word vectors."""

    def sized(self, n_lists: int, *, before: Mapping[str, Any] | None = None) -> "DescribeOptions":
        """Settle how much evidence is kept a list, so that what all lists have stays of a size.

        Parameters
        ----------
        n_lists : int, >= 0
            Lists that are described.
        before : mapping, optional
            Options that the run was described with; where they are the usual ones they stay.

        Returns
        -------
        DescribeOptions
            With numbers.

        Examples
        --------
        >>> [(each.n_frequent, each.n_relative) for each in map(DescribeOptions().sized, (4_608, 30_000, 92_160))]
        [(20, 40), (12, 24), (5, 10)]
        """
        whole = {"n_frequent": FREQUENT, "n_relative": RELATIVE}
        usual = {
            name: max(most // 4, min(most, most * _USUAL_LISTS // max(1, n_lists))) for name, most in whole.items()
        }
        # by an earlier version, of however many lists
        usual |= {name: most for name, most in whole.items() if (before or {}).get(name) == most}
        settled: dict[str, Any] = {name: getattr(self, name) or value for name, value in usual.items()}
        return replace(self, **settled)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "describe")
        if self.trees not in ("none", "dependencies") and not self.trees.startswith("field:"):
            what = f"describe.trees is {self.trees!r}."
            raise OptionError(what, expected="none, dependencies or field:NAME")
        if self.trees == "dependencies" and self.tagger == "none":
            what = "describe.trees is 'dependencies', and describe.tagger 'none'."
            raise OptionError(what, expected="a tagger: its model has the parser, too")
