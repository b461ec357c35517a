"""Find the gates of feed-forward networks that are products: which linear module's output decides, by trial.

A gated network (GLU, SwiGLU, GeGLU ...) multiplies an activation function of one linear module's output, the
gate, by another's. Which is which shows on the trial's numbers, not in names.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import permutations
from typing import NamedTuple

import torch
from torch import Tensor, nn

from neurolect.model.architecture.structure import is_linear
from neurolect.model.architecture.taps import Receiver, Tap

FUNCTIONS: tuple[Callable[[Tensor], Tensor], ...] = (
    nn.functional.silu,
    nn.functional.gelu,
    partial(nn.functional.gelu, approximate="tanh"),
    nn.functional.relu,
    torch.sigmoid,
    lambda given: given * torch.sigmoid(1.702 * given),
)
_NEAR = 0.02
"""Of the greatest value, by which a product may differ from what the network computed in its number format."""


class Gate(NamedTuple):
    """Where the gate of a layer's neurons is read: an output, or a half of one that has both factors."""

    module: nn.Module
    half: int | None


def find_gates(network: nn.Module, taps: Sequence[Tap], *, run: Callable[[], object]) -> dict[int, Gate]:
    """Find the gates of the taps at the site mlp that have one, by number of the tap.

    ``run``: Runs the network once on a few tokens.
    """
    found: dict[int, Gate] = {}
    before: list[tuple[nn.Module, Tensor]] = []

    def keep(module: nn.Module, _args: object, output: object) -> None:
        if isinstance(output, Tensor):
            before.append((module, output))

    def look(number: int, _module: nn.Module, args: tuple[object, ...]) -> None:
        if args and isinstance(args[0], Tensor):
            gate = _gate_of(args[0].float(), before)
            if gate is not None:
                found[number] = gate
        before.clear()

    with ExitStack() as stack:
        for module in network.modules():
            if is_linear(module):
                stack.callback(module.register_forward_hook(keep).remove)
        for number, tap in enumerate(taps):
            if tap.place.site == "mlp" and tap.module is not None:
                stack.callback(tap.module.register_forward_pre_hook(partial(look, number)).remove)
        run()
    return found


def _gate_of(product: Tensor, before: Sequence[tuple[nn.Module, Tensor]]) -> Gate | None:
    """Try the outputs of linear modules that ran before as factors of a product."""
    width, lead = product.shape[-1], product.shape[:-1]
    parts = [
        (Gate(module, None if output.shape[-1] == width else half), piece.float())
        for module, output in before
        if output.shape[:-1] == lead and output.shape[-1] in (width, 2 * width)
        for half, piece in enumerate(torch.split(output, width, dim=-1))
    ]
    near = _NEAR * float(product.abs().max())
    for (gate, given), (_, factor) in permutations(parts, 2):
        if any(float((each(given) * factor - product).abs().max()) <= near for each in FUNCTIONS):
            return gate
    return None


def listen_to_gates(stack: ExitStack, gates: dict[int, Gate], *, receive: Receiver) -> None:
    """Hand the gate of each tap's neurons to a receiver while the network runs, until the stack is closed."""

    def hook(number: int, half: int | None, _module: nn.Module, _args: object, output: Tensor) -> None:
        receive(number, output if half is None else output.chunk(2, dim=-1)[half])

    for number, gate in gates.items():
        stack.callback(gate.module.register_forward_hook(partial(hook, number, gate.half)).remove)
