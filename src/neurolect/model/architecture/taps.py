"""Read neurons from a network while it runs, or set them: plain forward hooks, taken off again afterwards.

``listen`` reads and ``write`` sets; both leave the network as it was, after an exception too, and can be nested:
what is set up later sees what was set earlier.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from neurolect.errors import ModelError
from neurolect.model.architecture.structure import (
    Block,
    Linear,
    attention_prefix,
    block_lists,
    down_projections,
    feed_forward_parts,
    first_states,
    is_mixture,
    n_layers_of,
    parts_by_token,
    reads_output,
    site_module,
    watch_linears,
)
from neurolect.model.autoencoders.autoencoder import Autoencoder
from neurolect.model.hugging_face import Output
from neurolect.model.neurons import SiteLayer


class Target(NamedTuple):
    """Where the neurons of one site and layer are set."""

    module: nn.Module
    """Whose input or output is replaced."""

    at: str
    """``input`` or ``output``."""

    call: int | None = None
    """Which of its calls in a forward pass, where one module runs for several layers; None: every call."""

    tokens_first: bool = False
    """Whether the module has tokens on the first axis and sentences on the second."""


class Tap(NamedTuple):
    """Where the neurons of one site and layer are read and set."""

    place: SiteLayer

    module: nn.Module | None
    """Whose input or output is read; None: the network's result."""

    reads: str
    """``input``, ``output``, ``last_hidden_state``, or ``hidden_states`` (kept by the network for all layers)."""

    target: Target | None
    """Where they are set; None where that was not found."""

    autoencoder: Autoencoder | None = None
    """What makes latents of the states there; None where the states are the neurons."""

    def on_side(self, side: str) -> "Tap":
        """Name the site as one of an encoder-decoder's decoder, where the side is that."""
        return self._replace(place=self.place._replace(site=side + self.place.site))

    def neurons_of(self, states: Tensor) -> Tensor:
        """Give the neurons of the states that are read."""
        return states if self.autoencoder is None else self.autoencoder.encode(states)


Receiver = Callable[[int, Tensor], None]
"""Takes the number of a tap and its states of the running batch."""

Edit = Callable[[int, Tensor], Tensor]
"""Takes the number of a tap and its states; gives what the network computes the rest from, of the same shape."""


@contextmanager
def listen(taps: Sequence[Tap], *, receive: Receiver) -> Iterator[None]:
    """Hand every tap's tensor to a receiver while the network runs inside the ``with``.

    ``taps``: Those that read a module; others are left to the caller.
    ``receive``: Called with the tap's number and its tensor, at once, so nothing need be kept.
    """
    with ExitStack() as stack:
        for number, tap in enumerate(taps):
            if tap.module is None:
                continue
            if tap.reads == "input":
                hook = tap.module.register_forward_pre_hook(_input_hook(number, tap, receive), with_kwargs=True)
            else:
                hook = tap.module.register_forward_hook(_output_hook(number, tap, receive))
            stack.callback(hook.remove)
        yield


def hand_over(taps: Sequence[Tap], result: Output, *, receive: Receiver) -> None:
    """Give a receiver what those taps read that read no module: the network's result."""
    for number, tap in enumerate(taps):
        if tap.reads == "last_hidden_state":
            receive(number, result.last_hidden_state)
        elif tap.reads == "hidden_states" and result.hidden_states is not None:
            receive(number, result.hidden_states[tap.place.layer])


@contextmanager
def write(network: nn.Module, taps: Sequence[Tap], *, edit: Edit) -> Iterator[None]:
    """Let an edit set every tap's tensor while the network runs inside the ``with``.

    What the edit gets is not to be changed in place; what it gives back as it got it changes not one bit. States
    are of shape (n_sentences, n_tokens, width), or flattened or end to end as the network has them.

    ``network``: The encoder or decoder (``Model.body``) of the taps; it may run inside of a network with a head.
    """
    for tap in taps:
        if tap.target is None:
            what = f"{tap.place.site}.{tap.place.layer} of a {type(network).__name__} can be read but not set."
            raise ModelError(
                what, expected="blocks that take the hidden states", hint="choose another site or layer"
            )
    with ExitStack() as stack:
        for number, tap in enumerate(taps):
            if tap.target is not None:
                _set_writer(stack, network, number, tap, tap.target, edit)
        yield


def _set_writer(stack: ExitStack, network: nn.Module, number: int, tap: Tap, target: Target, edit: Edit) -> None:
    """Set the hooks that let an edit write one tap."""
    n_calls = 0

    def edited(states: Tensor) -> Tensor:
        given = states.transpose(0, 1) if target.tokens_first else states
        neurons = tap.neurons_of(given)
        made = edit(number, neurons)
        if made is neurons:
            return states
        if made.shape != neurons.shape:
            where = f"{tap.place.site}.{tap.place.layer}"
            what = f"The edit of {where} gave values of shape {tuple(made.shape)}."
            raise ModelError(what, expected=f"the shape of what it got, {tuple(neurons.shape)}")
        made = made if tap.autoencoder is None else tap.autoencoder.changed(given, neurons, made)
        made = made.to(states.dtype)
        return made.transpose(0, 1) if target.tokens_first else made

    def its_turn() -> bool:
        nonlocal n_calls
        n_calls += 1
        return target.call is None or n_calls == target.call + 1

    def start_again(module: nn.Module, args: tuple[object, ...]) -> None:
        nonlocal n_calls
        n_calls = 0

    def before(
        module: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]] | None:
        states = first_states(args, kwargs) if its_turn() else None
        if states is None:
            return None
        if args:
            return (edited(states), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": edited(states)}

    def after(module: nn.Module, args: tuple[object, ...], output: object) -> object:
        return _with_first(output, edited) if its_turn() else None

    if target.call is not None:
        stack.callback(network.register_forward_pre_hook(start_again).remove)
    if target.at == "input":
        stack.callback(target.module.register_forward_pre_hook(before, with_kwargs=True).remove)
    else:
        stack.callback(target.module.register_forward_hook(after).remove)


def _with_first(output: object, edited: Callable[[Tensor], Tensor]) -> object:
    """Replace the states in what a module gives: a tensor, a tuple, or a network's result."""
    if isinstance(output, Tensor):
        return edited(output)
    if isinstance(output, tuple):
        return (edited(output[0]), *output[1:])
    result = cast("dict[str, Any]", output)  # transformers' ModelOutput, made for this call
    old = result["last_hidden_state"]
    result["last_hidden_state"] = new = edited(old)
    kept = result.get("hidden_states")
    if kept and (kept[-1] is old or torch.equal(kept[-1], old)):
        result["hidden_states"] = (*kept[:-1], new)
    return result


def _input_hook(
    number: int, tap: Tap, receive: Receiver
) -> Callable[[nn.Module, tuple[object, ...], dict[str, object]], None]:
    def hook(module: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        states = first_states(args, kwargs)
        if states is not None:
            receive(number, tap.neurons_of(states))

    return hook


def _output_hook(
    number: int, tap: Tap, receive: Receiver
) -> Callable[[nn.Module, tuple[object, ...], Tensor | tuple[Tensor, ...]], None]:
    def hook(module: nn.Module, args: tuple[object, ...], output: Tensor | tuple[Tensor, ...]) -> None:
        receive(number, tap.neurons_of(output[0] if isinstance(output, tuple) else output))

    return hook


def find_taps(
    network: nn.Module,
    *,
    sites: Sequence[str],
    layers: Sequence[int] | None,
    run: Callable[[], Output],
    shape: tuple[int, int],
    hooks: bool = True,
    paths: Mapping[str, str] | None = None,
) -> tuple[list[Tap], int]:
    """Find where the neurons that were asked for are read, by watching one trial run.

    ``layers``: None: all that have one state a token.
    ``run``: Runs the network once with ``output_hidden_states=True`` on a few sentences of equally many tokens,
        more tokens than sentences; returns its result.
    ``shape``: (n_sentences, n_tokens) of that run.
    ``hooks``: Whether hidden states may be read where blocks are called with them, and not only in the result.
    ``paths``: By site the name of its linear module within a block, where the structure does not tell.
    """
    lists: list[list[nn.Module] | None] = [*block_lists(network, n_layers=n_layers_of(network))]
    for blocks in [*lists, None] if len(lists) > 1 else lists or [None]:
        with (
            watch_calls(network) as calls,
            watch_blocks(blocks or []) as inputs,
            watch_linears(blocks or []) as watched,
        ):
            result = run()
        # a wrapper may have as many blocks for images, which text does not reach
        if all(each is not None for each in inputs):
            break
    states = getattr(result, "hidden_states", None)
    last = getattr(result, "last_hidden_state", None)
    if not states or last is None:
        what = f"A {type(network).__name__} gives no hidden states."
        raise ModelError(what, expected="a transformer with `hidden_states` and `last_hidden_state`")
    n_layers = len(states) - 1
    hooked = hooks and blocks is not None and _same_states(inputs, states, last)
    usable = [tuple(each.shape[:2]) == shape for each in states]
    _check_shapes(network, usable, layers if "hidden" in sites else ())
    taps = []
    for site in sites:
        wanted = resolve_layers(layers, site=site, sites=sites, n_layers=n_layers)
        if site == "hidden":
            hidden_of = blocks if hooked else None
            taps += [_hidden_tap(network, each, states, hidden_of, calls) for each in wanted if usable[each]]
            continue
        if blocks is None or len(blocks) != n_layers:
            what = f"The site {site!r} was asked for, and a {type(network).__name__} has no list of blocks."
            hint = "ask for the site hidden: --set model.sites=hidden"
            raise ModelError(what, expected="a module list with one entry a block", hint=hint)
        found = site_linears(watched, site=site, states=last, path=(paths or {}).get(site), run=run)
        _check_there(found, wanted, site=site, given=layers is not None)
        for layer in wanted:
            linear = found[layer - 1]
            if isinstance(linear, Linear):
                width, reads = (linear.n_out, "output") if reads_output(site) else (linear.n_in, "input")
                taps.append(Tap(SiteLayer(site, layer, width), linear.module, reads, Target(linear.module, reads)))
    return taps, n_layers


def site_linears(
    watched: Sequence[Block], *, site: str, states: Tensor, path: str | None, run: Callable[[], object]
) -> list[Linear | ModelError]:
    """Find the linear module of a site in every block, or why a block has none.

    ``run``: Runs the network again, as when its blocks were watched.
    """
    n_calls = Counter(each.module for block in watched for each in block.linears)
    shared = frozenset(module for module, n in n_calls.items() if n > 1)
    found: list[Linear | ModelError] = []
    for block in watched:
        try:
            found.append(site_module(block, site=site, states=states, path=path, shared=shared))
        except ModelError as error:
            found.append(error)
    if site == "mlp" and path is None:
        for number, linear in _by_trial(watched, states=states, run=run, shared=shared).items():
            found[number] = linear
    return found


def _by_trial(
    watched: Sequence[Block], *, states: Tensor, run: Callable[[], object], shared: frozenset[nn.Module]
) -> dict[int, Linear]:
    """Find the down-projection of blocks without attention, and of those with several that may be it, by number."""
    candidates: dict[int, list[tuple[Linear, nn.Module | None]]] = {}
    for number, block in enumerate(watched):
        linears = [] if is_mixture(block) else down_projections(block, states, shared=shared)
        if linears and (len(linears) > 1 or attention_prefix(block) is None):
            candidates[number] = list(zip(linears, feed_forward_parts(block, linears), strict=True))
    alike = parts_by_token([part for each in candidates.values() for _, part in each if part is not None], run)
    chosen: dict[int, Linear] = {}
    for number, pairs in candidates.items():
        last = [linear for linear, part in pairs if part in alike]
        if last:
            chosen[number] = last[-1]
    return chosen


def _check_there(found: Sequence[Linear | ModelError], wanted: Sequence[int], *, site: str, given: bool) -> None:
    """Refuse a site that no block has, or that one of the layers asked for by number lacks."""
    has = [layer for layer, each in enumerate(found, start=1) if isinstance(each, Linear)]
    lacking = [layer for layer in wanted if layer not in has]
    if not lacking or (has and not given):
        return
    error = found[lacking[0] - 1]
    if isinstance(error, ModelError):
        layers = ", ".join(map(str, has))
        hint = f"layers that have it: --set model.layers={layers.replace(' ', '')}" if has else error.hint
        what = f"{site}.{lacking[0]} is not found: {error.what}"
        raise ModelError(what, expected=error.expected, hint=hint)


def _check_shapes(network: nn.Module, usable: Sequence[bool], layers: Sequence[int] | None) -> None:
    """Refuse layers that were asked for by number, or all of them, where their states are not those of tokens."""
    wanted = range(1, len(usable)) if layers is None else [each for each in layers if each < len(usable)]
    bad = [str(each) for each in wanted if not usable[each]]
    if bad and (layers is not None or len(bad) == len(wanted)):
        good = ", ".join(str(each) for each, fits in enumerate(usable) if fits)
        what = f"A {type(network).__name__} gives no state for each token at the layers {', '.join(bad)}."
        hint = f"ask for layers that have one: {good}" if good else "choose another model"
        raise ModelError(what, expected="as many states as tokens", hint=hint)


@contextmanager
def watch_blocks(blocks: Sequence[nn.Module]) -> Iterator[list[Tensor | None]]:
    """Keep what every block is called with while the network runs inside the ``with``."""
    inputs: list[Tensor | None] = [None] * len(blocks)

    def keep(number: int, states: Tensor) -> None:
        inputs[number] = states.clone()

    taps = [Tap(SiteLayer("hidden", layer, 0), block, "input", None) for layer, block in enumerate(blocks)]
    with listen(taps, receive=keep):
        yield inputs


class Call(NamedTuple):
    """A call of a module in the trial run."""

    module: nn.Module
    number: int
    """How many calls of it came before."""
    states: Tensor


@contextmanager
def watch_calls(network: nn.Module) -> Iterator[list[Call]]:
    """Keep what every module inside a network is called with, in order, while it runs inside the ``with``."""
    calls: list[Call] = []
    counts: dict[int, int] = {}

    def keep(module: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        number = counts.get(id(module), 0)
        counts[id(module)] = number + 1
        states = first_states(args, kwargs)
        if states is not None:
            calls.append(Call(module, number, states.clone()))

    with ExitStack() as stack:
        for module in network.modules():
            if module is not network:
                stack.callback(module.register_forward_pre_hook(keep, with_kwargs=True).remove)
        yield calls


def _same_states(inputs: Sequence[Tensor | None], states: Sequence[Tensor], last: Tensor) -> bool:
    """Check that block inputs and the last hidden state are the hidden states the network itself reports."""
    if len(inputs) + 1 != len(states):
        return False
    return all(
        ours is not None and ours.shape == theirs.shape and torch.equal(ours.to(theirs.device), theirs)
        for ours, theirs in zip([*inputs, last], states, strict=True)
    )


def _hidden_tap(
    network: nn.Module, layer: int, states: Sequence[Tensor], blocks: list[nn.Module] | None, calls: Sequence[Call]
) -> Tap:
    place = SiteLayer("hidden", layer, states[layer].shape[-1])
    last = layer == len(states) - 1
    if blocks is not None and not last:
        return Tap(place, blocks[layer], "input", Target(blocks[layer], "input"))
    target = Target(network, "output") if last else _called_with(states[layer], calls)
    return Tap(place, None, "hidden_states" if blocks is None else "last_hidden_state", target)


def _called_with(states: Tensor, calls: Sequence[Call]) -> Target | None:
    """Find the first call of a module that is given these states, with sentences or tokens first."""
    for call in calls:
        for tokens_first in (False, True):
            given = call.states.transpose(0, 1) if tokens_first and call.states.ndim == 3 else call.states
            if given.shape == states.shape and torch.equal(given.to(states.device), states):
                return Target(call.module, "input", call.number, tokens_first)
    return None


def resolve_layers(layers: Sequence[int] | None, *, site: str, sites: Sequence[str], n_layers: int) -> list[int]:
    """Say which layers of a site are read, ascending.

    ``sites``: All sites asked for: layer 0 counts for ``hidden`` alone and is no error next to it.
    Returns: Layers, ascending.
    """
    if layers is None:
        return list(range(1, n_layers + 1))
    wrong = [layer for layer in layers if layer > n_layers or (layer == 0 and "hidden" not in sites)]
    if wrong:
        what = f"The layers {', '.join(map(str, wrong))} were asked for, and the model has {n_layers} blocks."
        hint = f"layers are numbered from 1 to {n_layers}; 0 is the embedding output, for the site hidden only"
        raise ModelError(what, expected=f"layers from 1 to {n_layers}", hint=hint)
    return sorted(layer for layer in layers if layer > 0 or site == "hidden")
