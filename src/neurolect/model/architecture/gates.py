"""Find what feed-forward neurons are computed from, gates among it, by trial.

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
from neurolect.model.options import plain_site

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


class Part(NamedTuple):
    """The output of a linear module, or a half of it that is one of two factors."""

    module: nn.Module
    half: int | None

    def rows(self, width: int) -> Tensor:
        """Give what it reads its input by: shape (width, n_in), float32."""
        weight: Tensor = self.module.weight.detach().float()  # type: ignore[operator]
        weight = weight if isinstance(self.module, nn.Linear) else weight.T  # transformers' Conv1D has (in, out)
        return weight[(self.half or 0) * width :][:width]


class Inputs(NamedTuple):
    """What a layer's neurons at the site mlp are computed from."""

    up: Part
    """What the activation function is of; of a gated network what it scales."""
    gate: Part | None


def find_inputs(network: nn.Module, taps: Sequence[Tap], *, run: Callable[[], object]) -> dict[int, Inputs]:
    """Find what the neurons of the taps at the site mlp are computed from, by number of the tap.

    ``run``: Runs the network once on a few tokens.
    """
    found: dict[int, Inputs] = {}
    before: list[tuple[nn.Module, Tensor]] = []

    def keep(module: nn.Module, _args: object, output: object) -> None:
        if isinstance(output, Tensor):
            before.append((module, output))

    def look(number: int, _module: nn.Module, args: tuple[object, ...]) -> None:
        if args and isinstance(args[0], Tensor):
            inputs = _inputs_of(args[0].float(), before)
            if inputs is not None:
                found[number] = inputs
        before.clear()

    with ExitStack() as stack:
        for module in network.modules():
            if is_linear(module):
                stack.callback(module.register_forward_hook(keep).remove)
        for number, tap in enumerate(taps):
            if plain_site(tap.place.site) == "mlp" and tap.module is not None:
                stack.callback(tap.module.register_forward_pre_hook(partial(look, number)).remove)
        run()
    return found


def _inputs_of(states: Tensor, before: Sequence[tuple[nn.Module, Tensor]]) -> Inputs | None:
    """Try the outputs of linear modules that ran before as factors of a product; else take the last that fits."""
    width, lead = states.shape[-1], states.shape[:-1]
    parts = [
        (Part(module, None if output.shape[-1] == width else half), piece.float())
        for module, output in before
        if output.shape[:-1] == lead and output.shape[-1] in (width, 2 * width)
        for half, piece in enumerate(torch.split(output, width, dim=-1))
    ]
    near = _NEAR * float(states.abs().max())
    for (gate, given), (up, factor) in permutations(parts, 2):
        if any(float((each(given) * factor - states).abs().max()) <= near for each in FUNCTIONS):
            return Inputs(up, gate)
    whole = [part for part, _ in parts if part.half is None]
    return Inputs(whole[-1], None) if whole else None


def listen_to_gates(stack: ExitStack, gates: dict[int, Part], *, receive: Receiver) -> None:
    """Hand the gate of each tap's neurons to a receiver while the network runs, until the stack is closed."""

    def hook(number: int, half: int | None, _module: nn.Module, _args: object, output: Tensor) -> None:
        receive(number, output if half is None else output.chunk(2, dim=-1)[half])

    for number, gate in gates.items():
        stack.callback(gate.module.register_forward_hook(partial(hook, number, gate.half)).remove)
