"""Build the OpenVINO graph of a model and see that it gives what PyTorch gives.

Whether it does is tried, not looked up: batches of several shapes, with and without padding, are run both ways.
"""

import logging
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from neurolect.model.batching import PaddedBatch
from neurolect.model.hugging_face import Output
from neurolect.model.openvino_graph import PRECISIONS, OpenVinoGraph
from neurolect.model.receive import DeviceActivations
from neurolect.model.taps import Tap

if TYPE_CHECKING:
    from neurolect.model.model import Model

__all__ = ["TOLERANCE", "openvino_graph"]

logger = logging.getLogger(__name__)

TOLERANCE = {"float32": 1e-4, "bfloat16": 4e-2}
"""Largest difference to PyTorch, as a share of the layer's largest activation."""

_LENGTHS = ((1, 1), (3,), (9, 3, 9, 5), (40, 17), (300,))
_REFUSALS = (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError, KeyError, IndexError)


def openvino_graph(
    model: "Model", *, run: Callable[[Tensor, Tensor], Output], taps: Sequence[Tap]
) -> OpenVinoGraph | str:
    """Build the graph.

    Parameters
    ----------
    model : Model
        Running in PyTorch.
    run : callable
        Runs its network on ids and mask.
    taps : sequence of Tap
        What is read.

    Returns
    -------
    OpenVinoGraph or str
        Or why it cannot be, as the end of "... and ...".

    Raises
    ------
    MissingExtraError
        If OpenVINO is not installed.
    """
    if model.device.type != "cpu":
        return f"the network is on {model.device}, not on the CPU"
    if model.packed:
        return "sentences are packed"
    if model.dtype not in PRECISIONS:
        return f"model.dtype is {model.dtype}, not {' or '.join(PRECISIONS)}"
    try:
        graph = OpenVinoGraph(
            run,
            network=model.network,
            taps=taps,
            pooling=model.options.pooling,
            dtype=model.dtype,
            n_words=model.n_words,
        )
        off = max(_difference(model, graph, lengths) for lengths in _LENGTHS)
    except _REFUSALS as error:
        logger.debug("No OpenVINO graph.", exc_info=True)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return f"a {type(model.network).__name__} does not run there ({reason[:160]})"
    if not off <= TOLERANCE[model.dtype]:
        return f"a {type(model.network).__name__} gives other activations there (off by {off:.1%} of the largest)"
    return graph


def _difference(model: "Model", graph: OpenVinoGraph, lengths: tuple[int, ...]) -> float:
    """Run random sentences both ways; give the largest difference as a share of the largest activation."""
    batch = _random_batch(model, lengths)
    ours = model.run(batch)
    tokens = None if ours.tokens is None else torch.empty_like(ours.tokens)
    theirs = graph.run(batch, out=DeviceActivations(torch.empty_like(ours.values), tokens))
    if not torch.isfinite(theirs.values).all():
        return float("inf")
    differences = (ours.values - theirs.values).abs().amax(dim=0)
    largest = ours.values.abs().amax(dim=0)
    pairs = pairwise(model.neurons.offsets.tolist())
    return max(float(differences[a:b].max() / largest[a:b].max().clamp(min=1e-30)) for a, b in pairs)


def _random_batch(model: "Model", lengths: tuple[int, ...]) -> PaddedBatch:
    longest = min(max(lengths), model.max_tokens)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(model.n_words, (len(lengths), longest), generator=generator)
    end = torch.tensor([min(each, longest) for each in lengths])
    mask = (torch.arange(longest) < end[:, None]).to(torch.int64)
    ids = torch.where(mask > 0, ids, model.pad_id)
    return PaddedBatch(ids, mask, torch.zeros_like(end), end)
