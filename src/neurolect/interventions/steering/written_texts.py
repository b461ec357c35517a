"""Texts that a decoder writes after prompts, and how fluent they are to the decoder as it is.

Dims: B prompts of a call, L tokens.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from neurolect.errors import ModelError, OptionError
from neurolect.interventions.changes import Change
from neurolect.interventions.editing import edit
from neurolect.interventions.steering.options import SteerOptions
from neurolect.model.architecture.network import forward_keywords
from neurolect.model.hugging_face import quiet_transformers
from neurolect.model.language_model import Model

_PROMPTS, _ON_GPU = 16, 128
"""Of a call."""

PROMPTS = (
    "The", "It was", "In the morning", "People often say that", "She asked me", "There is a", "At first",
    "The best way to", "Once", "We should", "My friend", "After that", "The man in the room", "You can",
    "Last year", "In many countries", "The other day", "This is", "When they arrived", "One of the most",
    "He wanted to", "A long time ago", "I think", "The problem with",
)  # fmt: skip
"""Beginnings that say little, where none are given."""


class Written(NamedTuple):
    """Texts, prompt by prompt, the samples of one together."""

    ids: list[list[int]]
    """Tokens after the prompt."""
    texts: list[str]


class Writer:
    """Writes after prompts, with the same draws for every edit."""

    def __init__(self, model: Model, prompts: Sequence[str], *, options: SteerOptions) -> None:
        if not getattr(model.network, "can_generate", lambda: False)():
            what = f"{model.name!r} writes no text."
            raise ModelError(what, expected="a decoder with its head")
        self.model, self.options = model, options
        self._at_once = _ON_GPU if model.device.type == "cuda" else _PROMPTS
        self.prompts = [each for each in prompts for _ in range(options.samples)]
        self._ids = self._tokenized("")

    def write(self, changes: Mapping[str, Change], *, prefix: str = "") -> Written:
        """Write with neurons changed, or with something said before the prompts."""
        given = self._tokenized(prefix) if prefix else self._ids
        found: list[list[int]] = []
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode())
            stack.enter_context(quiet_transformers())
            stack.enter_context(torch.random.fork_rng(devices=_gpus(self.model)))
            stack.enter_context(edit(self.model, changes, positions=self.options.positions))
            torch.manual_seed(self.options.seed)
            for start in range(0, len(given), self._at_once):
                found += self._continued(given[start : start + self._at_once])
        tokenizer: Any = self.model.tokenizer
        return Written(found, [tokenizer.decode(each, skip_special_tokens=True) for each in found])

    def losses(self, written: Written) -> NDArray[np.float64]:
        """Measure what the plain network gives for the texts after the plain prompts: nats a token, shape (n,)."""
        network: Any = self.model.network
        keywords, found = forward_keywords(network), []
        for start in range(0, len(written.ids), self._at_once):
            rows = list(zip(self._ids, written.ids, strict=True))[start : start + self._at_once]
            ids, mask = self._padded([before + after for before, after in rows], left=False)
            with torch.inference_mode():
                logits = network(input_ids=ids, attention_mask=mask, **keywords).logits
                for number, (before, after) in enumerate(rows):
                    scores = logits[number, len(before) - 1 : len(before) + len(after) - 1].float()
                    targets = torch.tensor(after, device=scores.device)
                    found.append(float(functional.cross_entropy(scores, targets)) if after else np.nan)
        return np.array(found)

    def _tokenized(self, prefix: str) -> list[list[int]]:
        sentences = self.model.tokenize([prefix + each for each in self.prompts])
        found = []
        for number, prompt in enumerate(self.prompts):
            ids = sentences.ids[sentences.offsets[number] : sentences.offsets[number + 1]].tolist()
            if not ids:
                what = f"The prompt {prompt!r} has no token."
                raise OptionError(what, expected="prompts with words")
            found.append(ids)
        longest = max(map(len, found)) + self.options.tokens
        if longest > self.model.max_tokens:
            what = f"Prompt and text are {longest:,} tokens together; the model reads {self.model.max_tokens:,}."
            raise OptionError(what, hint="--set steer.tokens=16, or shorter prompts")
        return found

    def _padded(self, rows: Sequence[list[int]], *, left: bool) -> tuple[torch.Tensor, torch.Tensor]:
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), _padding(self.model), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for number, own in enumerate(rows):
            place = slice(longest - len(own), None) if left else slice(len(own))
            ids[number, place], mask[number, place] = torch.tensor(own), 1
        return ids.to(self.model.device), mask.to(self.model.device)

    def _continued(self, rows: Sequence[list[int]]) -> list[list[int]]:
        ids, mask = self._padded(rows, left=True)
        n, network = self.options.tokens, self.model.network
        options: dict[str, Any] = {"max_new_tokens": n, "min_new_tokens": n, "pad_token_id": _padding(self.model)}
        if self.options.temperature:
            options |= {"do_sample": True, "temperature": self.options.temperature, "top_k": 0, "top_p": 1.0}
        else:
            options |= {"do_sample": False}
        made = network.generate(input_ids=ids, attention_mask=mask, **options)  # type: ignore[operator]
        return [each.tolist() for each in made[:, ids.shape[1] :]]


def distinct_pairs(ids: Sequence[int]) -> float:
    """Give distinct-2 of a text: different pairs of neighbouring tokens by all pairs (Li et al. 2016).

    Examples
    --------
    >>> distinct_pairs([1, 2, 1, 2])
    0.6666666666666666
    """
    pairs = list(pairwise(ids))
    return len(set(pairs)) / len(pairs) if pairs else np.nan


def _padding(model: Model) -> int:
    for name in ("pad_token_id", "eos_token_id"):
        found = getattr(model.tokenizer, name, None)
        if found is not None:
            return int(found)
    return 0


def _gpus(model: Model) -> list[Any]:
    return [model.device] if model.device.type == "cuda" else []
