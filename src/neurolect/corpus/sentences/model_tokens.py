"""Count the model tokens of sentences, special ones left out."""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import CorpusError
from neurolect.folders.models import locate_model


def count_tokens(texts: Sequence[str], *, tokenizer: str) -> list[int]:
    """Count the tokens of texts.

    ``tokenizer``: A model's folder, its name on the hub, ``minilm`` or ``smollm2``; loaded once a process.
    """
    if not texts:
        return []
    loaded = _loaded(tokenizer)
    encode = getattr(loaded, "encode_batch_fast", loaded.encode_batch)
    return [len(each.ids) for each in encode(list(texts), add_special_tokens=False)]


def token_offsets(
    texts: Sequence[str], *, tokenizer: str, n_prepended: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Say which characters each token covers, with the special tokens that the model is given, which cover none.

    ``n_prepended``: Tokens before each text that the tokenizer does not put there.

    Returns: where each text's tokens start, int64, shape (n_texts + 1,); first character, and one past the last, of
        all tokens, int32.
    """
    encoded = _loaded(tokenizer).encode_batch(list(texts))
    every = [[(0, 0)] * n_prepended + each.offsets for each in encoded]
    bounds = np.concatenate([[0], np.cumsum([len(each) for each in every])]).astype(np.int64)
    flat = np.fromiter(chain.from_iterable(chain.from_iterable(every)), np.int32, count=2 * int(bounds[-1]))
    return bounds, flat[::2].copy(), flat[1::2].copy()


def tokenizer_hash(tokenizer: str) -> str:
    """Name a tokenizer by its content: BLAKE2b, 16 bytes, hexadecimal."""
    return hashlib.blake2b(_loaded(tokenizer).to_str().encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=1)
def _loaded(name: str) -> Any:  # noqa: ANN401 - untyped library
    """Load a tokenizer from its file alone: no code and no weights are read."""
    from tokenizers import Tokenizer

    try:
        text = _file_of(name).read_text(encoding="utf-8")
        if "model" not in json.loads(text):
            raise _unusable(name, "tokenizer.json holds no tokenizer")
    except (OSError, ValueError, TypeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise _unusable(name, reason) from error
    tokenizer = Tokenizer.from_str(text)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _file_of(name: str) -> Path:
    """Find a model's tokenizer.json, here or on the hub."""
    source, folder = locate_model(name)
    if folder is not None:
        return folder / "tokenizer.json"
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(source, "tokenizer.json"))


def _unusable(name: str, reason: str) -> CorpusError:
    what = f"The tokenizer of {name!r} could not be loaded: {reason}"
    hint = "Give a model folder with tokenizer.json, or a model of the hub that has one."
    expected = "prepare.tokenizer: a model with tokenizer.json, or none (sentences are dropped by words)"
    return CorpusError(what, expected=expected, hint=hint)
