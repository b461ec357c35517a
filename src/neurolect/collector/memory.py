"""Whether a GPU's memory holds what a pass keeps there, and what to say where it does not."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from neurolect.collector.chunk_pass import block_bytes
from neurolect.collector.device.lists import ENTRY_BYTES, room_for
from neurolect.collector.options import CollectOptions
from neurolect.collector.state import Plan
from neurolect.errors import CollectError
from neurolect.model.language_model import Model

_GIB = 2**30
_STATES = 8
"""Tensors of the widest site that a forward pass holds at once, about."""
_BLOCKS = 4
"""Blocks of activations that are there at once: those taken in, one that waits, one that runs."""
_PEAK_BYTES = 34
"""Of a key and the values about a firing token; those of a block, its batches and the state are there at once."""


def free_bytes(device: torch.device) -> int:
    """Give the memory of a GPU that is free, or held by PyTorch and not used."""
    free, _ = torch.cuda.mem_get_info(device)
    return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))


def list_bytes(plan: Plan, *, spilled: bool) -> int:
    """Count the memory of the lists on a device, those of spilled ones without what is on the host."""
    room = room_for(plan.n_neurons, plan.list_size)
    return plan.n_neurons * len(plan.sides) * ENTRY_BYTES * (room + (0 if spilled else plan.list_size))


def must_spill(model: Model, plan: Plan, options: CollectOptions, device: torch.device | None) -> bool:
    """Say whether lists are kept on the host because the GPU's memory does not hold them.

    Raises a CollectError where it would not even hold what is gathered for them.
    """
    if device is None or device.type != "cuda":
        return False
    free, n = free_bytes(device), plan.n_neurons
    widest = max(each.width for each in model.neurons.site_layers)
    budget = options.token_budget or 1
    each = block_bytes(n, token_budget=budget) * (2 if plan.by_minimum else 1)
    work = _BLOCKS * each + _STATES * 4 * budget * widest
    work += 4 * n * len(plan.peak_sides) * plan.peak_entries * _PEAK_BYTES
    work += 4 * n * options.kept_activations(n).n_sampled + 8 * n * (options.histogram_bins + 16)
    if list_bytes(plan, spilled=False) + work <= free:
        return False
    needed = list_bytes(plan, spilled=True) + work
    if needed > free:
        what = (
            f"A pass over {n:,} neurons needs about {needed / _GIB:.1f} GiB; {free / _GIB:.1f} are free on the GPU."
        )
        raise CollectError(what, hint=_less(options))
    return True


def spilled_notice(plan: Plan) -> str:
    """Say that lists are kept on the host."""
    size = list_bytes(plan, spilled=False) / _GIB
    return (
        f"The lists ({plan.list_size:,} sentences of each of {plan.n_neurons:,} neurons: {size:.1f} GiB) are kept "
        "in the host's memory: the GPU's does not hold them. They are the same lists."
    )


@contextmanager
def named_shortage(options: CollectOptions) -> Iterator[None]:
    """Say what would do where the GPU's memory turns out too small."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        what = f"The GPU's memory was not enough: {str(error).partition('. ')[0]}."
        hint = f"{_less(options)} What was read before the last checkpoint is kept: the same command resumes there."
        raise CollectError(what, hint=hint) from error


def _less(options: CollectOptions) -> str:
    half = max(1, (options.token_budget or 2) // 2)
    return (
        f"Set collect.token_budget={half} or less, fewer model.layers, a smaller collect.list_size, or "
        "collect.keep_on=host; or stop what else is on the GPU."
    )
