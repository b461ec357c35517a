"""A network, its tokenizer, and its numbered neurons: sentences in, activations out."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from neurolect.errors import ModelError
from neurolect.model.architecture.network import Network
from neurolect.model.architecture.taps import Receiver
from neurolect.model.batching import Batch, PaddedBatch
from neurolect.model.hugging_face import Tokenizer, wider_dtype
from neurolect.model.options import ModelOptions
from neurolect.model.pooling.receive import DeviceActivations, Watch, on_device, room_for
from neurolect.model.tokens import TokenizedSentences
from neurolect.model.trials.choose import torch_way, way_at_load
from neurolect.model.trials.feeding import feed
from neurolect.model.ways.way import run_by

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

_TOKEN_BUDGET = 4_096
"""Model tokens in a batch of :meth:`Model.activations`."""


class Activations(NamedTuple):
    """Activations of a batch of sentences."""

    values: NDArray[np.float32]
    """Shape (n_sentences, n_neurons), C order."""

    tokens: NDArray[np.int16] | None
    """With max pooling the model token that gave the maximum, same shape, counted from 0 with special tokens; its
    complement (``~token``, below 0) where the neuron's gate is negative there."""

    lows: NDArray[np.float32] | None = None
    """The lowest value of each sentence's tokens, where asked for."""

    low_tokens: NDArray[np.int16] | None = None
    """Its token, as ``tokens``."""


class Model(Network):
    """A loaded network with its tokenizer and its numbered neurons.

    Use :func:`neurolect.model.load_model`. The network is the user's own Hugging Face module; it is read
    through forward hooks that are set for one pass and taken off again.

    Parameters
    ----------
    network : nn.Module
        A Hugging Face encoder or decoder in evaluation mode, on its device; or one with a head.
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
        Gives the same model loaded again with other options; needed to fall back to a wider number format.
    body : nn.Module, optional
        The encoder or decoder inside of a ``network`` that has a head; ``network`` itself when not given.
    source_tokenizer : transformers.PreTrainedTokenizerBase, optional
        As it reads what an encoder is given, where ``tokenizer`` reads what its decoder is given.

    Attributes
    ----------
    dtype : str
        Number format of the forward pass.
    torch_way : Plain
        How PyTorch runs it: padded, or packed.
    way : Way
        What :meth:`batch`, :meth:`run` and :meth:`read` use: that one, compiled, or another library.
    taps : list of Tap
        Where its neurons are read.
    feeding : Feeding
        Which sentences may go into one batch, so that none changes what another gives; found by a trial.
    notices : list of str
        What is unusual in how it is fed and in what is read, in sentences.

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
        body: nn.Module | None = None,
        source_tokenizer: Tokenizer | None = None,
    ) -> None:
        super().__init__(
            network,
            tokenizer,
            name=name,
            options=options,
            max_tokens=max_tokens,
            fingerprint=fingerprint,
            architecture=architecture,
            body=body,
            source_tokenizer=source_tokenizer,
        )
        self._reload = reload
        with self.without_autoencoders():
            self.notices = [*feed(self), *self.warnings()]
            self.torch_way = torch_way(self)
            self.way = way_at_load(self, self.torch_way)

    def compare_longer(self) -> None:
        """Try on sentences as long as any how the model must be fed, which takes some seconds once.

        Loading a model compares shorter ones only.
        """
        before = self.feeding
        with self.without_autoencoders():
            self.notices = [*feed(self, thorough=True), *self.warnings()]
            if self.feeding != before:
                self.torch_way = torch_way(self)
                self.way = way_at_load(self, self.torch_way)

    def tokenize(self, texts: Sequence[str], sources: Sequence[str | None] | None = None) -> TokenizedSentences:
        """Turn sentences into model tokens, cut at ``max_tokens``.

        Parameters
        ----------
        texts : sequence of str
            Sentences.
        sources : sequence of str or None, optional
            What the encoder is given for each while its decoder is read; needed where ``options.source`` names a
            field. A sentence without one is empty.

        Returns
        -------
        TokenizedSentences
            In the same order; ``empty`` names those with nothing to pool, which :meth:`pad` refuses.

        Raises
        ------
        ModelError
            If sources are needed and not given.
        """
        return super().tokenize(texts, sources)

    def tokenize_table(self, sentences: "pa.Table") -> TokenizedSentences:
        """Turn sentences of a corpus or a run into model tokens, with their sources where these are fed.

        Parameters
        ----------
        sentences : pyarrow.Table
            With the columns ``text`` and :attr:`source_columns`.

        Returns
        -------
        TokenizedSentences
            As by :meth:`tokenize`.
        """
        sources = [sentences.column(each).to_pylist() for each in self.source_columns]
        return self.tokenize(sentences.column("text").to_pylist(), *sources)

    @property
    def source_columns(self) -> list[str]:
        """The column of a corpus that the encoder is given, where one is."""
        field = self.options.source_field
        return [] if field is None else [field]

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
        return super().pad(sentences, positions)

    def batch(self, sentences: TokenizedSentences, positions: NDArray[np.integer]) -> Batch:
        """Make a batch as :attr:`way` wants it; errors as for :meth:`pad`.

        Parameters
        ----------
        sentences : TokenizedSentences
            From :meth:`tokenize`.
        positions : int array, shape (n,)
            Which of them.

        Returns
        -------
        PaddedBatch or PackedBatch
            With tensors on the CPU.
        """
        return self.way.batch(self, sentences, positions)

    def run(self, batch: Batch, *, out: DeviceActivations | None = None) -> DeviceActivations:
        """Run one forward pass and leave the activations where the network is.

        Parameters
        ----------
        batch : PaddedBatch or PackedBatch
            From :meth:`batch` or :meth:`pad`.
        out : DeviceActivations, optional
            Filled and returned, where given.

        Returns
        -------
        DeviceActivations
            Rows in the order of the batch.
        """
        return run_by(self.way, self, batch, out=out)

    def read(self, batch: Batch, *, lows: bool = False, watch: Watch | None = None) -> Activations:
        """Run one forward pass and pool all neurons.

        Parameters
        ----------
        batch : PaddedBatch or PackedBatch
            From :meth:`batch` or :meth:`pad`.
        lows : bool
            With max pooling give the lowest values too. In PyTorch only.
        watch : callable, optional
            Shown the states of every site and layer while they are there. In PyTorch only.

        Returns
        -------
        Activations
            Rows in the order of the batch. They do not depend on the batch beyond float32 rounding.
        """
        shape = (len(batch.first), self.neurons.n_neurons)
        out = room_for(shape, device=self.device, tokens=self.options.pooling == "max", lows=lows)
        found = self.run(batch, out=out._replace(watch=watch))[:4]
        values, *others = (None if each is None else each.cpu().numpy() for each in found)
        return Activations(np.asarray(values), *others)

    def visit(self, batch: Batch, receive: Receiver) -> None:
        """Run one forward pass in PyTorch and hand over what every site gives at every token.

        Parameters
        ----------
        batch : PaddedBatch or PackedBatch
            From :meth:`batch` or :meth:`pad`.
        receive : callable
            Called with the number of a site and layer (as in ``neurons.site_layers``) and its states, padded
            or end to end as the batch is; some networks flatten sentences and tokens.
        """
        self.torch_way.visit(self, on_device(batch, self.device), receive)

    def activations(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Read all neurons on sentences.

        Parameters
        ----------
        texts : sequence of str
            Sentences; what is longer than ``max_tokens`` is cut.

        Returns
        -------
        float32 array, shape (n_sentences, n_neurons)
            Rows in the order given, columns as in :attr:`addresses`; a row of NaN where a text has no token to
            pool, as an empty one has.
        """
        if isinstance(texts, str):
            what = f"The sentences are one text: {texts[:40]!r}."
            raise ModelError(what, expected="a list of texts", hint="put it in a list: activations([text])")
        sentences = self.tokenize(list(texts))
        values = np.full((len(texts), self.neurons.n_neurons), np.nan, dtype=np.float32)
        for rows in self.way.plan(sentences, token_budget=_TOKEN_BUDGET):
            values[rows] = self.read(self.batch(sentences, rows)).values
        if len(sentences.empty):
            logger.warning(
                "%d of %d texts have no token to pool; their rows are NaN.", len(sentences.empty), len(texts)
            )
        return values

    @property
    def addresses(self) -> list[str]:
        """Names of the neurons, as ``hidden.6.200``: the columns of activations."""
        return self.neurons.addresses()

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
