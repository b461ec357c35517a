"""Count the model tokens of sentences, special ones left out."""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from ssl import SSLError
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import CorpusError, ModelError
from neurolect.folders.models import locate_model

_FILE = "tokenizer.json"
_SPACES = " \t\r\n\u2581\u0120\u010a"
"""White space, and what SentencePiece and byte-level tokenizers write for it."""


def count_tokens(texts: Sequence[str], *, tokenizer: str) -> list[int]:
    """Count the tokens of texts.

    ``tokenizer``: A model's folder, its name on the hub, ``minilm`` or ``smollm2``; loaded once a process.
    """
    if not texts:
        return []
    loaded = _loaded(tokenizer)
    encode = getattr(loaded, "encode_batch_fast", loaded.encode_batch)
    return [len(each.ids) for each in encode(list(texts), add_special_tokens=False)]


def count_own(text: str, *, tokenizer: str) -> int:
    """Count the tokens of one text."""
    return count_tokens([text], tokenizer=tokenizer)[0]


class TokenOffsets(NamedTuple):
    """Where the tokens of some texts are, with the special tokens that the model is given. T tokens."""

    bounds: NDArray[np.int64]
    """Where each text's tokens start, shape (n_texts + 1,)."""
    starts: NDArray[np.int32]
    """First character of each token in its text, shape (T,)."""
    ends: NDArray[np.int32]
    """One past its last character."""
    special: NDArray[np.bool_]
    """Whether it is none of the text's own."""
    spaces: NDArray[np.bool_]
    """Whether it is but a space, or the mark of one."""


def token_offsets(texts: Sequence[str], *, tokenizer: str, n_prepended: int = 0) -> TokenOffsets:
    """Say which characters each token covers; nothing is cut.

    ``n_prepended``: Tokens before each text that the tokenizer does not put there.
    """
    encoded = _loaded(tokenizer).encode_batch(list(texts))
    every = [[(0, 0)] * n_prepended + each.offsets for each in encoded]
    bounds = np.concatenate([[0], np.cumsum([len(each) for each in every])]).astype(np.int64)
    n = int(bounds[-1])
    flat = np.fromiter(chain.from_iterable(chain.from_iterable(every)), np.int32, count=2 * n)
    masks = ([1] * n_prepended + each.special_tokens_mask for each in encoded)
    special = np.fromiter(chain.from_iterable(masks), np.bool_, count=n)
    pieces = (chain([""] * n_prepended, each.tokens) for each in encoded)
    marks = (not piece.strip(_SPACES) for piece in chain.from_iterable(pieces))
    spaces = np.fromiter(marks, np.bool_, count=n) & ~special
    return TokenOffsets(bounds, flat[::2].copy(), flat[1::2].copy(), special, spaces)


def tokenizer_hash(tokenizer: str) -> str:
    """Name a tokenizer by its content: BLAKE2b, 16 bytes, hexadecimal."""
    return hashlib.blake2b(_loaded(tokenizer).to_str().encode(), digest_size=16).hexdigest()


def at_hand(tokenizer: str) -> bool:
    """Tell whether a tokenizer is a folder's, or in the hub's cache; the hub is not asked."""
    from huggingface_hub import try_to_load_from_cache

    try:
        source, folder = locate_model(tokenizer)
    except ModelError:
        return False
    if folder is not None:
        return (folder / _FILE).is_file()
    return isinstance(try_to_load_from_cache(source, _FILE), str)


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
    """Find a model's tokenizer.json, here or on the hub, which is asked once."""
    source, folder = locate_model(name)
    if folder is not None:
        return folder / _FILE
    from huggingface_hub import constants, hf_hub_download, hf_hub_url

    if not (constants.HF_HUB_OFFLINE or at_hand(name)):
        _reach(hf_hub_url(source, _FILE))
    return Path(hf_hub_download(source, _FILE))


def _reach(url: str) -> None:
    """Ask the hub once: where there is no network the download by itself would ask again and again, for 25 s."""
    try:
        urlopen(Request(url, method="HEAD"), timeout=10).close()
    except HTTPError:
        return  # an answer, which the download reads better
    except URLError as error:
        if not isinstance(error.reason, SSLError):  # the download has certificates of its own
            raise


def _unusable(name: str, reason: str) -> CorpusError:
    what = f"The tokenizer of {name!r} could not be loaded: {reason}"
    hint = "Give a model folder with tokenizer.json, or a model of the hub that has one."
    expected = "prepare.tokenizer: a model with tokenizer.json, or none (sentences are dropped by words)"
    return CorpusError(what, expected=expected, hint=hint)
