"""Keys of list entries where the network is: signed, for torch sorts no unsigned numbers.

A key is the host's with its highest bit turned over: the activation's code, then the sentence id's complement.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.collector.device_transfers import to_device

EMPTY = -(2**63)
"""The key of no entry."""

_LOW = 0xFFFFFFFF
_SIGN = 0x80000000


def complements(sentence_ids: NDArray[np.int64], *, device: torch.device) -> Tensor:
    """Give the lower halves of keys: int64, shape (n_sentences,), on the device; smaller ids are larger."""
    return to_device(_LOW - sentence_ids, device)


def encode_keys(activations: Tensor, low: Tensor, *, side: str) -> Tensor:
    """Make the signed keys of a batch.

    ``activations``: float32 Tensor, shape (n_sentences, n_neurons). Any but NaN.
    ``low``: int64 Tensor, shape (n_sentences,). Complements of the sentence ids.
    Returns: int64 Tensor, shape (n_sentences, n_neurons). Larger is better.
    """
    bits = activations.contiguous().view(torch.int32).to(torch.int64) & _LOW
    if side == "bottom":
        bits = bits ^ _SIGN
    bits = torch.where(bits == _SIGN, 0, bits)  # -0.0 ties with 0.0
    codes = torch.where(bits >= _SIGN, ~bits & _LOW, bits | _SIGN)
    return ((codes << 32) | low[:, None]) ^ EMPTY


def signed_activations(keys: Tensor) -> Tensor:
    """Give the activations in keys, with the opposite sign in lists of the lowest: float32, same shape."""
    codes = ((keys ^ EMPTY) >> 32) & _LOW
    bits = torch.where(codes >= _SIGN, codes ^ _SIGN, ~codes & _LOW)
    return ((bits ^ _SIGN) - _SIGN).to(torch.int32).view(torch.float32)


def decode_signed(keys: Tensor, *, side: str) -> tuple[Tensor, Tensor]:
    """Take keys apart: activations float32 (-0.0 comes back as 0.0) and sentence ids int64, of the keys' shape."""
    signed = signed_activations(keys)
    return (signed if side == "top" else 0.0 - signed), _LOW - (keys & _LOW)


def held_ids(keys: Tensor) -> Tensor:
    """Give the sentence ids of the entries among some keys: int64, shape (n_entries,)."""
    return _LOW - (keys[keys != EMPTY] & _LOW)


def mark(sentence_ids: NDArray[np.int64], *, device: torch.device) -> Tensor:
    """Mark the places of some sentences: bool, as long as the largest id and one more, which is not marked."""
    marked = torch.zeros(int(sentence_ids.max(initial=-1)) + 2, dtype=torch.bool, device=device)
    marked[to_device(sentence_ids.astype(np.int64), device)] = True
    return marked


def marked_entries(keys: Tensor, marked: Tensor) -> Tensor:
    """Say which entries are of marked sentences: bool, the keys' shape."""
    ids = (_LOW - (keys & _LOW)).clamp(max=len(marked) - 1)
    return marked[ids] & (keys != EMPTY)
