"""Run the rest of a network: the blocks before an edit are the same for every edit, and run once.

Dims: B sentences as they are, R edited copies of them, L tokens, D hidden width, W neurons of a site and layer.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neurolect.errors import ModelError, NeuronAddressError
from neurolect.interventions.outcomes import Inputs, Texts
from neurolect.model.architecture.structure import find_blocks, first_states
from neurolect.model.architecture.taps import Tap, write
from neurolect.model.hugging_face import REFUSALS
from neurolect.model.language_model import Model

Setter = Callable[[Tensor], Tensor]
"""Takes states, shape (R, L, W), which it may change in place, and gives them as they are to be."""
_TOLERANCE = 1e-4
"""Of what the whole network gives: how far a part of it may be off, relative to the largest value."""


class Plain(NamedTuple):
    """What a network gives for some sentences as it is."""

    inputs: Inputs
    result: Tensor
    """Scores or states, shape (B, L, V)."""
    states: Tensor
    """Of the tap, shape (B, L, W)."""
    before: Any
    """What the last block gives that is not run again; None where all are."""


class Rest:
    """A network from one site and layer on."""

    def __init__(self, texts: Texts, site: str, layer: int) -> None:
        self.texts, self.model = texts, texts.model
        self.tap = tap_at(self.model, site, layer)
        blocks = find_blocks(self.model.body, n_layers=self.model.n_layers) or []
        # what is read of latents may be the input of the block after it, or what the layer's own block gives
        self._skipped = blocks[: layer if site == "hidden" else max(0, layer - 1)]
        self._tried = not self._skipped

    @property
    def n_skipped(self) -> int:
        """Blocks that are not run again."""
        return len(self._skipped)

    def plain(self, rows: Any) -> Plain:  # noqa: ANN401 - an int64 array
        """Run texts as they are, and keep what edits start from."""
        inputs = self.texts.inputs(rows)
        kept: dict[str, Any] = {}

        def keep(_module: object, _args: object, output: object) -> None:
            kept["before"] = output

        def see(_number: int, states: Tensor) -> Tensor:
            kept["states"] = states
            return states

        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode())
            if self._skipped:
                stack.callback(self._skipped[-1].register_forward_hook(keep).remove)
            stack.enter_context(write(self.model.body, [self.tap], edit=see))
            result = self.texts.run(inputs)
        states = reached(kept.get("states"), self.tap).reshape(*inputs.ids.shape, -1)
        found = Plain(inputs, result, states, kept.get("before"))
        if not self._tried:
            self._tried = True
            found = found if self._is_whole(found) else self._all_again(rows)
        return found

    def edited(self, plain: Plain, rows: Tensor, setter: Setter) -> Tensor:
        """Run copies of the sentences with what a setter makes of the tap's states; shape (R, L, V)."""
        shape = (len(rows), plain.inputs.ids.shape[1])

        def edit(_number: int, states: Tensor) -> Tensor:
            return setter(states.reshape(*shape, -1).clone()).reshape(states.shape)

        with torch.inference_mode(), write(self.model.body, [self.tap], edit=edit):
            return self._run(plain, rows)

    def _run(self, plain: Plain, rows: Tensor) -> Tensor:
        with _instead_of(self._skipped, plain.before, rows):
            return self.texts.run(plain.inputs, rows)

    def _is_whole(self, plain: Plain) -> bool:
        """Try whether the rest of the network gives what the whole does."""
        rows = torch.arange(len(plain.inputs.ids), device=self.model.device).flip(0)
        try:
            with torch.inference_mode():
                got = self._run(plain, rows)
        except REFUSALS:
            return False
        return _same(got, plain.result[rows], plain.inputs.mask[rows].bool())

    def _all_again(self, rows: Any) -> Plain:  # noqa: ANN401 - an int64 array
        """Leave no block out from now on."""
        self._skipped = []
        return self.plain(rows)


def tap_at(model: Model, site: str, layer: int) -> Tap:
    """Find where a site and layer is set."""
    found, n_layers = model.taps_at([site], [layer])
    if not found:
        what = f"The model has no {site}.{layer}."
        raise NeuronAddressError(what, expected=f"layers from 1 to {n_layers}; 0 for the site hidden only")
    return found[0]


def reached(states: Tensor | None, tap: Tap) -> Tensor:
    """Give the states of a tap that ran; some networks with a head leave a part of their body out."""
    if states is None:
        what = f"{tap.place.site}.{tap.place.layer} is no part of what the network computes with its head."
        raise ModelError(what, expected="a site and layer that it runs", hint="choose another layer")
    return states


def _same(got: Tensor, expected: Tensor, real: Tensor) -> bool:
    """Compare results at real tokens."""
    if got.shape != expected.shape:
        return False
    if got.ndim == 3:
        got, expected = got[real], expected[real]
    got, expected = got.float(), expected.float()
    wide = 50.0 if got.dtype != torch.float32 else 1.0
    return bool((got - expected).abs().max() <= wide * _TOLERANCE * expected.abs().max())


@contextmanager
def _instead_of(blocks: Sequence[nn.Module], given: Any, rows: Tensor) -> Iterator[None]:  # noqa: ANN401 - a block's
    """Let blocks hand on what the last of them gave for the sentences, without computing."""
    made = _of_rows(given, rows)
    before: list[tuple[nn.Module, Any]] = []
    try:
        for number, block in enumerate(blocks):
            before.append((block, block.__dict__.get("forward")))
            block.forward = _giving(made) if number == len(blocks) - 1 else _handing_on(given)
        yield
    finally:
        for block, own in before:
            if own is None:
                del block.forward
            else:
                block.forward = own


def _of_rows(given: Any, rows: Tensor) -> Any:  # noqa: ANN401 - a tensor or a tuple that begins with one
    if isinstance(given, Tensor):
        return given[rows]
    return (given[0][rows], *given[1:]) if isinstance(given, tuple) else given


def _giving(made: Any) -> Callable[..., Any]:  # noqa: ANN401 - a block's output
    return lambda *_args, **_keywords: made


def _handing_on(given: Any) -> Callable[..., Any]:  # noqa: ANN401 - a block's output
    def forward(*args: object, **keywords: Any) -> Any:  # noqa: ANN401 - a block's
        states = first_states(args, keywords)
        return (states, *given[1:]) if isinstance(given, tuple) else states

    return forward
