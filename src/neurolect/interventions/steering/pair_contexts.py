"""Contexts of minimal pairs as a network reads them, and what it predicts there when neurons are set.

Dims: C contexts, L tokens, W neurons of a site and layer, V tokens of the vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.errors import OptionError
from neurolect.interventions.outcomes import MASKED, kind_of, mask_id
from neurolect.interventions.steering.minimal_pairs import Pair
from neurolect.model.architecture.network import forward_keywords
from neurolect.model.architecture.taps import Tap, write
from neurolect.model.language_model import Model

_AT_ONCE, _ON_GPU = 32, 256

Setter = Callable[[int, Tensor, "Batch"], Tensor]
"""Takes the number of a tap, its states (B, L, W) and the batch; gives new states."""


class Context(NamedTuple):
    """One side of a pair."""

    pair: int
    side: int
    """0 or 1: of which value it is."""
    ids: list[int]
    first: int
    """Its first token that the other side does not have."""
    at: int
    """Where the next word is predicted."""
    forms: tuple[int, int]
    """Tokens of the two forms."""


class Batch(NamedTuple):
    """Contexts of one call."""

    ids: Tensor
    mask: Tensor
    here: Tensor
    """Tokens from the first that differs on, no padding: bool, shape (B, L)."""
    side: Tensor
    """Of each context, shape (B,)."""
    at: Tensor
    forms: Tensor
    """Shape (B, 2)."""


class Contexts:
    """Contexts of pairs whose forms are one token each, in order: both sides of a pair after each other."""

    def __init__(self, model: Model, pairs: Sequence[Pair]) -> None:
        self.model, self.kind = model, kind_of(model)
        self._keywords = forward_keywords(model.network)
        made = [self._both(number, pair) for number, pair in enumerate(pairs)]
        self.contexts = [each for both in made if both for each in both]
        self.n_left_out = sum(not both for both in made)
        if len(self.contexts) < 4:
            n = len(self.contexts) // 2
            what = f"{n} of {len(pairs):,} pairs have two forms that are one token to {model.name!r}."
            raise OptionError(what, expected="two pairs at least")
        self.side = np.array([each.side for each in self.contexts])
        self.pair = np.array([each.pair for each in self.contexts])
        self.forms = sorted({form for each in self.contexts for form in each.forms})
        """Tokens of all forms of all pairs."""

    def first(self, n: int) -> "Contexts":
        """Give the contexts of the first pairs."""
        part = object.__new__(Contexts)
        part.model, part.kind, part._keywords, part.forms = self.model, self.kind, self._keywords, self.forms
        part.contexts, part.n_left_out = self.contexts[: 2 * n], 0
        part.side, part.pair = self.side[: 2 * n], self.pair[: 2 * n]
        return part

    def batches(self) -> Iterator[Batch]:
        """Cut the contexts into calls, in their order."""
        device = self.model.device
        n = _ON_GPU if device.type == "cuda" else _AT_ONCE
        for start in range(0, len(self.contexts), n):
            own = self.contexts[start : start + n]
            ids = torch.zeros((len(own), max(len(each.ids) for each in own)), dtype=torch.int64)
            mask = torch.zeros_like(ids)
            for row, each in enumerate(own):
                ids[row, : len(each.ids)], mask[row, : len(each.ids)] = torch.tensor(each.ids), 1
            first, at = (torch.tensor([each[place] for each in own]) for place in (3, 4))
            place = torch.arange(ids.shape[1])
            here = (place >= first[:, None]) & (place <= at[:, None])
            side = torch.tensor([each.side for each in own])
            forms = torch.tensor([each.forms for each in own])
            yield Batch(*(each.to(device) for each in (ids, mask, here, side, at, forms)))

    def scores(self, batch: Batch) -> Tensor:
        """Run a call as it is; give scores of the next word, shape (B, V)."""
        network: Any = self.model.network
        result = network(input_ids=batch.ids, attention_mask=batch.mask, **self._keywords)
        scores: Tensor = result.logits[torch.arange(len(batch.ids), device=batch.ids.device), batch.at].float()
        return scores

    def predicted(
        self, taps: Sequence[Tap] = (), setter: Setter | None = None, *, likeliest: int = 1
    ) -> "Predicted":
        """Run all contexts, with neurons set."""
        differences, others = [], []
        for batch in self.batches():
            with torch.inference_mode(), self.setting(taps, setter, batch):
                scores = self.scores(batch)
            own = scores.gather(1, batch.forms)
            differences.append((own[:, 0] - own[:, 1]).double())
            forms = torch.tensor(self.forms, device=scores.device).expand(len(scores), -1)
            rest, n = scores.scatter(1, forms, -torch.inf), min(likeliest, scores.shape[1] - len(self.forms))
            others.append(rest.topk(n, dim=1).indices.sort(1).values)
        return Predicted(torch.cat(differences).cpu().numpy(), torch.cat(others).cpu().numpy())

    def setting(self, taps: Sequence[Tap], setter: Setter | None, batch: Batch) -> AbstractContextManager[None]:
        """Set neurons while one call runs."""
        if setter is None:
            return nullcontext()
        shape = batch.ids.shape

        def change(number: int, states: Tensor) -> Tensor:
            return setter(number, states.reshape(*shape, -1), batch).reshape(states.shape)

        return write(self.model.body, list(taps), edit=change)

    def _both(self, number: int, pair: Pair) -> tuple[Context, Context] | None:
        """Read both sides; None where a form is not one token after its context."""
        made = [self._read(context, pair.forms) for context in pair.contexts]
        if made[0] is None or made[1] is None or made[0][2] != made[1][2]:
            return None
        rows, forms = [each[:2] for each in made if each], made[0][2]
        pairs = zip(rows[0][0], rows[1][0], strict=False)
        first = next((place for place, (one, other) in enumerate(pairs) if one != other), 0)
        if forms[0] == forms[1] or rows[0][0] == rows[1][0]:
            return None
        one, other = (Context(number, side, ids, first, at, forms) for side, (ids, at) in enumerate(rows))
        return one, other

    def _read(self, context: str, forms: tuple[str, str]) -> tuple[list[int], int, tuple[int, int]] | None:
        """Give tokens, the place that predicts and the tokens of the forms."""
        if self.kind == MASKED:
            tokenizer: Any = self.model.tokenizer
            texts = [f"{context} {tokenizer.mask_token}.", *forms]
            whole, *own = self._tokens(texts)
            if any(end - first != 1 for _, first, end in own) or mask_id(self.model) not in whole[0]:
                return None
            return whole[0], whole[0].index(mask_id(self.model)), (own[0][0][own[0][1]], own[1][0][own[1][1]])
        (ids, _, end), *longer = self._tokens([context, *(f"{context} {form}" for form in forms)])
        ids = ids[:end]
        after = [each[len(ids) : stop] for each, _, stop in longer]
        if any(each[: len(ids)] != ids for each, _, _ in longer) or any(len(each) != 1 for each in after):
            return None
        return ids, len(ids) - 1, (after[0][0], after[1][0])

    def _tokens(self, texts: Sequence[str]) -> list[tuple[list[int], int, int]]:
        found = self.model.tokenize(list(texts))
        ends = zip(found.offsets[:-1].tolist(), found.offsets[1:].tolist(), strict=True)
        return [
            (found.ids[start:stop].tolist(), int(found.first[number]), int(found.end[number]))
            for number, (start, stop) in enumerate(ends)
        ]


class Predicted(NamedTuple):
    """What the network predicts in each context."""

    difference: NDArray[np.float64]
    """Score of the first form less that of the second, nats, shape (C,)."""
    others: NDArray[np.int64]
    """The likeliest tokens that are no form of any pair, sorted, shape (C, likeliest)."""
