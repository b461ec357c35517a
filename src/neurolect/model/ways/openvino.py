"""Run a network and its pooling as one OpenVINO graph on a CPU.

The network is traced together with the taps' hooks and the pooling, so that the graph returns one number for each
sentence and neuron and never hands a token's states over. Nothing is quantized: 8-bit integers ruin the lists.
"""

import sys
import warnings
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from neurolect.errors import require_extra
from neurolect.model.architecture.network import Network
from neurolect.model.architecture.taps import hand_over, listen
from neurolect.model.batching import Batch, PaddedBatch
from neurolect.model.hugging_face import quiet_transformers
from neurolect.model.pooling.padded import Spans, pooled
from neurolect.model.pooling.receive import DeviceActivations
from neurolect.model.ways.plain import Plain

if TYPE_CHECKING:
    from types import ModuleType


PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
"""Number formats of the forward pass, and OpenVINO's names for them."""

_TELEMETRY = "openvino_telemetry"


class OpenVino(Plain):
    """Padded sentences through one graph on as many threads as PyTorch has.

    Tracing and conversion raise what they like on a network that they cannot take.
    """

    backend = "openvino"

    def __init__(self, model: Network) -> None:
        super().__init__()
        openvino = import_openvino()
        traced = _Pooled(model)
        with warnings.catch_warnings(), torch.no_grad(), quiet_transformers():
            # the tracer warns of every shape that a network compares; what it makes of them is tried afterwards
            warnings.simplefilter("ignore")
            self._graph = _convert(openvino, traced.eval(), model.n_words)
        self._core, self._dtype, self.n_threads = _the_core(), model.dtype, 0
        self._request: Any = None

    def run(self, model: Network, batch: Batch, *, out: DeviceActivations) -> None:
        """Run one forward pass."""
        if self.n_threads != torch.get_num_threads():
            # a run that is resumed computes with as many threads as it was started with
            self.n_threads = torch.get_num_threads()
            settings = _settings(self._dtype, self.n_threads)
            self._request = self._core.compile_model(self._graph, "CPU", settings).create_infer_request()
        given = [each.numpy() for each in batch[:4]]
        # outputs are views of the request's memory until the next call
        results = self._request.infer(given, share_inputs=True, share_outputs=True)
        out.values.copy_(torch.from_numpy(results[0]))
        if out.tokens is not None:
            out.tokens.copy_(torch.from_numpy(results[1]))


class _Pooled(nn.Module):
    """What is traced: the network, the taps' hooks, and the pooling."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.body = model.body  # registered, so that the tracer finds the weights
        self._run = partial(Plain().forward, model)
        self._taps, self._pooling = model.taps, model.options.pooling

    def forward(self, ids: Tensor, mask: Tensor, first: Tensor, end: Tensor) -> Any:  # noqa: ANN401
        """Return the activations, and with max pooling the tokens."""
        found: dict[int, Tensor] = {}
        with listen(self._taps, receive=found.__setitem__):
            hand_over(self._taps, self._run(PaddedBatch(ids, mask, first, end)), receive=found.__setitem__)
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
    return import_openvino().Core()


def import_openvino() -> "ModuleType":
    """Import OpenVINO; what reports each import to its makers is left out, for which it has a stand-in."""
    if "openvino" in sys.modules or _TELEMETRY in sys.modules:
        return require_extra("openvino", extra="openvino", purpose="for the backend 'openvino'")
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        return require_extra("openvino", extra="openvino", purpose="for the backend 'openvino'")
    finally:
        del sys.modules[_TELEMETRY]
