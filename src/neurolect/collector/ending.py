"""When and why a pass ends, and what is left of its monitor."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.convergence.monitor import Convergence, Step
from neurolect.collector.options import CollectOptions, StopRule, parse_stop_rule
from neurolect.collector.state import CollectState
from neurolect.folders.atomic import write_table

# What the convergence monitor saw, as tables and sentences for people.
_ORDERED = 4.0
_LEAST_SETTLED = 0.05
_FARTHEST = 100


def dispersion(step: Step, list_size: int) -> float:
    """Say how far the lists' churn lies off the law.

    Returns: Mean squared deviation of a list's churn in units of its expected variance: 1 for sentences in
        exchangeable order, some more where sentences of a document are alike, many times more in ordered corpora;
        NaN at the first step.
    """
    p = step.expected_churn
    if not 0 < p < 1:
        return float("nan")
    size = min(list_size, step.n_sentences)
    return float(np.mean((step.churn.astype(np.float64) - p) ** 2) / (p * (1 - p) / size))


def steps_table(steps: Sequence[Step], *, sides: Sequence[str], list_size: int, stable: float) -> pa.Table:
    """Make ``convergence/steps.parquet``.

    ``sides``: Of the rows of their arrays.
    """
    rows = []
    for step in steps:
        row: dict[str, float | int | None] = {"n_sentences": step.n_sentences, "n_new": step.n_new}
        row["expected_churn"] = step.expected_churn
        for number, side in enumerate(sides):
            row[f"churn_{side}"] = float(step.churn[number].mean())
        off = dispersion(step, list_size)
        row["dispersion"] = None if np.isnan(off) else off
        known = not np.isnan(step.stability).all()
        row["stability"] = float(np.nanmean(step.stability)) if known else None
        row["share_settled"] = step.share_settled(stable) if known else None
        rows.append(row)
    names = ["n_sentences", "n_new", "expected_churn", *(f"churn_{side}" for side in sides)]
    names += ["dispersion", "stability", "share_settled"]
    # typed: a run that was looked at once has nothing but nulls in the last three
    schema = pa.schema([(name, pa.int64() if name.startswith("n_") else pa.float64()) for name in names])
    return pa.Table.from_pylist(rows, schema=schema)


def neurons_table(steps: Sequence[Step], *, sides: Sequence[str], neurons: NDArray[np.int64]) -> pa.Table:
    """Make ``convergence/neurons.parquet``.

    ``sides``: Of the rows of their arrays.
    ``neurons``: Of their columns.
    Returns: One row a neuron, side and step, in this order.
    """
    churn, threshold, stability = (
        np.array([getattr(step, name) for step in steps]).transpose(2, 1, 0)
        for name in ("churn", "threshold", "stability")
    )
    n_neurons, n_sides, n_steps = churn.shape
    threshold = np.where(np.isfinite(threshold), threshold, np.nan)
    sizes = np.array([step.n_sentences for step in steps], dtype=np.int64)
    names = pa.array(list(sides)).take(pa.array(np.tile(np.repeat(np.arange(n_sides), n_steps), n_neurons)))
    return pa.table(
        {
            "neuron_id": pa.array(np.repeat(neurons.astype(np.int32), n_sides * n_steps)),
            "side": names,
            "n_sentences": pa.array(np.tile(sizes, n_neurons * n_sides)),
            "churn": pa.array(churn.ravel()),
            "threshold": pa.array(threshold.ravel(), from_pandas=True),
            "stability": pa.array(stability.ravel(), from_pandas=True),
        }
    )


def order_notice(steps: Sequence[Step], *, list_size: int) -> str | None:
    """Report a corpus whose sentences do not come in exchangeable order."""
    found = [dispersion(step, list_size) for step in steps]
    known = [each for each in found if not np.isnan(each)]
    if not known or np.mean(known) < _ORDERED:
        return None
    times = np.sqrt(np.mean(known))
    return (
        f"The corpus is ordered: how much of a list changes is {times:.0f} times as far off the "
        "average as chance puts it. The finished lists do not mind; a pass that ends early has read only some of "
        "the kinds of text. --set collect.shuffle=true reads in random order."
    )


def sentences_needed(steps: Sequence[Step], *, stable: float, share: float) -> int | None:
    """Estimate how many sentences it takes until enough neurons have settled.

    Returns: From a straight line through the log odds of the share settled over the logarithm of the sentences
        read, in the second half of the steps. None where it does not rise, and where there is too little to go by:
        fewer than 3 steps, less than a twentieth settled, or more than 100 times the sentences read.
    """
    seen = [(step.n_sentences, step.share_settled(stable)) for step in steps if not np.isnan(step.stability).all()]
    if seen and seen[-1][1] >= share:
        return seen[-1][0]
    seen = seen[len(seen) // 2 :] if len(seen) > 5 else seen
    if len(seen) < 3 or share >= 1 or seen[-1][1] < _LEAST_SETTLED:
        return None
    sizes, shares = np.array(seen, dtype=np.float64).T
    shares = np.clip(shares, 1e-3, 1 - 1e-3)
    slope, offset = np.polyfit(np.log(sizes), np.log(shares / (1 - shares)), 1)
    if slope <= 1e-3:
        return None
    needed = (np.log(share / (1 - share)) - offset) / slope
    return int(max(np.exp(needed), sizes[-1])) if needed < np.log(_FARTHEST * sizes[-1]) else None


def step_note(step: Step, *, stable: float) -> str:
    """Say a step in a few words; nothing of the first, at which all is new."""
    if np.isnan(step.stability).all():
        return ""
    new = f"{step.churn.mean():.0%} of the lists' sentences new since the last look"
    return f"{new} ({step.expected_churn:.0%} by chance), {step.share_settled(stable):.0%} of neurons settled"


_USUAL = StopRule(stable=0.8, share=0.9)


class Ending(NamedTuple):
    """Why a pass ended, as the manifest says it.

    ``reason``: ``corpus`` (all was read), ``limit``, ``stable`` or ``max_seconds``.
    ``share_settled``: Share of neurons settled at the end; None where there was but one step.
    ``n_sentences_needed``: Sentences until that share is reached, estimated; None where nothing can be said.
    """

    reason: str
    stable: float
    share_settled: float | None
    share_wanted: float
    n_sentences_needed: int | None


class Watch:
    """Looks at the monitor while the pass goes on, which began after some ``seconds``."""

    def __init__(self, options: CollectOptions, convergence: Convergence, *, seconds: float = 0.0) -> None:
        self._options, self._convergence = options, convergence
        self._rule = parse_stop_rule(options.stop_when) if options.stop_when else _USUAL
        self._reason = "corpus" if options.limit is None else "limit"
        self._seconds = seconds

    def note(self) -> str:
        """Say the last step that was looked into in a few words."""
        return step_note(self._convergence.finished_steps[-1], stable=self._rule.stable)

    def time_up(self, seconds: float) -> bool:
        """Say between two batches whether the pass may end here, that of all nearest to the time set."""
        batch, self._seconds = seconds - self._seconds, seconds
        if self._options.max_seconds is not None and seconds + batch / 2 >= self._options.max_seconds:
            self._reason = "max_seconds"
        return self._reason == "max_seconds"

    def enough(self, *, stepped: bool, seconds: float) -> bool:
        """Say at the end of a chunk whether the pass may end here."""
        if self.time_up(seconds):
            return True
        if stepped and self._options.stop_when and self._share() >= self._rule.share:
            self._reason = "stable"
            return True
        return False

    def _share(self) -> float:
        return self._convergence.steps[-1].share_settled(self._rule.stable)

    def ending(self) -> Ending:
        """Say how it ended, after the last step."""
        steps = self._convergence.steps
        stable, share = self._rule
        known = not np.isnan(steps[-1].stability).all()
        return Ending(
            self._reason,
            stable,
            round(self._share(), 4) if known else None,
            share,
            sentences_needed(steps, stable=stable, share=share) if known else None,
        )


def write_convergence(folder: Path, state: CollectState, ending: Ending) -> None:
    """Write what the monitor saw."""
    steps, sides = state.convergence.steps, tuple(state.lists)
    table = steps_table(steps, sides=sides, list_size=state.plan.list_size, stable=ending.stable)
    write_table(folder / "convergence" / "steps.parquet", table)
    write_table(
        folder / "convergence" / "neurons.parquet",
        neurons_table(steps, sides=sides, neurons=state.convergence.neurons),
    )


def ending_notices(state: CollectState, ending: Ending) -> list[str]:
    """Say in sentences what the monitor found."""
    notices = []
    settled = ending.share_settled
    if ending.reason in ("stable", "max_seconds"):
        why = {"stable": "enough neurons had settled", "max_seconds": "its time was up"}[ending.reason]
        notices.append(f"The pass ended after {state.n_sentences:,} sentences because {why}.")
    if settled is not None and settled < ending.share_wanted:
        notice = f"{1 - settled:.0%} of the neurons had not settled: their lists still change what they say"
        if ending.n_sentences_needed:
            notice += f" (about {_rounded(ending.n_sentences_needed):,} sentences would do)"
        notices.append(f"{notice}.")
    ordered = order_notice(state.convergence.steps, list_size=state.plan.list_size)
    return [*notices, ordered] if ordered else notices


def _rounded(n: int) -> int:
    """Round to two digits: it is an estimate."""
    return int(float(f"{n:.1e}"))
