"""How labelled data are read, parted and counted."""

from dataclasses import dataclass
from typing import Annotated, Literal

from neurolect.errors import OptionError
from neurolect.ranges import COUNT, POSITIVE_SHARE, SEED, SHARE, OneOf, Range, check_ranges

AGGREGATES = ("last", "first", "mean")
BALANCES = ("auto", "none", "undersample", "weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationsOptions:
    """How labelled data become rows of activations.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    aggregate: Annotated[str, OneOf(AGGREGATES)] = "last"
    """Which of a word's model tokens it is read at: the ``last``, the ``first``, or the ``mean`` of all."""
    balance: Annotated[str, OneOf(BALANCES)] = "auto"
    """How classes of different sizes are evened out: not (``none``); each class cut to the smallest one's units in
    every part, sampled at random (``undersample``); a weight for every unit (``weights``); ``auto``: undersampled
    where one class is opposed to all others, else not."""
    train: Annotated[float, POSITIVE_SHARE] = 0.8
    """Share of the units to train on."""
    dev: Annotated[float, SHARE] = 0.1
    """Share of the units to choose with; the rest is the test part."""
    seed: Annotated[int, SEED] = 0
    """Of parts, undersampling and limits."""
    min_train: Annotated[int, COUNT] = 100
    """Classes of fewer units to train on are left out."""
    min_test: Annotated[int, COUNT] = 20
    """Classes of fewer units in the test part are left out."""
    labels: Literal["auto", "classes", "numbers"] = "auto"
    """Whether labels that are numbers are classes or numbers; ``auto``: classes where they are whole and at most
    20 different ones."""
    text: Literal["words", "given"] = "words"
    """What the model reads of sentences given as words: the words with spaces between them, or the text that was
    given with them (sentences whose text does not have their words are left out)."""
    words_column: str | None = None
    """Column of the words of a sentence; ``tokens``, ``words`` or ``form`` when not given. Without one, texts are
    split by neurolect's own rule."""
    text_column: str | None = None
    """Column of the text; found by its name when not given."""
    document_column: str | None = None
    """Column that says which sentences are of one document, all of which go to one part; ``document``,
    ``document_id``, ``doc_id`` or ``file`` when not given."""
    split_column: str | None = None
    """Column that says train, dev or test of each sentence, in place of parts chosen at random."""
    tag_column: str | None = None
    """Column of the tags that ready sets and patterns of tags look at; ``tags``, ``xpos``, ``pos``, ``tag`` or
    ``upos`` when not given."""
    limit: Annotated[int, COUNT] | None = None
    """Sentences of a uniform sample that are read; all when not given."""
    dtype: Annotated[str, OneOf(("float16", "float32"))] = "float16"
    """Number format of the stored activations."""
    shard_mb: Annotated[int, Range(1, 65_536)] = 256
    """Size of a file of activations, in millions of bytes; what a killed command has to read again."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "activations")
        if self.train + self.dev >= 1:
            what = f"activations.train is {self.train} and activations.dev {self.dev}."
            raise OptionError(what, expected="shares that leave some for the test part")
