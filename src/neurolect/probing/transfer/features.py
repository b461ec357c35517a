"""A network up to the last block that is needed, and the chosen columns of its states.

Dims: B sentences, L tokens, M chosen neurons.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurolect.errors import NeuronAddressError, OptionError
from neurolect.model.architecture.taps import Receiver, hand_over, listen
from neurolect.model.batching import plan_fed
from neurolect.model.language_model import Model
from neurolect.probing.probes.linear import LinearProbe

_TOKEN_BUDGET = 4_096
_TRIAL = ("One of them.", "A few more words than that, and then the end.")
_TOLERANCE = 1e-6


class _Enough(Exception):
    """All that is wanted has been read."""


class Features(nn.Module):
    """The chosen neurons of a network; the blocks after the last of them are not run.

    Parameters
    ----------
    model : Model
        Read in PyTorch; its options say how sentences are pooled.
    addresses : sequence of str
        The columns, in their order.
    probe : LinearProbe, optional
        A probe of these columns, for :meth:`classify`.
    unit : str
        What the probe is of: ``sentence`` or ``word``.

    Attributes
    ----------
    addresses : list of str
        Of the columns.
    stops : bool
        Whether the network is left early: not where a trial gives other values than the whole pass.

    Raises
    ------
    NeuronAddressError
        If the model has no such neuron among those it reads.
    """

    def __init__(
        self,
        model: Model,
        addresses: Sequence[str],
        *,
        probe: LinearProbe | None = None,
        unit: str = "sentence",
    ) -> None:
        super().__init__()
        self.model, self.addresses, self.probe, self.unit = model, list(addresses), probe, unit
        self.network = model.body
        if not self.addresses:
            what = "No neuron was chosen."
            raise NeuronAddressError(what, expected="one address or more")
        columns = np.array([model.neurons.neuron_id(each) for each in self.addresses], np.int64)
        taps = np.searchsorted(model.neurons.offsets, columns, side="right") - 1
        self._columns = {
            int(tap): (np.flatnonzero(taps == tap), columns[taps == tap] - int(model.neurons.offsets[tap]))
            for tap in np.unique(taps)
        }
        self.stops = True
        self.stops = self._same_as_whole()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Run the network as far as it is needed.

        Parameters
        ----------
        input_ids : int tensor, shape (B, L)
            Model tokens.
        attention_mask : int tensor, shape (B, L)
            1 at tokens, 0 at padding.

        Returns
        -------
        Tensor, shape (B, L, M)
            The chosen neurons at every token, in the order of ``addresses``; in float32.
        """
        found: dict[int, Tensor] = {}
        model = self.model
        keywords = {"output_hidden_states": model.keep_states, **model.keywords}
        with suppress(_Enough), listen(model.taps, receive=self._receiver(found)):
            result = self.network(input_ids=input_ids, attention_mask=attention_mask, **keywords)
            hand_over(model.taps, result, receive=self._receiver(found))
        made = torch.empty(*input_ids.shape, len(self.addresses), device=input_ids.device)
        for tap, (places, columns) in self._columns.items():
            states = found[tap].reshape(*input_ids.shape, -1)
            made[..., places] = states[..., torch.from_numpy(columns).to(states.device)].float()
        return made

    def _receiver(self, found: dict[int, Tensor]) -> Receiver:
        """Keep what is wanted; once all of it is there, leave the network."""

        def receive(number: int, states: Tensor) -> None:
            if number in self._columns:
                found[number] = states
            if self.stops and len(found) == len(self._columns):
                raise _Enough

        return receive

    def _same_as_whole(self) -> bool:
        """Try whether leaving the network early gives what the whole pass does, and changes nothing after it."""
        made = []
        for stops in (False, True, False):
            self.stops = stops
            made.append(self.sentences(_TRIAL))
        scale = max(float(np.abs(made[0]).max()), 1e-12)
        return all(float(np.abs(each - made[0]).max()) <= _TOLERANCE * scale for each in made[1:])

    def sentences(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Read sentences, pooled as the model's options say.

        Parameters
        ----------
        texts : sequence of str
            Sentences; what is longer than the model's limit is cut.

        Returns
        -------
        float32 array, shape (B, M)
            A row of NaN where a text has no token.
        """
        found = np.full((len(texts), len(self.addresses)), np.nan, np.float32)
        for rows, values_BLM, first, end in self._batches(texts):
            found[rows] = _pooled(values_BLM, first, end, self.model.options.pooling).cpu().numpy()
        return found

    def tokens(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Read sentences token by token, special tokens left out as the model's options say.

        Parameters
        ----------
        texts : sequence of str
            Sentences; what is longer than the model's limit is cut.

        Returns
        -------
        list of float32 arrays, shape (n_tokens, M)
            One a sentence.
        """
        found = [np.empty((0, len(self.addresses)), np.float32) for _ in texts]
        for rows, values_BLM, first, end in self._batches(texts):
            for place, row in enumerate(rows.tolist()):
                found[row] = values_BLM[place, int(first[place]) : int(end[place])].cpu().numpy()
        return found

    def classify(self, values: NDArray[Any]) -> list[str]:
        """Predict classes from columns that were read.

        Parameters
        ----------
        values : float array, shape (n, M)
            Of sentences, or of words at the token that the probe was fitted on.

        Returns
        -------
        list of str
            A class each.

        Raises
        ------
        OptionError
            If there is no probe.
        """
        if self.probe is None:
            what = "These features have no classifier."
            raise OptionError(what, expected="features that `neurolect probing transfer` wrote")
        return [self.probe.classes[each] for each in self.probe.predict(values).tolist()]

    def predict(self, texts: Sequence[str]) -> list[str]:
        """Predict the classes of sentences.

        Parameters
        ----------
        texts : sequence of str
            Sentences with words.

        Returns
        -------
        list of str
            A class each.

        Raises
        ------
        OptionError
            If the classifier is of words.
        """
        if self.unit != "sentence":
            what = f"The classifier is of {self.unit}s, and texts were given."
            raise OptionError(what, expected="classify() with rows of tokens()")
        return self.classify(self.sentences(texts))

    def _batches(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - an iterator of rows, values, first, end
        sentences = self.model.tokenize(list(texts))
        lengths = np.where(sentences.end > sentences.first, sentences.lengths, 0)
        for batch in plan_fed(lengths, token_budget=_TOKEN_BUDGET, feeding=self.model.feeding):
            rows = batch[lengths[batch] > 0]
            if len(rows):
                made = self.model.pad(sentences, rows)
                device = self.model.device
                with torch.inference_mode():
                    values = self(made.ids.to(device), made.mask.to(device))
                yield rows, values, sentences.first[rows], sentences.end[rows]


def _pooled(values_BLM: Tensor, first: NDArray[np.integer], end: NDArray[np.integer], pooling: str) -> Tensor:
    """Pool the tokens from first to before end."""
    device = values_BLM.device
    begin, after = (torch.from_numpy(each.astype(np.int64)).to(device) for each in (first, end))
    rows = torch.arange(len(begin), device=device)
    if pooling in ("first", "last"):
        return values_BLM[rows, begin if pooling == "first" else after - 1]
    places = torch.arange(values_BLM.shape[1], device=device)
    own = ((places >= begin[:, None]) & (places < after[:, None]))[..., None]
    if pooling == "max":
        return values_BLM.masked_fill(~own, -torch.inf).amax(dim=1)
    return (values_BLM * own).sum(dim=1) / (after - begin)[:, None]
