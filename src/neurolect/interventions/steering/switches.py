"""Switch neurons: set to what they are with another number, gender or tense, they change the form that follows.

Dims: C contexts, W neurons of a site and layer, N of all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.errors import ModelError, OptionError
from neurolect.folders.parts import Parts
from neurolect.interventions.outcomes import MASKED, NEXT, kind_of
from neurolect.interventions.steering.mean_direction import layers_tried
from neurolect.interventions.steering.minimal_pairs import count_templates, minimal_pairs
from neurolect.interventions.steering.options import SwitchOptions
from neurolect.interventions.steering.pair_contexts import Batch, Contexts, Predicted
from neurolect.interventions.steering.summary import resampled
from neurolect.interventions.stops import parts_of
from neurolect.model.architecture.taps import Tap, write
from neurolect.model.language_model import Model
from neurolect.model.load import load_with_head
from neurolect.model.options import ModelOptions
from neurolect.progress import NullProgress, NullTask, Progress, Task
from neurolect.results.table import ranking_table
from neurolect.statistics.sorting import rank_correlation_of

NEURONS, RANDOM, DIRECTION = "neurons", "random", "direction"
_EXACT_PAIRS = 40
"""Pairs that single neurons and layers are measured on."""
_LEAST_RIGHT = 10
"""Contexts with the right form below which a share says little."""
Moved = tuple[Predicted, NDArray[np.float64]]
"""What is predicted in each context, and by how many nats it moved towards the other value."""


class Switches(NamedTuple):
    """Neurons by how far each alone moves the form that follows, and what the first do on held-out pairs."""

    table: pa.Table
    """A ranking: ``score`` is by how many nats the neuron alone moves the scores of the two forms towards the other
    value, where measured; ``estimate`` of all by the gradient; neurons that were measured come first."""
    facts: dict[str, Any]
    """``rows``: a row a method (``neurons``, ``random``, ``direction``) and number of neurons, on held-out pairs:
    ``moved`` (nats), ``flipped`` (share of contexts with the right form before where the other form is then
    preferred) and ``alone`` (the same, and the likeliest other tokens stay the same), with intervals; ``kind``,
    ``values``, ``right`` (share with the right form before), ``n_pairs``, ``n_left_out``, ``rank_correlation``."""


class _Site(NamedTuple):
    """One tap with what its neurons are in contexts of either value."""

    tap: Tap
    means: Tensor
    """Over the tokens from the first that differs on, float32, shape (2, W)."""


def find_switches(
    model: Model | str,
    kind: str | Path,
    *,
    options: SwitchOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Switches:
    """Find neurons that change the form of the next word when they are set to their mean with the other value.

    A neuron is set at the tokens from the first that differs between the two contexts on. One gradient estimates
    all neurons; the first of them are set one by one; then the first together, on pairs of other templates and
    words, next to random neurons of the same layers and to the difference of the means added at the best layer.

    Parameters
    ----------
    model : Model or str
        A decoder with its head, or an encoder of masked tokens; or its name.
    kind : str or Path
        ``number``, ``gender`` or ``tense`` (English, made by rules), or a file of pairs with ``context_a``,
        ``context_b``, ``form_a``, ``form_b`` and perhaps ``template``.
    options : SwitchOptions, optional
        Sites, how many pairs and neurons.
    model_options : ModelOptions, optional
        How a model that is named is loaded.
    device : str
        Where it runs.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Switches
        A ranking, and what its first neurons do.

    Raises
    ------
    OptionError
        If there is no such kind, a file cannot be read so, or too few forms are one token to the model.
    ModelError
        If the model predicts no tokens, or a site cannot be set.

    References
    ----------
    A. Bau et al. (2019), Identifying and controlling important neurons in neural machine translation, ICLR.
    Differs from it: neurons are looked for by what they change, not by correlation between models.

    Examples
    --------
    >>> find_switches("smollm2", "number").table  # doctest: +SKIP
    """
    options, progress, loaded = options or SwitchOptions(), progress or NullProgress(), isinstance(model, str)
    look, held, values = minimal_pairs(kind, n=options.pairs, seed=options.seed)
    if isinstance(model, str):
        with progress.step("load the model"):
            model = load_with_head(model, options=model_options, device=device)
    if kind_of(model) not in (NEXT, MASKED):
        what = f"{model.name!r} predicts no tokens."
        raise ModelError(what, expected="a decoder, or an encoder with its head for masked tokens")
    taps = [tap for tap in model.taps_at(list(options.sites), None)[0] if tap.target and tap.place.layer > 0]
    n_neurons = sum(tap.place.width for tap in taps)
    if max(options.top) > n_neurons:
        what = f"The first {max(options.top):,} of {n_neurons:,} neurons were asked for."
        raise OptionError(what, expected=f"at most {n_neurons:,}", hint="--set switch.top=1,5")
    rests_on = [asdict(options), look, held]
    with parts_of("switch", model, loaded=loaded, rests_on=rests_on) as parts:
        search = _Search(Contexts(model, look), taps, options, parts)
        estimates = search.estimates(progress)
        exact = search.exact_of(estimates)
        with progress.task("set single neurons", total=len(exact), unit="neurons") as task:
            moved = search.measured(exact, task)
        order = _order(estimates, moved)
        contexts = Contexts(model, held)
        with progress.task("held-out pairs", unit="passes") as task:
            rows, known = _held_out(search, contexts, order, task)
    known |= {"kind": str(kind), "values": list(values), "model": model.name, "outcome": kind_of(model)}
    known |= {"n_neurons": n_neurons, "n_exact": len(moved), "rank_correlation": search.agreement(estimates, moved)}
    counts = {"look": len(search.contexts.contexts) // 2, "held_out": len(contexts.contexts) // 2}
    known |= {"n_pairs": counts, "n_left_out": search.contexts.n_left_out + contexts.n_left_out}
    known |= {"n_templates": {"look": count_templates(look), "held_out": count_templates(held)}}
    known |= {"rows": rows}
    return Switches(_ranking(search, order, estimates, moved, str(kind), known), known)


class _Search:
    """Looks for neurons on the pairs to look with."""

    def __init__(
        self, contexts: Contexts, taps: Sequence[Tap], options: SwitchOptions, parts: Parts | None = None
    ) -> None:
        self.contexts, self.options, self.parts = contexts, options, parts or Parts()
        self.taps, self.few = list(taps), contexts.first(_EXACT_PAIRS)
        self.sites: list[_Site] = []
        self.offsets = np.concatenate([[0], np.cumsum([tap.place.width for tap in taps])])

    @cached_property
    def plain(self) -> Predicted:
        """What is predicted of the pairs that single neurons are measured on."""
        return self.few.predicted()

    def estimates(self, progress: Progress) -> NDArray[np.float64]:
        """Estimate by how many nats each neuron alone moves towards the other value, shape (N,)."""
        n = len(self.contexts.contexts)
        with progress.task("estimate", total=2 * n, unit="contexts") as task:
            means = means_of(self.contexts, self.taps, parts=self.parts, task=task)
            self.sites = [_Site(tap, each) for tap, each in zip(self.taps, means, strict=True)]

            def sums_of(batch: Batch) -> dict[str, NDArray[Any]]:
                return {"all": torch.cat(_first_order(self.contexts, self.sites, batch)).cpu().numpy()}

            batches = list(self.contexts.batches())
            made = self.parts.summed("estimates", batches, sums_of, task=task, size=len_of)
        return made["all"] / n

    def exact_of(self, estimates: NDArray[np.float64]) -> NDArray[np.int64]:
        """Choose neurons to set one by one: the first by estimate, and some at random, last."""
        n = min(max(self.options.exact, max(self.options.top)), len(estimates))
        first = np.argsort(-estimates, kind="stable")[:n]
        rest = np.setdiff1d(np.arange(len(estimates)), first)
        random = np.random.default_rng([self.options.seed, 31]).permutation(rest)[: n // 4]
        return np.concatenate([first, random])

    def measured(self, neurons: NDArray[np.int64], task: Task) -> dict[int, float]:
        """Set neurons one by one, on some of the pairs."""
        kept = self.parts.read("single neurons") or {"neurons": neurons[:0], "moved": np.zeros(0)}
        found = dict(zip(kept["neurons"].tolist(), kept["moved"].tolist(), strict=True))
        if found:
            task.resume(len(found))
        state: dict[str, NDArray[Any]] | None = None
        with self.parts.growing("single neurons", lambda: state) as grown:
            for neuron in neurons[len(found) :].tolist():
                found[neuron] = float(np.mean(self.moved(self.few, self.plain, np.array([neuron]))[1]))
                state = {"neurons": np.array(list(found)), "moved": np.array(list(found.values()))}
                grown()
                task.advance()
        return found

    def kept(
        self, name: str, contexts: Contexts, plain: Predicted, make: Callable[[], Predicted], *, task: Task
    ) -> Moved:
        """Give what is predicted, and by how many nats it moved; as it was before a stop, where it was there."""
        after = Predicted(**self.parts.made(name, lambda: make()._asdict(), task=task))
        return after, _towards_other(contexts, plain, after)

    def moved(self, contexts: Contexts, plain: Predicted, neurons: NDArray[np.int64]) -> Moved:
        """Set neurons to their means with the other value; give what is predicted and by how many nats it moved."""
        after = self.predicted(contexts, neurons)
        return after, _towards_other(contexts, plain, after)

    def predicted(self, contexts: Contexts, neurons: NDArray[np.int64]) -> Predicted:
        """Set neurons to their means with the other value."""
        own = np.searchsorted(self.offsets, neurons, side="right") - 1
        sites = [self.sites[each] for each in np.unique(own).tolist()]
        columns = [torch.as_tensor(neurons[own == each] - self.offsets[each]) for each in np.unique(own).tolist()]

        def setter(number: int, states: Tensor, batch: Batch) -> Tensor:
            made, at = states.clone(), columns[number].to(states.device)
            given = sites[number].means[:, at][1 - batch.side].to(states.dtype)[:, None]
            made[..., at] = torch.where(batch.here[..., None], given, made[..., at])
            return made

        return contexts.predicted([each.tap for each in sites], setter, likeliest=self.options.likeliest)

    def agreement(self, estimates: NDArray[np.float64], moved: dict[int, float]) -> float | None:
        """Correlate estimates with what was measured."""
        neurons = np.array(list(moved))
        return rank_correlation_of(estimates[neurons], np.array(list(moved.values())))

    def addresses(self, neurons: NDArray[np.int64]) -> list[str]:
        """Name neurons."""
        own = np.searchsorted(self.offsets, neurons, side="right") - 1
        places = [self.sites[each].tap.place for each in own.tolist()]
        indices = (neurons - self.offsets[own]).tolist()
        return [f"{place.site}.{place.layer}.{each}" for place, each in zip(places, indices, strict=True)]

    def random_like(self, neurons: NDArray[np.int64], draw: int) -> NDArray[np.int64]:
        """Draw as many other neurons of each of their sites and layers."""
        random, own = (
            np.random.default_rng([self.options.seed, 32, draw]),
            np.searchsorted(self.offsets, neurons, "right"),
        )
        drawn = []
        for each, n in zip(*np.unique(own, return_counts=True), strict=True):
            free = np.setdiff1d(np.arange(self.offsets[each - 1], self.offsets[each]), neurons)
            drawn.append(random.permutation(free)[:n])
        return np.concatenate(drawn)


def means_of(
    contexts: Contexts, taps: Sequence[Tap], *, parts: Parts, task: Task, name: str = "means"
) -> list[Tensor]:
    """Average taps over the tokens from the first that differs on, by value; each float32, shape (2, W)."""

    def sums_of(batch: Batch) -> dict[str, NDArray[Any]]:
        sides = torch.stack([(batch.here & (batch.side == each)[:, None]) for each in (0, 1)]).double()
        found: dict[int, Tensor] = {}

        def see(number: int, states: Tensor, _: Batch) -> Tensor:
            found[number] = states
            return states

        with torch.inference_mode(), contexts.setting(taps, see, batch):
            contexts.scores(batch)
        sums = [torch.einsum("sbl,blw->sw", sides, found[number].double()) for number in range(len(taps))]
        return {"sums": torch.cat(sums, 1).cpu().numpy(), "n": sides.sum((1, 2)).cpu().numpy()}

    made = parts.summed(name, list(contexts.batches()), sums_of, task=task, size=len_of)
    means = torch.from_numpy(made["sums"] / made["n"][:, None]).float().to(contexts.model.device)
    return list(torch.split(means, [tap.place.width for tap in taps], dim=1))


def len_of(batch: Batch) -> int:
    """Count the contexts of a call."""
    return len(batch.ids)


def _first_order(contexts: Contexts, sites: Sequence[_Site], batch: Batch) -> list[Tensor]:
    """Sum the estimates of each neuron over the contexts of a call, by one backward pass."""
    kept: dict[int, tuple[Tensor, Tensor]] = {}

    def add_nothing(number: int, states: Tensor) -> Tensor:
        zero = torch.zeros_like(states, requires_grad=True)
        kept[number] = states.detach(), zero
        return states + zero

    with torch.enable_grad(), write(contexts.model.body, [each.tap for each in sites], edit=add_nothing):
        own = contexts.scores(batch).gather(1, batch.forms)
        sign = 2.0 * batch.side - 1.0  # of the first value the second form is to gain, and the other way round
        total = (sign * (own[:, 0] - own[:, 1])).sum()
        gradients = torch.autograd.grad(total, [kept[number][1] for number in range(len(sites))])
    found = []
    for number, (site, gradient) in enumerate(zip(sites, gradients, strict=True)):
        states = kept[number][0].reshape(*batch.ids.shape, -1)
        to = site.means[1 - batch.side][:, None]
        found.append(
            torch.where(batch.here[..., None], gradient.reshape(states.shape) * (to - states), 0.0)
            .double()
            .sum((0, 1))
        )
    return found


def _towards_other(contexts: Contexts, plain: Predicted, after: Predicted) -> NDArray[np.float64]:
    """Give by how many nats each context moved towards the form of the other value."""
    return np.where(contexts.side == 0, -1.0, 1.0) * (after.difference - plain.difference)


def _order(estimates: NDArray[np.float64], moved: dict[int, float]) -> NDArray[np.int64]:
    """Put the measured ones first, by what they moved, then the others, by estimate."""
    measured = sorted(moved, key=lambda neuron: (-moved[neuron], neuron))
    rest = [each for each in np.argsort(-estimates, kind="stable").tolist() if each not in moved]
    return np.array([*measured, *rest])


def _held_out(
    search: _Search, contexts: Contexts, order: NDArray[np.int64], task: Task
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Score the first neurons, random ones and the direction on held-out pairs."""
    options = search.options
    task.set_total(len(options.top) * (1 + options.draws) + 3 + len(layers_tried(contexts.model)))
    plain = contexts.predicted(likeliest=options.likeliest)
    task.advance()
    right = np.where(contexts.side == 0, 1, -1) * plain.difference > 0

    def moved(name: str, neurons: NDArray[np.int64]) -> Moved:
        return search.kept(name, contexts, plain, lambda: search.predicted(contexts, neurons), task=task)

    rows = []

    def add(method: str, n: int, made: Sequence[Moved]) -> None:
        after, by = [each for each, _ in made], [each for _, each in made]
        rows.append({"method": method, "n_neurons": n} | _scored(contexts, plain, after, by, right, options))

    for n in options.top:
        first = order[:n]
        add(NEURONS, n, [moved(f"first-{n}", first)])
        draws = [(f"random-{n}-{each}", search.random_like(first, each)) for each in range(options.draws)]
        add(RANDOM, n, [moved(*each) for each in draws])
    layer, by_direction = _by_direction(search, contexts, plain, task)
    add(DIRECTION, 0, [by_direction])
    known = {"right": float(right.mean()), "n_right": int(right.sum()), "layer": layer}
    return rows, known | {"gap": float(np.mean(np.abs(plain.difference)))}


def _by_direction(search: _Search, contexts: Contexts, plain: Predicted, task: Task) -> tuple[int, Moved]:
    """Add the difference of the means at the layer that moves the pairs to look with most."""
    taps = layers_tried(contexts.model)
    means = means_of(search.contexts, taps, parts=search.parts, task=NullTask(), name="direction")
    task.advance()

    def added(number: int, on: Contexts) -> Predicted:
        away = means[number][1] - means[number][0]

        def setter(_: int, states: Tensor, batch: Batch) -> Tensor:
            sign = (1.0 - 2.0 * batch.side)[:, None, None] * batch.here[..., None]
            return states + (sign * away).to(states.dtype)

        return on.predicted([taps[number]], setter, likeliest=search.options.likeliest)

    gains = []
    for each, tap in enumerate(taps):
        name = f"direction-{tap.place.layer}"
        tried = search.kept(name, search.few, search.plain, partial(added, each, search.few), task=task)
        gains.append(float(np.mean(tried[1])))
    best = int(np.argmax(gains))
    after = search.kept("direction-best", contexts, plain, partial(added, best, contexts), task=task)
    return taps[best].place.layer, after


def _scored(
    contexts: Contexts,
    plain: Predicted,
    after: Sequence[Predicted],
    moved: Sequence[NDArray[np.float64]],
    right: NDArray[np.bool_],
    options: SwitchOptions,
) -> dict[str, Any]:
    """Summarise what happened, over the draws; intervals over resampled pairs."""
    flips = [(np.where(contexts.side == 0, 1, -1) * each.difference < 0) & right for each in after]
    same = [(each.others == plain.others).all(1) for each in after]
    n_pairs = int(contexts.pair.max()) + 1
    numbers = {"moved": np.mean(moved, axis=0), "same": np.mean(same, axis=0)}
    row: dict[str, Any] = {}
    shares = {"flipped": flips, "alone": [one & other for one, other in zip(flips, same, strict=True)]}
    numbers |= {name: np.where(right, np.mean(each, axis=0), np.nan) for name, each in shares.items()}
    for name, values in numbers.items():
        kept = np.isfinite(values)
        sums, counts = (
            np.bincount(contexts.pair[kept], weights=each, minlength=n_pairs) for each in (values[kept], None)
        )
        of_pair = sums[counts > 0] / counts[counts > 0]
        low, high = resampled(of_pair, options) if len(of_pair) > 1 else (None, None)
        row |= {name: float(of_pair.mean()) if len(of_pair) else None, f"{name}_low": low, f"{name}_high": high}
    return row


def _ranking(
    search: _Search,
    order: NDArray[np.int64],
    estimates: NDArray[np.float64],
    moved: dict[int, float],
    kind: str,
    known: dict[str, Any],
) -> pa.Table:
    """Lay all neurons out as a ranking."""
    columns = {
        "address": search.addresses(order),
        "score": pa.array([moved.get(each) for each in order.tolist()], pa.float64()),
        "estimate": estimates[order],
    }
    model, options = search.contexts.model, search.options
    asked = {"kind": kind, "sites": list(options.sites), "pairs": options.pairs, "exact": options.exact}
    return ranking_table(
        columns,
        runs=[],
        method="switch",
        options=asked,
        seed=options.seed,
        details=known,
        models=[model.fingerprint],
    )
