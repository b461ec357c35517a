"""What fine-tuning lets the user choose."""

from dataclasses import dataclass
from typing import Annotated

from neurolect.ranges import COUNT, SEED, OneOf, Range, check_ranges

HEADS = ("first", "mean", "linear")
KEPT = ("best", "last")


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneOptions:
    """How a classifier is trained; most defaults are those of Oba, Yoshinaga, Toyoda (2021), section 4.1.

    Differs from [E]: the model's own head is used, which has another layer before its last one, and training stops
    early and keeps the best epoch; ``--preset paper`` takes one linear layer and the fifth epoch.
    """

    text: str | None = None
    """Column that holds the text; found by its name, or as the column of long texts, when not given."""

    label: str = "label"
    """Column that holds the class."""

    head: Annotated[str, OneOf(HEADS)] = "first"
    """What is classified: ``first``: the first token (a decoder's last one), by the model's own head for sequences;
    ``linear``: the same token's vector as the last block gives it, through one linear layer; ``mean``: the mean of
    the text's tokens, through one linear layer."""

    learning_rate: Annotated[float, Range(0.0, 1e38, above=True)] = 1e-5
    """Step size of Adam; constant."""

    dropout: Annotated[float, Range(0.0, 1.0, below=True)] = 0.3
    """Share of the head's inputs that is dropped while training."""

    batch_size: Annotated[int, Range(1, 1_000_000)] = 32
    """Texts a step."""

    epochs: Annotated[int, Range(1, 100_000)] = 5
    """Passes over the training part at most."""

    patience: Annotated[int, Range(0, 100_000)] = 2
    """Stop after so many epochs in a row without a better accuracy on the validation part; 0: never."""

    keep: Annotated[str, OneOf(KEPT)] = "best"
    """The epoch that is saved: the ``best`` on the validation part, or the ``last``."""

    validation: Annotated[float, Range(0.0, 1.0, above=True, below=True)] = 0.1
    """Share of the texts of each class that is never trained on: accuracy is measured on them."""

    max_tokens: Annotated[int, Range(4, 1_000_000)] = 128
    """Model tokens of a text, special ones included; the rest is cut."""

    min_rows: Annotated[int, Range(2, 1_000_000_000)] = 10
    """Classes of fewer texts are left out."""

    limit: Annotated[int, COUNT] | None = None
    """Use only so many texts, a seeded choice; all when not given."""

    seed: Annotated[int, SEED] = 0
    """Seed of the choice of texts, their order, the new head and dropout."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "finetune")
