"""What settings did, with intervals over prompts and texts; and each method's best one, chosen on other prompts.

Dims: P prompts, T held-out texts, B resamples.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.interventions.steering.mean_direction import preference
from neurolect.interventions.steering.options import SteerOptions
from neurolect.interventions.steering.settings import METHODS, PLAIN, RANDOM

Numbers = NDArray[np.float64]
OF_PROMPTS = ("concept", "loss", "distinct", "same")
"""Of written texts, by prompt: probability of the concept, the plain network's loss, distinct-2, and whether the
text is the one written without an edit."""


class Outcome(NamedTuple):
    """What one setting did."""

    method: str
    n_neurons: int
    strength: float | None
    of_prompt: dict[str, Numbers]
    """By name, shape (P,); empty where nothing is written."""
    gain: Numbers
    """Of each held-out text, shape (T,)."""
    kl: Numbers

    @property
    def key(self) -> tuple[str, int, float | None]:
        """Tell settings apart, draws of random neurons not."""
        return self.method, self.n_neurons, self.strength


def merged(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Average the draws of random neurons, prompt by prompt."""
    groups: dict[tuple[str, int, float | None], list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault(each.key, []).append(each)
    made = []
    for own in groups.values():
        names = own[0].of_prompt
        means = {name: np.mean([each.of_prompt[name] for each in own], axis=0) for name in names}
        gain, kl = (np.mean([getattr(each, name) for each in own], axis=0) for name in ("gain", "kl"))
        made.append(own[0]._replace(of_prompt=means, gain=gain, kl=kl))
    return made


def rows_of(outcomes: Sequence[Outcome], is_of: NDArray[np.bool_], options: SteerOptions) -> list[dict[str, Any]]:
    """Give a row a setting: means with intervals, and changes from the plain network by the same prompts."""
    plain = next(each for each in outcomes if each.method == PLAIN)
    rows = []
    for each in outcomes:
        row: dict[str, Any] = {"method": each.method, "n_neurons": each.n_neurons, "strength": each.strength}
        for name, values in each.of_prompt.items():
            row |= _with_interval(name, values, options)
        if each.of_prompt:
            row |= _with_interval("more", each.of_prompt["concept"] - plain.of_prompt["concept"], options)
        row |= _preference(each.gain, is_of, options)
        row |= _with_interval("kl", each.kl, options)
        rows.append(row)
    return rows


def chosen_of(outcomes: Sequence[Outcome], options: SteerOptions) -> list[dict[str, Any]]:
    """Choose each method's best fluent setting on every second prompt, and say what it does on the others.

    A setting is fluent where the loss of its texts is at most ``steer.fluent`` nats above that of plain texts. A
    row a method: ``n_fluent``, and of the chosen one its figures on the other prompts, ``more`` than plain texts
    and ``more_random`` than random neurons set alike (of the first neurons), with intervals. Nothing but
    ``n_fluent`` where none is fluent.
    """
    plain = next(each for each in outcomes if each.method == PLAIN)
    n = len(plain.of_prompt.get("concept", ()))
    if n < 4:
        return []
    looked, other = np.arange(n) % 2 == 0, np.arange(n) % 2 == 1
    limit = np.nanmean(plain.of_prompt["loss"][looked]) + options.fluent
    by_key = {each.key: each for each in outcomes}
    rows = []
    for method in METHODS[1:]:
        own = [each for each in outcomes if each.method == method]
        fluent = [each for each in own if np.nanmean(each.of_prompt["loss"][looked]) <= limit]
        row: dict[str, Any] = {"method": method, "n_settings": len(own), "n_fluent": len(fluent)}
        if fluent:
            best = max(fluent, key=lambda each: float(np.nanmean(each.of_prompt["concept"][looked])))
            row |= {"n_neurons": best.n_neurons, "strength": best.strength}
            for name, values in best.of_prompt.items():
                row |= _with_interval(name, values[other], options)
            more = best.of_prompt["concept"] - plain.of_prompt["concept"]
            row |= _with_interval("more", more[other], options)
            random = by_key.get((RANDOM, best.n_neurons, best.strength))
            if method != RANDOM and random is not None:
                away = best.of_prompt["concept"] - random.of_prompt["concept"]
                row |= _with_interval("more_random", away[other], options)
        rows.append(row)
    return rows


def _with_interval(name: str, values: Numbers, options: SteerOptions) -> dict[str, float | None]:
    """Give a mean and its interval over resampled prompts or texts; null where there is no number."""
    values = values[np.isfinite(values)]
    if not len(values):
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    low, high = resampled(values, options)
    return {name: float(values.mean()), f"{name}_low": low, f"{name}_high": high}


def resampled(values: Numbers, options: Any) -> tuple[float, float]:  # noqa: ANN401 - options of either verb
    """Give the interval of the mean of resampled values."""
    n = len(values)
    counts = np.random.default_rng([options.seed, 22]).multinomial(n, np.full(n, 1.0 / n), size=options.n_bootstrap)
    return _between(counts @ values / n, options)


def _preference(gain: Numbers, is_of: NDArray[np.bool_], options: SteerOptions) -> dict[str, float | None]:
    """Give how much more texts with the concept gain; those with and without are resampled by themselves."""
    random, means = np.random.default_rng([options.seed, 23]), []
    for own in (True, False):
        values = gain[(is_of == own) & np.isfinite(gain)]
        n = len(values)
        if not n:
            return {"preference": None, "preference_low": None, "preference_high": None}
        means.append(random.multinomial(n, np.full(n, 1.0 / n), size=options.n_bootstrap) @ values / n)
    low, high = _between(means[0] - means[1], options)
    return {"preference": preference(gain, is_of), "preference_low": low, "preference_high": high}


def _between(means: Numbers, options: Any) -> tuple[float, float]:  # noqa: ANN401 - options of either verb
    tail = 0.5 * (1.0 - options.interval)
    low, high = np.quantile(means, (tail, 1.0 - tail))
    return float(low), float(high)


def as_lists(values: Mapping[str, Numbers]) -> dict[str, list[float | None]]:
    """Write numbers so that JSON holds them: NaN as null."""
    return {name: [float(x) if np.isfinite(x) else None for x in each.tolist()] for name, each in values.items()}


def as_numbers(values: Sequence[float | None]) -> Numbers:
    """Read them back."""
    return np.array([np.nan if each is None else each for each in values], np.float64)
