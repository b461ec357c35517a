"""What this package relies on in Hugging Face's objects, whose library ships no usable types."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Encoding(Protocol):
    """One tokenized sentence."""

    ids: list[int]
    special_tokens_mask: list[int]
    overflowing: list["Encoding"]


class Backend(Protocol):
    """A ``tokenizers.Tokenizer``."""

    def no_padding(self) -> None:
        """Give every sentence its own length."""

    def enable_truncation(self, max_length: int) -> None:
        """Cut the end of longer sentences."""

    def encode_batch(self, texts: Sequence[str]) -> list[Encoding]:
        """Tokenize sentences in parallel."""


class Tokenizer(Protocol):
    """A ``PreTrainedTokenizerBase``; with a Rust backend it also has ``backend_tokenizer``."""

    model_max_length: int
    pad_token_id: int | None
    all_special_ids: list[int]

    def __len__(self) -> int:
        """Count the vocabulary."""

    def num_special_tokens_to_add(self, *, pair: bool) -> int:
        """Count the special tokens around a sentence."""

    def __call__(self, texts: list[str], **keywords: object) -> dict[str, list[list[int]]]:
        """Tokenize sentences."""


class Output(Protocol):
    """What a network returns."""

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] | None
