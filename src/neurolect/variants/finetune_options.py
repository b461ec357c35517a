"""What fine-tuning lets the user choose."""

from dataclasses import dataclass

from neurolect.errors import OptionError

HEADS = ("first", "mean")


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneOptions:
    """How a classifier is trained; the defaults are those of Oba, Yoshinaga, Toyoda (2021), section 4.1."""

    text: str | None = None
    """Column that holds the text; found by its name, or as the column of long texts, when not given."""

    label: str = "label"
    """Column that holds the class."""

    head: str = "first"
    """What is classified: ``first``: the first token (a decoder's last one), by the model's own head for sequences;
    ``mean``: the mean of the text's tokens, through one linear layer."""

    learning_rate: float = 1e-5
    """Step size of Adam; constant."""

    dropout: float = 0.3
    """Share of the head's inputs that is dropped while training."""

    batch_size: int = 32
    """Texts a step."""

    epochs: int = 5
    """Passes over the training part at most."""

    patience: int = 2
    """Stop after so many epochs in a row without a better accuracy on the validation part; 0: never."""

    validation: float = 0.1
    """Share of the texts of each class that is never trained on and chooses the epoch that is kept."""

    max_tokens: int = 128
    """Model tokens of a text, special ones included; the rest is cut."""

    min_rows: int = 10
    """Classes of fewer texts are left out."""

    limit: int | None = None
    """Use only so many texts, a seeded choice; all when not given."""

    seed: int = 0
    """Seed of the choice of texts, their order, the new head and dropout."""

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            what = f"The head {self.head!r} is unknown."
            raise OptionError(what, expected=f"one of {', '.join(HEADS)}")
        _check(self.learning_rate > 0, "learning rate", self.learning_rate, "more than 0")
        _check(0 <= self.dropout < 1, "dropout", self.dropout, "from 0 to below 1")
        _check(self.batch_size >= 1, "batch size", self.batch_size, "at least 1")
        _check(self.epochs >= 1, "number of epochs", self.epochs, "at least 1")
        _check(self.patience >= 0, "patience", self.patience, "at least 0")
        _check(0 < self.validation < 1, "validation share", self.validation, "above 0 and below 1")
        _check(self.max_tokens >= 4, "number of tokens", self.max_tokens, "at least 4")
        _check(self.min_rows >= 2, "smallest class", self.min_rows, "at least 2")
        _check(self.limit is None or self.limit >= 1, "limit", self.limit, "at least 1")


def _check(fits: bool, name: str, value: object, expected: str) -> None:  # noqa: FBT001 - a condition
    if not fits:
        what = f"The {name} of fine-tuning is {value}."
        raise OptionError(what, expected=expected)
