"""What an edit does to the log-probability of texts with and without a concept, and to the distribution of tokens.

Dims: B texts of a call, L tokens, V tokens of the vocabulary, P places at which something is predicted.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.errors import OptionError
from neurolect.interventions.outcomes import MASKED, kind_of, mask_id
from neurolect.model.architecture.network import forward_keywords
from neurolect.model.language_model import Model

_TEXTS, _ON_GPU = 8, 64
"""Of a call."""
_KEPT = 1 << 27
"""Scores of the plain network that are kept at most; more are computed each time."""
_HIDDEN = 0.15


class Row(NamedTuple):
    """One text as the network is given it."""

    ids: list[int]
    at: list[int]
    """Places that predict, each (P,)."""
    targets: list[int]


class Measured(NamedTuple):
    """What an edit does to each text."""

    gain: NDArray[np.float64]
    """By how many nats a token its log-probability grows, shape (n_texts,)."""
    kl: NDArray[np.float64]
    """Divergence of the edited from the plain distributions, mean over its tokens, shape (n_texts,)."""


class HeldOutTexts:
    """Texts with the tokens that are predicted: all own ones of a decoder, 15 %, hidden, of an encoder."""

    def __init__(self, model: Model, texts: Sequence[str], *, max_tokens: int, seed: int) -> None:
        self.model, self.kind = model, kind_of(model)
        self._keywords = forward_keywords(model.network)
        self._max_tokens, self._seed = max_tokens, seed
        self._texts = model.tokenize(list(texts))
        rows = self.rows()
        self.usable = np.array([bool(each.at) for each in rows])
        """Which have something to predict, shape (n_texts,)."""
        if not self.usable.any():
            what = f"None of {len(texts):,} texts has two tokens to predict."
            raise OptionError(what, expected="texts with words")
        width = int(getattr(getattr(model.network, "config", None), "vocab_size", 1 << 20))
        keeps = sum(len(each.at) for each in rows) * width <= _KEPT
        self._plain: list[Tensor] | None = [self._scores(own) for own in _cut(rows, model)] if keeps else None

    def rows(self, prefix: Sequence[int] = ()) -> list[Row]:
        """Lay every text out, with tokens put before its own ones."""
        found = []
        texts, put = self._texts, list(prefix)
        for number, (first, end) in enumerate(zip(texts.first.tolist(), texts.end.tolist(), strict=True)):
            ids = texts.ids[texts.offsets[number] : texts.offsets[number + 1]].tolist()
            after = ids[end:]
            own = ids[first : min(end, first + self._max_tokens)]
            whole = ids[:first] + put + own + after
            begin = first + len(put)
            if self.kind == MASKED:
                random = np.random.default_rng([self._seed, number])
                n = max(1, round(_HIDDEN * len(own)))
                hidden = sorted(random.permutation(len(own))[:n].tolist()) if own else []
                at = [begin + each for each in hidden]
                for place in at:
                    whole[place] = mask_id(self.model)
                found.append(Row(whole, at, [own[each] for each in hidden]))
                continue
            skipped = 0 if first else 1  # nothing is before the very first token; with a prefix it is left out too
            found.append(Row(whole, [begin - 1 + n for n in range(skipped, len(own))], own[skipped:]))
        return found

    def measure(
        self, editing: Callable[[], AbstractContextManager[Any]], *, prefix: Sequence[int] = ()
    ) -> Measured:
        """Compare the edited network with the plain one.

        ``editing``: Begins the edit. ``prefix``: Tokens put before the texts of the edited network.
        """
        found: list[list[float]] = [[], []]
        parts = [_cut(each, self.model) for each in (self.rows(), self.rows(prefix))]
        with editing() if self._plain is not None else nullcontext():
            for number, (own, given) in enumerate(zip(*parts, strict=True)):
                if self._plain is not None:
                    plain, edited = self._plain[number], self._scores(given)
                else:
                    plain = self._scores(own)
                    with editing():
                        edited = self._scores(given)
                for kept, values in zip(found, compared(plain, edited, own), strict=True):
                    kept += values
        return Measured(*map(np.array, found))

    def _scores(self, rows: Sequence[Row]) -> Tensor:
        """Give logarithms of probabilities at the places that predict, text by text, shape (P, V)."""
        longest, device = max(len(row.ids) for row in rows), self.model.device
        ids = torch.full((len(rows), longest), _padding(self.model), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, : len(row.ids)] = torch.tensor(row.ids, dtype=torch.int64)
            mask[number, : len(row.ids)] = 1
        texts = torch.tensor([number for number, row in enumerate(rows) for _ in row.at], dtype=torch.int64)
        at = torch.tensor([place for row in rows for place in row.at], dtype=torch.int64)
        network: Any = self.model.network
        with torch.inference_mode():
            result = network(input_ids=ids.to(device), attention_mask=mask.to(device), **self._keywords)
            return torch.log_softmax(result.logits[texts.to(device), at.to(device)].float(), dim=-1)


def compared(plain: Tensor, edited: Tensor, rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    """Give gain and divergence of each text from logarithms of probabilities, shape (P, V); NaN without a place."""
    targets = torch.tensor([each for row in rows for each in row.targets], dtype=torch.int64, device=plain.device)
    gained = (edited - plain).gather(1, targets[:, None])[:, 0]
    diverged = (plain.exp() * (plain - edited)).sum(1).clamp(min=0)
    sizes = [len(row.at) for row in rows]
    gain, divergence = (
        [float(each.double().mean()) if len(each) else np.nan for each in torch.split(values, sizes)]
        for values in (gained, diverged)
    )
    return gain, divergence


def _cut(rows: Sequence[Row], model: Model) -> list[Sequence[Row]]:
    n = _ON_GPU if model.device.type == "cuda" else _TEXTS
    return [rows[start : start + n] for start in range(0, len(rows), n)]


def _padding(model: Model) -> int:
    return int(getattr(model.tokenizer, "pad_token_id", None) or 0)
