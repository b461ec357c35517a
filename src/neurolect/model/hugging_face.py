"""What this package relies on in Hugging Face's objects, whose library ships no usable types."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from torch import Tensor


class Encoding(Protocol):
    """One tokenized sentence."""

    ids: list[int]
    tokens: list[str]
    offsets: list[tuple[int, int]]
    special_tokens_mask: list[int]
    overflowing: list["Encoding"]


class Backend(Protocol):
    """A ``tokenizers.Tokenizer``."""

    def no_padding(self) -> None:
        """Give every sentence its own length."""

    def enable_truncation(self, max_length: int) -> None:
        """Cut the end of longer sentences."""

    def no_truncation(self) -> None:
        """Cut no sentence."""

    def encode_batch(self, texts: Sequence[str]) -> list[Encoding]:
        """Tokenize sentences in parallel."""


class Tokenizer(Protocol):
    """A ``PreTrainedTokenizerBase``; with a Rust backend it also has ``backend_tokenizer``."""

    model_max_length: int
    pad_token_id: int | None
    bos_token_id: int | None
    all_special_ids: list[int]

    def __len__(self) -> int:
        """Count the vocabulary."""

    def convert_ids_to_tokens(self, ids: int) -> str:
        """Name a token."""

    def num_special_tokens_to_add(self, *, pair: bool) -> int:
        """Count the special tokens around a sentence."""

    def __call__(self, texts: list[str], **keywords: object) -> dict[str, list[list[int]]]:
        """Tokenize sentences."""


class Output(Protocol):
    """What a network returns."""

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] | None


REFUSALS = (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError, KeyError, IndexError)
"""What networks raise where they cannot be run in a way."""


# Choose the number format of the forward pass.
_WIDER: Mapping[str, str] = {"float16": "bfloat16", "bfloat16": "float32"}


def resolve_dtype(dtype: str, *, device: str) -> str:
    """Say which format an option means on a device.

    Returns: ``auto`` is float16 on a CUDA device, where it keeps 99.9 % of the float32 lists at several times the
        speed, and float32 elsewhere.

    Examples
    --------
    >>> resolve_dtype("auto", device="cuda:1"), resolve_dtype("auto", device="cpu")
    ('float16', 'float32')
    """
    if dtype != "auto":
        return dtype
    return "float16" if device.startswith("cuda") else "float32"


def wider_dtype(dtype: str) -> str | None:
    """Name the format to try where one overflows.

    Returns: The next with a wider range or more digits; None after float32.

    Examples
    --------
    >>> wider_dtype("float16"), wider_dtype("float32")
    ('bfloat16', None)
    """
    return _WIDER.get(dtype)


# Keep transformers from talking to the user.
@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Hold back progress bars and warnings about weights: what matters of them is checked and raised."""
    from transformers.utils import logging as transformers_logging

    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
