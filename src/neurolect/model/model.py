"""A language model whose neurons can be read: sentences in, one activation for each neuron out."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurolect.errors import ModelError
from neurolect.model.batching import PaddedBatch, pad
from neurolect.model.compiled_blocks import compile_blocks
from neurolect.model.hugging_face import Output, Tokenizer
from neurolect.model.neurons import NeuronIndex
from neurolect.model.openvino_graph import OpenVinoGraph
from neurolect.model.openvino_trial import openvino_graph
from neurolect.model.options import ModelOptions
from neurolect.model.packed_forward import forward_packed, position_offset, why_not_packed
from neurolect.model.packing import PackedBatch, pack
from neurolect.model.precision import wider_dtype
from neurolect.model.receive import DeviceActivations, on_device, receiver_for
from neurolect.model.taps import Receiver, find_taps, listen
from neurolect.model.tokens import TokenizedSentences, tokenize

__all__ = ["Activations", "Model"]


class Activations(NamedTuple):
    """Activations of a batch of sentences."""

    values: NDArray[np.float32]
    """Shape (n_sentences, n_neurons), C order."""

    tokens: NDArray[np.int16] | None
    """With max pooling the model token that gave the maximum, same shape, counted from 0 with special tokens."""


class Model:
    """A loaded network with its tokenizer and its numbered neurons.

    Use :func:`neurolect.model.load_model`. The network is the user's own Hugging Face module; it is read
    through forward hooks that are set for one pass and taken off again.

    Parameters
    ----------
    network : nn.Module
        A Hugging Face encoder or decoder in evaluation mode, on its device.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its tokenizer.
    name : str
        What the model is called.
    options : ModelOptions
        Which neurons are read and how.
    max_tokens : int
        Longest sentence in model tokens, special ones included.
    fingerprint : str
        Hash of configuration, weights and tokenizer.
    architecture : str, optional
        Class of the whole model, where ``network`` is but its encoder.
    reload : callable, optional
        Gives the same model loaded anew with other options; needed to fall back to a wider number format.

    Attributes
    ----------
    dtype : str
        Number format of the forward pass.
    backend : str
        What runs the forward pass: ``torch``, or ``openvino`` after :meth:`use_openvino`.
    packed : bool
        Whether batches are best made by :meth:`pack`.
    not_packed_because : str
        Why not, where packing was wanted and cannot be had.

    Raises
    ------
    ModelError
        If the neurons asked for are not found, the network does not run in its number format,
        ``options.packing`` is ``on`` and it cannot run packed, or ``options.backend`` is ``openvino`` and it
        cannot run there.
    """

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
        reload: Callable[[ModelOptions], "Model"] | None = None,
    ) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.name, self.options, self.max_tokens, self.fingerprint = name, options, max_tokens, fingerprint
        self.architecture = architecture or type(network).__name__
        self.n_parameters = sum(each.numel() for each in network.parameters())
        self.dtype = str(next(network.parameters()).dtype).removeprefix("torch.")
        self._reload, self.compiled = reload, False
        self._keywords = _forward_keywords(network)
        self.pad_id = _pad_id(tokenizer)
        self._taps, self.n_layers = find_taps(network, sites=options.sites, layers=options.layers, run=self._trial)
        self.neurons = NeuronIndex(tuple(tap.place for tap in self._taps))
        self._keep_states = any(tap.reads == "hidden_states" for tap in self._taps)
        n_special = int(tokenizer.num_special_tokens_to_add(pair=False))
        if max_tokens <= n_special:
            what = f"Sentences may have {max_tokens} model tokens, and the tokenizer adds {n_special} of its own."
            raise ModelError(what, expected=f"more than {n_special}", hint="raise or drop model.max_tokens")
        self.backend, self._offset = "torch", position_offset(network)
        self._graph: OpenVinoGraph | None = None
        self.packed, self.not_packed_because = self._choose_packing()
        if options.backend == "openvino":
            self._only_openvino()

    @property
    def device(self) -> torch.device:
        """Where the network runs."""
        return next(self.network.parameters()).device

    @property
    def n_words(self) -> int:
        """How many model tokens the network knows."""
        return int(self.network.get_input_embeddings().num_embeddings)  # type: ignore[operator]

    def tokenize(self, texts: Sequence[str]) -> TokenizedSentences:
        """Turn sentences into model tokens, cut at ``max_tokens``.

        Parameters
        ----------
        texts : sequence of str
            Sentences.

        Returns
        -------
        TokenizedSentences
            In the same order; ``empty`` names those with nothing to pool, which :meth:`pad` refuses.
        """
        include = self.options.special_tokens == "include"
        return tokenize(self.tokenizer, texts, max_tokens=self.max_tokens, include_special=include)

    def pad(self, sentences: TokenizedSentences, positions: NDArray[np.integer]) -> PaddedBatch:
        """Make a batch of some of the sentences.

        Parameters
        ----------
        sentences : TokenizedSentences
            From :meth:`tokenize`.
        positions : int array, shape (n,)
            Which of them, e.g. one item of :func:`neurolect.model.plan_batches`.

        Returns
        -------
        PaddedBatch
            With tensors on the CPU.

        Raises
        ------
        ModelError
            If one of them has no token to pool.
        """
        self._check_tokens(sentences, positions)
        return pad(sentences, positions=positions, pad_id=self.pad_id)

    def pack(self, sentences: TokenizedSentences, positions: NDArray[np.integer]) -> PackedBatch:
        """Make a batch without padding; errors as for :meth:`pad`.

        Parameters
        ----------
        sentences : TokenizedSentences
            From :meth:`tokenize`.
        positions : int array, shape (n,)
            Which of them.

        Returns
        -------
        PackedBatch
            With tensors on the CPU.
        """
        self._check_tokens(sentences, positions)
        return pack(sentences, positions=positions)

    def activations(self, batch: PaddedBatch | PackedBatch) -> Activations:
        """Run one forward pass and pool all neurons.

        Parameters
        ----------
        batch : PaddedBatch or PackedBatch
            From :meth:`pad` or :meth:`pack`.

        Returns
        -------
        Activations
            Rows in the order of the batch. They do not depend on the batch beyond float32 rounding.
        """
        values, tokens = self.run(batch)
        return Activations(values.cpu().numpy(), None if tokens is None else tokens.cpu().numpy())

    def run(self, batch: PaddedBatch | PackedBatch, *, out: DeviceActivations | None = None) -> DeviceActivations:
        """Run one forward pass and leave the activations where the network is.

        Parameters
        ----------
        batch : PaddedBatch or PackedBatch
            From :meth:`pad` or :meth:`pack`.
        out : DeviceActivations, optional
            Filled and returned, where given.

        Returns
        -------
        DeviceActivations
            Rows in the order of the batch.
        """
        batch = on_device(batch, self.device)
        if out is None:
            shape = (len(batch.first), self.neurons.n_neurons)
            tokens = self.options.pooling == "max"
            out = DeviceActivations(
                torch.empty(shape, dtype=torch.float32, device=self.device),
                torch.empty(shape, dtype=torch.int16, device=self.device) if tokens else None,
            )
        if self._graph is not None and self.backend == "openvino" and isinstance(batch, PaddedBatch):
            return self._graph.run(batch, out=out)
        receive = receiver_for(batch, pooling=self.options.pooling, offsets=self.neurons.offsets.tolist(), out=out)
        self.visit(batch, receive)
        return out

    def visit(self, batch: PaddedBatch | PackedBatch, receive: Receiver) -> None:
        """Run one forward pass and hand over what every site gives at every token.

        Parameters
        ----------
        batch : PaddedBatch or PackedBatch
            On the network's device.
        receive : callable
            Called with the number of a site and layer (as in ``neurons.site_layers``) and its states, padded
            or end to end as the batch is; some networks flatten sentences and tokens.
        """
        with torch.inference_mode(), listen(self._taps, receive=receive):
            if isinstance(batch, PackedBatch):
                keywords = {"output_hidden_states": self._keep_states, **self._keywords}
                result = forward_packed(self.network, batch, offset=self._offset, keywords=keywords)
            else:
                result = self._forward(batch.ids, batch.mask, keep_states=self._keep_states)
            for number, tap in enumerate(self._taps):
                if tap.reads == "last_hidden_state":
                    receive(number, result.last_hidden_state)
                elif tap.reads == "hidden_states" and result.hidden_states is not None:
                    receive(number, result.hidden_states[tap.place.layer])

    def use_openvino(self) -> str | None:
        """Run padded batches in OpenVINO from now on, if that changes nothing.

        Returns
        -------
        str or None
            Why not, for people; None where it does.

        Raises
        ------
        MissingExtraError
            If OpenVINO is not installed.
        """
        if self._graph is None:
            run = partial(self._forward, keep_states=self._keep_states)
            made = openvino_graph(self, run=run, taps=self._taps)
            if isinstance(made, str):
                return made
            self._graph = made
        self.backend = "openvino"
        return None

    def use_torch(self) -> None:
        """Run in PyTorch again."""
        self.backend = "torch"

    def wider(self) -> "Model | None":
        """Load the same model in the number format to try where this one overflows.

        Returns
        -------
        Model or None
            None where there is none, or the format was the user's choice.
        """
        dtype = wider_dtype(self.dtype)
        if self.options.dtype != "auto" or dtype is None or self._reload is None:
            return None
        model = self._reload(replace(self.options, dtype=dtype))
        model.options, model._reload = self.options, self._reload
        return model

    def compile_blocks(self, *, token_budget: int = 65_536) -> str | None:
        """Compile the network's blocks, if nothing is read inside them and it changes nothing.

        Parameters
        ----------
        token_budget : int
            Model tokens in a batch.

        Returns
        -------
        str or None
            Why they stay as they are, for people; None where they are compiled.
        """
        if self.compiled:
            return None
        if any(tap.place.site != "hidden" or tap.reads == "hidden_states" for tap in self._taps):
            return "activations are read inside of blocks"
        why_not = compile_blocks(self, token_budget=token_budget)
        self.compiled = why_not is None
        return why_not

    def _check_tokens(self, sentences: TokenizedSentences, positions: NDArray[np.integer]) -> None:
        nothing = np.flatnonzero(sentences.end[positions] <= sentences.first[positions])
        if len(nothing):
            what = f"Sentence {int(np.asarray(positions)[nothing[0]])} of the batch has no token to pool."
            raise ModelError(what, expected="sentences with a token", hint="leave out those listed in `empty`")

    def _choose_packing(self) -> tuple[bool, str]:
        """Decide whether sentences are packed."""
        wanted = self.options.packing
        if wanted == "off" or (wanted == "auto" and self.device.type != "cuda"):
            return False, ""
        why_not = why_not_packed(self)
        if why_not is not None and wanted == "on":
            what = f"model.packing is 'on', and {why_not}."
            raise ModelError(
                what, expected="a network that takes packed sentences", hint="set model.packing to auto"
            )
        return why_not is None, why_not or ""

    def _only_openvino(self) -> None:
        why_not = self.use_openvino()
        if why_not is not None:
            what = f"model.backend is 'openvino', and {why_not}."
            raise ModelError(what, expected="a network OpenVINO runs", hint="set model.backend to torch")

    def _forward(self, ids: Tensor, mask: Tensor, *, keep_states: bool) -> Output:
        keywords = {"output_hidden_states": keep_states, **self._keywords}
        return cast(Output, self.network(input_ids=ids, attention_mask=mask, **keywords))

    def _trial(self) -> Output:
        """Run the network on a few tokens, to see how it is built and that it runs at all."""
        ids = (torch.arange(1, 9, device=self.device) % self.n_words).reshape(2, 4)
        try:
            with torch.inference_mode():
                return self._forward(ids, torch.ones_like(ids), keep_states=True)
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
