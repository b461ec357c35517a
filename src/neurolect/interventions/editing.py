"""Set neurons of a running model: plain hooks on the user's own network, counted, and taken off again.

Dims: B rows of a call, L tokens, W neurons of a site and layer, C of them changed.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, ref

import numpy as np
import torch
from torch import Tensor

from neurolect.errors import ModelError, NeuronAddressError, OptionError
from neurolect.interventions.changes import Change, Column, read_changes
from neurolect.interventions.positions import Calls
from neurolect.interventions.reference import token_states
from neurolect.model.architecture.taps import Tap, write
from neurolect.model.language_model import Model

logger = logging.getLogger(__name__)


class Touched(NamedTuple):
    """What an edit did at one address."""

    n_calls: int
    """Calls of its module."""
    n_tokens: int
    """Tokens at which it was changed."""
    n_values: int
    """Values that were changed."""


@dataclass(slots=True)
class EditReport:
    """What an edit touched; complete when its ``with`` is left.

    Parameters
    ----------
    n_calls : int
        Calls of the network.
    touched : dict of str to Touched
        By address, as it was given.
    """

    n_calls: int = 0
    touched: dict[str, Touched] = field(default_factory=dict)

    @property
    def n_values(self) -> int:
        """Values that were changed at all addresses."""
        return sum(each.n_values for each in self.touched.values())


@contextmanager
def edit(
    model: Model,
    changes: Mapping[str, Change],
    *,
    positions: str = "all",
    reference: Sequence[str] = (),
    seed: int = 0,
) -> Iterator[EditReport]:
    """Set neurons while the network runs inside the ``with``.

    Run ``model.network`` as you like: a forward pass, ``generate`` with or without key-value cache and beams, a
    backward pass. The network is changed only while it runs, and not at all where ``changes`` is empty.
    Edits can be nested: an inner one is given what the outer one set.

    Parameters
    ----------
    model : Model
        From :func:`neurolect.load_model`, with a head where one is needed.
    changes : mapping of str to number, str or tuple
        By address (``mlp.15.200``; ``mlp.15.0-9``; ``mlp.15``, all of a layer): a number to set; ``("add", x)``,
        ``("scale", x)``, ``("clamp_active", x)`` (set to x where the neuron is above 0),
        ``("clamp_everywhere", x)``, ``"zero"``, ``"mean"`` and ``"resample"`` (of the reference texts' tokens),
        ``("patch", sentence)`` (the values at the same tokens of another sentence),
        ``("direction", vector, "set" | "add" | "scale", x)`` (the coefficient along a vector of the layer's
        width). For several neurons x may be as many numbers, and so may what is set. They apply in this order.
    positions : str
        ``all``, ``after_first`` (all but the first of every sentence, where many decoders have a sink), ``prompt``,
        ``generated``, ``last`` (of every sentence) or ``match=WORD`` (whole, in the case that the tokenizer keeps);
        special tokens among them, never padding. A warning says where none was met.
    reference : sequence of str
        Texts for ``mean`` and ``resample``.
    seed : int
        Of ``resample``.

    Yields
    ------
    EditReport
        Filled when the ``with`` is left.

    Raises
    ------
    NeuronAddressError
        If there is no such neuron.
    OptionError
        If a change, its values or the positions cannot be read or do not fit.
    ModelError
        If an address was never reached, a site cannot be set, or the network's result is NaN after the edit.

    Examples
    --------
    >>> model = neurolect.load_model("minilm")  # doctest: +SKIP
    >>> with edit(model, {"hidden.3.200": 0.0}) as report:  # doctest: +SKIP
    ...     values = model.activations(["Oil prices rose."])
    >>> report.touched["hidden.3.200"]  # doctest: +SKIP
    Touched(n_calls=1, n_tokens=6, n_values=6)
    """
    given: object = model  # a path, perhaps
    if not isinstance(given, Model):
        what = f"The model to edit is {model!r}."
        raise OptionError(what, expected="a loaded model", hint='model = neurolect.load_model("minilm")')
    columns = read_changes(changes)
    report = EditReport()
    calls = Calls(positions, tokenizer=model.tokenizer)
    if not columns:
        yield report
        return
    with _paused():  # what is looked for and read is of the network as it is, not of outer edits
        taps = _taps_of(model, columns)
        writers = [_Writer(each, model, calls) for each in _by_tap(columns, taps)]
        _give_values(writers, model, reference, seed=seed)
    watch = _Watch(calls)
    with ExitStack() as stack:
        for module in dict.fromkeys((model.network, model.body)):
            stack.callback(module.register_forward_pre_hook(calls.before, with_kwargs=True).remove)
            stack.callback(module.register_forward_hook(calls.after, always_call=True).remove)
        stack.enter_context(write(model.body, taps, edit=lambda number, states: writers[number].changed(states)))
        for module in dict.fromkeys((model.network, model.body)):
            stack.callback(module.register_forward_hook(watch.after).remove)
        _ACTIVE.append(calls)
        try:
            yield report
        finally:
            _ACTIVE.remove(calls)
            report.n_calls = calls.n_calls
            report.touched = {name: each for writer in writers for name, each in writer.touched().items()}
    _check_reached(report, model)
    nowhere = [address for address, each in report.touched.items() if not each.n_tokens]
    if nowhere:
        logger.warning("The positions %r met no token: %s stayed as they are.", positions, ", ".join(nowhere))
    watch.check()


_ACTIVE: list[Calls] = []
"""Of the edits that are on."""


@contextmanager
def _paused() -> Iterator[None]:
    """Switch the edits off that are on."""
    outer = [each for each in _ACTIVE if not each.paused]
    for each in outer:
        each.paused = True
    try:
        yield
    finally:
        for each in outer:
            each.paused = False


def _taps_of(model: Model, columns: Sequence[Column]) -> list[Tap]:
    """Find where the sites and layers of the changes are set, each once, in the order of the data."""
    wanted = {(each.site, each.layer) for each in columns}
    sites = sorted({site for site, _ in wanted})
    layers = sorted({layer for _, layer in wanted})
    found, n_layers = _found_taps(model, tuple(sites), tuple(layers))
    taps = [tap for tap in found if (tap.place.site, tap.place.layer) in wanted]
    missing = wanted - {(tap.place.site, tap.place.layer) for tap in taps}
    if missing:
        site, layer = sorted(missing)[0]
        what = f"The model has no {site}.{layer}."
        raise NeuronAddressError(what, expected=f"layers from 1 to {n_layers}; 0 for the site hidden only")
    return taps


_FOUND: WeakKeyDictionary[Model, dict[Any, tuple[list[ref[torch.nn.Module]], list[Tap], int]]] = WeakKeyDictionary()
"""Taps that were found before, with the modules that the network had then."""


def _found_taps(model: Model, sites: tuple[str, ...], layers: tuple[int, ...]) -> tuple[list[Tap], int]:
    """Find taps by a trial run, once for every network: an edit of one token would take twice as long with it."""
    known, modules = _FOUND.setdefault(model, {}), list(model.body.modules())
    before = known.get((sites, layers))
    if before and [one() for one in before[0]] == modules:
        return before[1:]
    found, n_layers = model.taps_at(sites, layers)
    known[sites, layers] = [ref(each) for each in modules], found, n_layers
    return found, n_layers


def _by_tap(columns: Sequence[Column], taps: Sequence[Tap]) -> list[tuple[Tap, list[Column]]]:
    """Put the changes of each tap together; check that its neurons and values are as many as they should be."""
    grouped = []
    for tap in taps:
        own = [each for each in columns if (each.site, each.layer) == (tap.place.site, tap.place.layer)]
        for each in own:
            _check_width(each, tap.place.width)
        grouped.append((tap, own))
    return grouped


def _check_width(change: Column, width: int) -> None:
    if change.columns is not None and int(change.columns.max()) >= width:
        what = f"There is no neuron {change.address!r}: {change.site}.{change.layer} has {width:,}."
        raise NeuronAddressError(what, expected=f"an index from 0 to {width - 1}")
    if change.mode == "direction" and change.columns is not None:
        what = f"A direction is given for {change.address}."
        raise OptionError(what, expected=f"a layer: {change.site}.{change.layer}")
    n = width if change.columns is None else len(change.columns)
    for value in change.values:
        if isinstance(value, np.ndarray) and len(value) != n:
            what = f"The change {change.mode!r} of {change.address} has {len(value):,} values."
            raise OptionError(what, expected=f"one, or {n:,}: one for each neuron")


def _give_values(writers: "Sequence[_Writer]", model: Model, reference: Sequence[str], *, seed: int) -> None:
    """Read what is put in place of the neurons' own values, in as few passes as there are texts to read."""
    texts = [reference] if isinstance(reference, str) else list(reference)
    needed = [writer for writer in writers if {"mean", "resample"} & {each.mode for each in writer.changes}]
    if needed and not texts:
        what = f"{needed[0].changes[0].address} is to be changed to values of reference texts, and there are none."
        raise OptionError(what, expected="reference=[...], sentences like those that are edited")
    if needed:
        states = token_states(model, [writer.tap for writer in needed], texts, own=True)
        for number, (writer, each) in enumerate(zip(needed, states, strict=True)):
            writer.reference = each
            writer.random = torch.Generator().manual_seed(seed + number)
    for writer in writers:
        for change in writer.changes:
            if change.mode == "patch" and change.values[0] not in writer.sources:
                writer.sources[change.values[0]] = token_states(model, [writer.tap], [change.values[0]])[0]


class _Writer:
    """Changes one site and layer, and counts."""

    def __init__(self, of_tap: tuple[Tap, list[Column]], model: Model, calls: Calls) -> None:
        self.tap, self.changes = of_tap
        self.reference: Tensor | None = None
        self.random: torch.Generator | None = None
        self.sources: dict[str, Tensor] = {}
        self._calls, self._device = calls, model.device
        self._n_calls = 0
        self._n_tokens: list[Tensor | int] = [0] * len(self.changes)
        self._n_values: list[Tensor | int] = [0] * len(self.changes)
        self._columns = [
            slice(None) if each.columns is None else torch.as_tensor(each.columns, device=model.device)
            for each in self.changes
        ]

    def changed(self, states: Tensor) -> Tensor:
        """Change the states of a call, shape (B, L, W) or flat."""
        if self._calls.paused:
            return states
        again = torch._C._current_graph_task_id() != -1  # a checkpointed block runs again in the backward pass
        self._n_calls += not again
        mask = self._fitting(states)
        made = states.clone()
        for number, change in enumerate(self.changes):
            here, columns = mask, self._columns[number]
            part = made[..., columns]
            new, here = self._new(change, part, here)
            if not again:
                self._n_tokens[number] = self._n_tokens[number] + here.any(-1).sum()
                self._n_values[number] = self._n_values[number] + here.expand(part.shape).sum()
            made[..., columns] = torch.where(here, new.to(states.dtype), part)
        return made

    def _fitting(self, states: Tensor) -> Tensor:
        """Give the mask of the running call in the shape of its states, with an axis for neurons."""
        mask = self._calls.mask()
        if states.shape[:-1] == mask.shape:
            return mask[..., None]
        if states.ndim == 2 and states.shape[0] == mask.numel():
            return mask.reshape(-1)[:, None]
        where = f"{self.tap.place.site}.{self.tap.place.layer}"
        what = f"{where} gives states of shape {tuple(states.shape)} for tokens of shape {tuple(mask.shape)}."
        raise ModelError(what, expected="a row for every token", hint="edit another site")

    def _new(self, change: Column, part: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Give new values, shape (..., C) or broadcast to it, and where they apply."""
        mode, values = change.mode, change.values
        if mode in ("set", "clamp_everywhere"):
            return self._number(values[0], part), mask
        if mode == "clamp_active":
            return self._number(values[0], part), mask & (part > 0)
        if mode == "add":
            return part + self._number(values[0], part), mask
        if mode == "scale":
            return part * self._number(values[0], part), mask
        if mode == "mean":
            return self._of_reference(change).mean(0).to(part.dtype).expand(part.shape), mask
        if mode == "resample":
            own = self._of_reference(change)
            rows = torch.randint(len(own), part.shape[:-1], generator=self.random)
            return own[rows.to(own.device)].to(part.dtype), mask
        if mode == "direction":
            return self._along(part, *values), mask
        return self._patched(change, part, mask)

    def _number(self, value: Any, part: Tensor) -> Tensor:  # noqa: ANN401 - a number or an array
        return torch.as_tensor(value, dtype=part.dtype, device=part.device).expand(part.shape)

    def _of_reference(self, change: Column) -> Tensor:
        if self.reference is None:  # never: _give_values comes first
            msg = "no reference values"
            raise RuntimeError(msg)
        return self.reference if change.columns is None else self.reference[:, change.columns]

    def _along(self, part: Tensor, vector: Any, along: str, value: float) -> Tensor:  # noqa: ANN401 - an array
        unit = torch.as_tensor(vector, dtype=torch.float32, device=part.device)
        now = part.float() @ unit
        new = {"set": torch.full_like(now, value), "add": now + value, "scale": now * value}[along]
        return (part.float() + (new - now)[..., None] * unit).to(part.dtype)

    def _patched(self, change: Column, part: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Put the values at the same tokens of another sentence; later calls of a generation are left alone."""
        running = self._calls.running
        source = self.sources[change.values[0]]
        source = source if change.columns is None else source[:, change.columns]
        if running is None or running.n_past:
            return part, torch.zeros_like(mask)
        real = running.real
        lengths = real.sum(1)
        if not bool((lengths == len(source)).all()):
            given = ", ".join(str(each) for each in sorted(set(lengths.tolist())))
            what = f"{change.address} is patched from a sentence of {len(source)} tokens; the edited have {given}."
            raise OptionError(what, expected="as many tokens", hint="choose a sentence that differs in a word")
        place = (real.long().cumsum(1) - 1).clamp(min=0).reshape(mask.shape[:-1])
        return source[place].to(part.dtype), mask

    def touched(self) -> dict[str, Touched]:
        """Give the counts by address."""
        return {
            change.address: Touched(self._n_calls, int(tokens), int(values))
            for change, tokens, values in zip(self.changes, self._n_tokens, self._n_values, strict=True)
        }


class _Watch:
    """Notes the first call whose result is NaN, without waiting for the device."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._first: Tensor | None = None

    def after(self, _module: object, _args: object, result: Any) -> None:  # noqa: ANN401 - a network's result
        """Look at what the network gives."""
        states = result[0] if isinstance(result, tuple) else next(iter(_tensors(result)), None)
        if isinstance(states, Tensor):
            bad = states.detach().float().sum().isnan()
            if self._first is None:
                self._first = torch.full((), -1, device=states.device)
            here = torch.full_like(self._first, self._calls.n_calls)
            self._first = torch.where(bad & (self._first < 0), here, self._first)

    def check(self) -> None:
        """Refuse NaN."""
        if self._first is not None and int(self._first) >= 0:
            call = f"{int(self._first)} of {self._calls.n_calls}"
            what = f"The network's result is NaN in its call {call} after the edit."
            raise ModelError(what, expected="finite numbers", hint="smaller values, or dtype float32")


def _tensors(result: Any) -> Iterator[Tensor]:  # noqa: ANN401 - a network's result
    """Yield what a result is mainly about: logits, states."""
    for name in ("logits", "last_hidden_state", "loss"):
        found = getattr(result, name, None)
        if isinstance(found, Tensor):
            yield found


def _check_reached(report: EditReport, model: Model) -> None:
    """Refuse an edit that changed nothing since its module was never called."""
    never = [address for address, each in report.touched.items() if not each.n_calls]
    if never:
        ran = f"the network ran {report.n_calls} times" if report.n_calls else "the network did not run"
        what = f"The edit of {never[0]} was never applied: {ran} inside the `with`, its module never."
        hint = "Run model.network inside of the with." if not report.n_calls else f"{model.name} may not use it."
        raise ModelError(what, expected="a call of every edited site", hint=hint)
