"""Read neurons from a network while it runs: plain forward hooks, set for one pass and taken off again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from neurolect.errors import ModelError
from neurolect.model.hugging_face import Output
from neurolect.model.neurons import SiteLayer
from neurolect.model.structure import find_blocks, first_states, n_layers_of, site_module, watch_linears


class Tap(NamedTuple):
    """Where the neurons of one site and layer are read."""

    place: SiteLayer

    module: nn.Module | None
    """Whose input or output is read; None: the network's result."""

    reads: str
    """``input``, ``output``, ``last_hidden_state``, or ``hidden_states`` (kept by the network for all layers)."""


Receiver = Callable[[int, Tensor], None]
"""Takes the number of a tap and its states of the running batch."""


@contextmanager
def listen(taps: Sequence[Tap], *, receive: Receiver) -> Iterator[None]:
    """Hand every tap's tensor to a receiver while the network runs inside the ``with``.

    Parameters
    ----------
    taps : sequence of Tap
        Those that read a module; others are left to the caller.
    receive : callable
        Called with the tap's number and its tensor, at once, so nothing need be kept.
    """
    with ExitStack() as stack:
        for number, tap in enumerate(taps):
            if tap.module is None:
                continue
            if tap.reads == "input":
                hook = tap.module.register_forward_pre_hook(_input_hook(number, receive), with_kwargs=True)
            else:
                hook = tap.module.register_forward_hook(_output_hook(number, receive))
            stack.callback(hook.remove)
        yield


def hand_over(taps: Sequence[Tap], result: Output, *, receive: Receiver) -> None:
    """Give a receiver what those taps read that read no module: the network's result."""
    for number, tap in enumerate(taps):
        if tap.reads == "last_hidden_state":
            receive(number, result.last_hidden_state)
        elif tap.reads == "hidden_states" and result.hidden_states is not None:
            receive(number, result.hidden_states[tap.place.layer])


def _input_hook(
    number: int, receive: Receiver
) -> Callable[[nn.Module, tuple[object, ...], dict[str, object]], None]:
    def hook(module: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        states = first_states(args, kwargs)
        if states is not None:
            receive(number, states)

    return hook


def _output_hook(number: int, receive: Receiver) -> Callable[[nn.Module, tuple[object, ...], Tensor], None]:
    def hook(module: nn.Module, args: tuple[object, ...], output: Tensor) -> None:
        receive(number, output)

    return hook


def find_taps(
    network: nn.Module, *, sites: Sequence[str], layers: Sequence[int] | None, run: Callable[[], Output]
) -> tuple[list[Tap], int]:
    """Find where the neurons that were asked for are read, by watching one trial run.

    Parameters
    ----------
    network : nn.Module
        The encoder or decoder.
    sites : sequence of str
        Sites, in neuron order.
    layers : sequence of int or None
        Layers; None for all blocks.
    run : callable
        Runs the network once with ``output_hidden_states=True`` on a few sentences of equally many tokens, more
        tokens than sentences; returns its result.

    Returns
    -------
    taps : list of Tap
        In neuron order.
    n_layers : int
        Blocks of the network.

    Raises
    ------
    ModelError
        If the network is not built like a transformer, a site is not found, or a layer does not exist.
    """
    blocks = find_blocks(network, n_layers=n_layers_of(network))
    with watch_blocks(blocks or []) as inputs, watch_linears(blocks or []) as watched:
        result = run()
    states = getattr(result, "hidden_states", None)
    last = getattr(result, "last_hidden_state", None)
    if not states or last is None:
        what = f"A {type(network).__name__} gives no hidden states."
        raise ModelError(what, expected="a transformer with `hidden_states` and `last_hidden_state`")
    n_layers = len(states) - 1
    hooked = blocks is not None and _same_states(inputs, states, last)
    taps = []
    for site in sites:
        for layer in resolve_layers(layers, site=site, sites=sites, n_layers=n_layers):
            if site == "hidden":
                taps.append(_hidden_tap(layer, states, blocks if hooked else None))
                continue
            if blocks is None or len(blocks) != n_layers:
                what = f"The site {site!r} was asked for, and a {type(network).__name__} has no list of blocks."
                hint = "ask for the site hidden: --set model.sites=hidden"
                raise ModelError(what, expected="a module list with one entry a block", hint=hint)
            linear = site_module(watched[layer - 1], site=site, states=last)
            width, reads = (linear.n_out, "output") if site == "attn" else (linear.n_in, "input")
            taps.append(Tap(SiteLayer(site, layer, width), linear.module, reads))
    return taps, n_layers


@contextmanager
def watch_blocks(blocks: Sequence[nn.Module]) -> Iterator[list[Tensor | None]]:
    """Keep what every block is called with while the network runs inside the ``with``."""
    inputs: list[Tensor | None] = [None] * len(blocks)

    def keep(number: int, states: Tensor) -> None:
        inputs[number] = states.clone()

    taps = [Tap(SiteLayer("hidden", layer, 0), block, "input") for layer, block in enumerate(blocks)]
    with listen(taps, receive=keep):
        yield inputs


def _same_states(inputs: Sequence[Tensor | None], states: Sequence[Tensor], last: Tensor) -> bool:
    """Check that block inputs and the last hidden state are the hidden states the network itself reports."""
    if len(inputs) + 1 != len(states):
        return False
    return all(
        ours is not None and ours.shape == theirs.shape and torch.equal(ours, theirs)
        for ours, theirs in zip([*inputs, last], states, strict=True)
    )


def _hidden_tap(layer: int, states: Sequence[Tensor], blocks: list[nn.Module] | None) -> Tap:
    place = SiteLayer("hidden", layer, states[layer].shape[-1])
    if blocks is None:
        return Tap(place, None, "hidden_states")
    if layer == len(blocks):
        return Tap(place, None, "last_hidden_state")
    return Tap(place, blocks[layer], "input")


def resolve_layers(layers: Sequence[int] | None, *, site: str, sites: Sequence[str], n_layers: int) -> list[int]:
    """Say which layers of a site are read, ascending.

    Parameters
    ----------
    layers : sequence of int or None
        As asked for.
    site : str
        The site in question.
    sites : sequence of str
        All sites asked for: layer 0 counts for ``hidden`` alone and is no error beside it.
    n_layers : int
        Blocks of the network.

    Returns
    -------
    list of int
        Layers, ascending.

    Raises
    ------
    ModelError
        If a layer does not exist.
    """
    if layers is None:
        return list(range(1, n_layers + 1))
    wrong = [layer for layer in layers if layer > n_layers or (layer == 0 and "hidden" not in sites)]
    if wrong:
        what = f"The layers {', '.join(map(str, wrong))} were asked for, and the model has {n_layers} blocks."
        hint = f"layers are numbered from 1 to {n_layers}; 0 is the embedding output, for the site hidden only"
        raise ModelError(what, expected=f"layers from 1 to {n_layers}", hint=hint)
    return sorted(layer for layer in layers if layer > 0 or site == "hidden")
