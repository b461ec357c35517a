"""Convert a network for OpenVINO and see that it gives what PyTorch gives.

Whether it does is tried, not looked up: batches of several shapes, with and without padding, are run both ways.
"""

import importlib.util
import logging
from itertools import pairwise

import torch

from neurolect.model.architecture.network import Network
from neurolect.model.batching import PaddedBatch
from neurolect.model.hugging_face import REFUSALS
from neurolect.model.ways.openvino import PRECISIONS, OpenVino, import_openvino
from neurolect.model.ways.plain import Plain
from neurolect.model.ways.way import Backend, Way, run_by

logger = logging.getLogger(__name__)

TOLERANCE = {"float32": 1e-4, "bfloat16": 4e-2}
"""Largest difference to PyTorch, as a share of the layer's largest activation."""

_WORTH_CONVERTING = 50_000
"""Sentences; conversion takes some seconds and saves about a sixth of the time."""
_LENGTHS = ((1, 1), (3,), (9, 3, 9, 5), (40, 17), (300,))


def attempt(model: Network) -> OpenVino | str:
    """Convert the network and try it, or say why it cannot be, as the end of "... and ..."."""
    if model.device.type != "cpu":
        return f"the network is on {model.device}, not on the CPU"
    if model.dtype not in PRECISIONS:
        return f"model.dtype is {model.dtype}, not {' or '.join(PRECISIONS)}"
    if model.options.of_decoder:
        return "the decoder of an encoder-decoder is read"
    if model.autoencoders:
        return "the latents of sparse autoencoders are read"
    import_openvino()
    name = type(model.body).__name__
    try:
        way = OpenVino(model)
        off = max(_difference(model, way, lengths) for lengths in _LENGTHS)
    except REFUSALS as error:
        logger.debug("No OpenVINO graph.", exc_info=True)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return f"a {name} does not run there ({reason[:160]})"
    if not off <= TOLERANCE[model.dtype]:
        return f"a {name} gives other activations there (off by {off:.1%} of the largest)"
    return way


def _worth(model: Network, n_sentences: int) -> bool:
    return n_sentences >= _WORTH_CONVERTING and model.dtype == "float32"


def _difference(model: Network, way: Way, lengths: tuple[int, ...]) -> float:
    """Run random sentences both ways; give the largest difference as a share of the largest activation."""
    batch = _random_batch(model, lengths)
    ours, theirs = run_by(Plain(), model, batch), run_by(way, model, batch)
    if not torch.isfinite(theirs.values).all():
        return float("inf")
    differences = (ours.values - theirs.values).abs().amax(dim=0)
    largest = ours.values.abs().amax(dim=0)
    pairs = pairwise(model.neurons.offsets.tolist())
    return max(float(differences[a:b].max() / largest[a:b].max().clamp(min=1e-30)) for a, b in pairs)


def _random_batch(model: Network, lengths: tuple[int, ...]) -> PaddedBatch:
    longest = min(max(lengths), model.max_tokens)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(model.n_words, (len(lengths), longest), generator=generator)
    end = torch.tensor([min(each, longest) for each in lengths])
    mask = (torch.arange(longest) < end[:, None]).to(torch.int64)
    ids = torch.where(mask > 0, ids, model.pad_id)
    return PaddedBatch(ids, mask, torch.zeros_like(end), end)


BACKEND = Backend(
    title="OpenVINO",
    install="pip install openvino",
    there=lambda: importlib.util.find_spec("openvino") is not None,
    worth=_worth,
    attempt=attempt,
)
