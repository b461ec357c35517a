"""A network, its tokenizer and its numbered neurons, whatever the way to run it."""

import inspect
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neurolect.errors import ModelError
from neurolect.model.architecture.taps import find_taps
from neurolect.model.batching import PaddedBatch, check_pooled, pad
from neurolect.model.hugging_face import Output, Tokenizer
from neurolect.model.neurons import NeuronIndex
from neurolect.model.options import ModelOptions
from neurolect.model.tokens import TokenizedSentences, tokenize


class Network:
    """What a way to run a network is given; :class:`neurolect.model.Model` adds the way."""

    def __init__(
        self,
        network: nn.Module,
        tokenizer: Tokenizer,
        *,
        name: str,
        options: ModelOptions,
        max_tokens: int,
        fingerprint: str = "",
        architecture: str = "",
        body: nn.Module | None = None,
    ) -> None:
        self.network, self.body = network, network if body is None else body
        self.tokenizer = tokenizer
        self.name, self.options, self.max_tokens, self.fingerprint = name, options, max_tokens, fingerprint
        self.architecture = architecture or type(network).__name__
        self.n_parameters = sum(each.numel() for each in self.body.parameters())
        self.dtype = str(next(network.parameters()).dtype).removeprefix("torch.")
        self.keywords = _forward_keywords(self.body)
        self.pad_id = _pad_id(tokenizer)
        self.taps, self.n_layers = find_taps(self.body, sites=options.sites, layers=options.layers, run=self._trial)
        self.neurons = NeuronIndex(tuple(tap.place for tap in self.taps))
        self.keep_states = any(tap.reads == "hidden_states" for tap in self.taps)
        n_special = int(tokenizer.num_special_tokens_to_add(pair=False))
        if max_tokens <= n_special:
            what = f"Sentences may have {max_tokens} model tokens, and the tokenizer adds {n_special} of its own."
            raise ModelError(what, expected=f"more than {n_special}", hint="raise or drop model.max_tokens")

    @property
    def device(self) -> torch.device:
        """Where the network runs."""
        return next(self.body.parameters()).device

    @property
    def n_words(self) -> int:
        """How many model tokens the network knows."""
        return int(self.body.get_input_embeddings().num_embeddings)  # type: ignore[operator]

    def tokenize(self, texts: Sequence[str]) -> TokenizedSentences:
        """Turn sentences into model tokens, cut at ``max_tokens``."""
        include = self.options.special_tokens == "include"
        return tokenize(self.tokenizer, texts, max_tokens=self.max_tokens, include_special=include)

    def pad(self, sentences: TokenizedSentences, positions: NDArray[np.integer]) -> PaddedBatch:
        """Make a batch of some of the sentences."""
        check_pooled(sentences, positions)
        return pad(sentences, positions=positions, pad_id=self.pad_id)

    def _trial(self) -> Output:
        """Run the network on a few tokens, to see how it is built and that it runs at all."""
        ids = (torch.arange(1, 9, device=self.device) % self.n_words).reshape(2, 4)
        try:
            with torch.inference_mode():
                keywords = {"output_hidden_states": True, **self.keywords}
                return cast(Output, self.body(input_ids=ids, attention_mask=torch.ones_like(ids), **keywords))
        except (RuntimeError, NotImplementedError) as error:
            reason = str(error).partition("\n")[0]
            dtype = self.dtype if self.options.dtype == "auto" else self.options.dtype
            what = f"The model {self.name!r} does not run with {dtype} on {self.device}: {reason}"
            raise ModelError(what, hint="set model.dtype to float32") from error


def _forward_keywords(network: nn.Module) -> dict[str, bool]:
    """Switch off what the pass has no use for, in networks that know it."""
    known = inspect.signature(network.forward).parameters
    keywords = {"return_dict": True}
    if "use_cache" in known:
        keywords["use_cache"] = False
    return keywords


def _pad_id(tokenizer: Tokenizer) -> int:
    # Padding is masked, so where the tokenizer has no token for it any id does.
    pad_id = tokenizer.pad_token_id
    return 0 if pad_id is None else int(pad_id)
