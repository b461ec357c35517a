"""Run a network and its pooling as one OpenVINO graph on a CPU.

The network is traced together with the taps' hooks and the pooling, so that the graph returns one number for each
sentence and neuron and never hands a token's states over. Nothing is quantized: 8-bit integers ruin the lists.
"""

import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from neurolect.errors import require_extra
from neurolect.model.batching import PaddedBatch
from neurolect.model.hugging_face import Output
from neurolect.model.pooling import Spans, pooled
from neurolect.model.quiet_transformers import quiet_transformers
from neurolect.model.receive import DeviceActivations
from neurolect.model.taps import Tap, listen

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["PRECISIONS", "OpenVinoGraph", "openvino_there"]

PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
"""Number formats of the forward pass, and OpenVINO's names for them."""

_TELEMETRY = "openvino_telemetry"


def openvino_there() -> bool:
    """Say whether OpenVINO is installed, without importing it."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoGraph:
    """A network with its pooling, compiled by OpenVINO for as many threads as PyTorch has.

    Parameters
    ----------
    run : callable
        Runs the network on ids and mask and returns its result.
    network : nn.Module
        The network.
    taps : sequence of Tap
        What is read, in neuron order.
    pooling : str
        As in the options.
    dtype : str
        A key of ``PRECISIONS``.
    n_words : int
        Model tokens the network knows.

    Raises
    ------
    MissingExtraError
        If OpenVINO is not installed.
    RuntimeError and others
        Whatever tracing and conversion raise on a network they cannot take.
    """

    def __init__(
        self,
        run: Callable[[Tensor, Tensor], Output],
        *,
        network: nn.Module,
        taps: Sequence[Tap],
        pooling: str,
        dtype: str,
        n_words: int,
    ) -> None:
        openvino = _import_openvino()
        traced = _Pooled(run, network, taps, pooling)
        with warnings.catch_warnings(), torch.no_grad(), quiet_transformers():
            # the tracer warns of every shape that a network compares; what it makes of them is tried afterwards
            warnings.simplefilter("ignore")
            self._model = _convert(openvino, traced.eval(), n_words)
        self._core, self._dtype, self.n_threads = _the_core(), dtype, 0
        self._request: Any = None

    def run(self, batch: PaddedBatch, *, out: DeviceActivations) -> DeviceActivations:
        """Run one forward pass.

        Parameters
        ----------
        batch : PaddedBatch
            On the CPU.
        out : DeviceActivations
            Filled.

        Returns
        -------
        DeviceActivations
            ``out``.
        """
        if self.n_threads != torch.get_num_threads():
            # a run that is gone on with computes with as many threads as it was begun with
            self.n_threads = torch.get_num_threads()
            settings = _settings(self._dtype, self.n_threads)
            self._request = self._core.compile_model(self._model, "CPU", settings).create_infer_request()
        given = [each.numpy() for each in batch]
        # outputs are views of the request's memory until the next call
        results = self._request.infer(given, share_inputs=True, share_outputs=True)
        out.values.copy_(torch.from_numpy(results[0]))
        if out.tokens is not None:
            out.tokens.copy_(torch.from_numpy(results[1]))
        return out


class _Pooled(nn.Module):
    """What is traced: the network, the taps' hooks, and the pooling."""

    def __init__(
        self, run: Callable[[Tensor, Tensor], Output], network: nn.Module, taps: Sequence[Tap], pooling: str
    ) -> None:
        super().__init__()
        self.network = network  # registered, so that the tracer finds the weights
        self._run, self._taps, self._pooling = run, taps, pooling

    def forward(self, ids: Tensor, mask: Tensor, first: Tensor, end: Tensor) -> Any:  # noqa: ANN401
        """Return the activations, and with max pooling the tokens."""
        found: dict[int, Tensor] = {}
        with listen(self._taps, receive=found.__setitem__):
            result = self._run(ids, mask)
        for number, tap in enumerate(self._taps):
            if tap.reads == "last_hidden_state":
                found[number] = result.last_hidden_state
            elif tap.reads == "hidden_states" and result.hidden_states is not None:
                found[number] = result.hidden_states[tap.place.layer]
        spans = _spans(ids, first, end)
        values, tokens = [], []
        for number in range(len(self._taps)):
            states = found[number].reshape(ids.shape[0], ids.shape[1], -1).to(torch.float32)
            value, token = pooled(states, spans=spans, pooling=self._pooling)
            if self._pooling == "max":
                # The maximum of OpenVINO passes over NaN, which must be seen: 0 * NaN and 0 * infinity are NaN.
                value = value + (states.masked_fill(spans.outside, 0.0) * 0.0).sum(dim=1)
            values.append(value)
            if token is not None:
                tokens.append(token)
        joined = torch.cat(values, dim=1)
        return (joined, torch.cat(tokens, dim=1)) if tokens else joined


def _convert(openvino: "ModuleType", traced: nn.Module, n_words: int) -> Any:  # noqa: ANN401
    any_shape = [openvino.PartialShape([-1] * each) for each in (2, 2, 1, 1)]
    try:
        return openvino.convert_model(traced, example_input=_example(n_words), input=any_shape)
    except openvino.frontend.OpConversionFailure as error:
        # its last lines name the operations
        raise NotImplementedError(str(error).strip().splitlines()[-1].removeprefix("-- ")) from error


def _spans(ids: Tensor, first: Tensor, end: Tensor) -> Spans:
    """Prepare the pooling, with no number of the example's shape taken for a constant."""
    columns = torch.arange(ids.shape[1])
    inside = (columns >= first[:, None]) & (columns < end[:, None])
    share = 1.0 / (end - first).to(torch.float32)
    return Spans(
        rows=torch.arange(ids.shape[0]),
        first=first,
        last=end - 1,
        weights=(inside * share[:, None])[:, None, :],
        outside=~inside[:, :, None],
        countdown=(ids.shape[1] - columns).to(torch.int32)[None, :, None],
    )


def _example(n_words: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Make a batch with padding, all four of its numbers different."""
    ids = (torch.arange(1, 22) % n_words).reshape(3, 7)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    return ids, mask, torch.tensor([1, 1, 2]), torch.tensor([6, 4, 5])


def _settings(dtype: str, n_threads: int) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": PRECISIONS[dtype],
        "INFERENCE_NUM_THREADS": n_threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        # several workers on one machine would all be pinned to the same cores
        "ENABLE_CPU_PINNING": False,
    }


@cache
def _the_core() -> Any:  # noqa: ANN401 - OpenVINO is an extra
    """Give the process's only core, which lives as long as it does.

    Each core with a processor plugin gives the thread another stack for signals, and puts the one before back when
    it goes. Where two cores go in the order in which they came, that is one already freed: the next Ctrl-C or
    SIGTERM then ends in a segmentation fault instead of a checkpoint.
    """
    return _import_openvino().Core()


def _import_openvino() -> "ModuleType":
    """Import OpenVINO; what reports each import to its makers is left out, for which it has a stand-in."""
    if "openvino" in sys.modules or _TELEMETRY in sys.modules:
        return require_extra("openvino", extra="openvino", purpose="for the backend 'openvino'")
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        return require_extra("openvino", extra="openvino", purpose="for the backend 'openvino'")
    finally:
        del sys.modules[_TELEMETRY]
