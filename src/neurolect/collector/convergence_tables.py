"""What the convergence monitor saw, as tables and sentences for people."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from neurolect.collector.convergence import Step

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


def neurons_table(steps: Sequence[Step], *, sides: Sequence[str]) -> pa.Table:
    """Make ``convergence/neurons.parquet``.

    ``sides``: Of the rows of their arrays.
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
            "neuron_id": pa.array(np.repeat(np.arange(n_neurons, dtype=np.int32), n_sides * n_steps)),
            "side": names,
            "n_sentences": pa.array(np.tile(sizes, n_neurons * n_sides)),
            "churn": pa.array(churn.ravel()),
            "threshold": pa.array(threshold.ravel(), from_pandas=True),
            "stability": pa.array(stability.ravel(), from_pandas=True),
        }
    )


def order_notice(steps: Sequence[Step], *, list_size: int) -> str | None:
    """Tell of a corpus whose sentences do not come in exchangeable order."""
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
    """Say a step in a few words."""
    note = f"{step.churn.mean():.1%} of lists new (chance: {step.expected_churn:.1%})"
    if np.isnan(step.stability).all():
        return note
    return f"{note}, {step.share_settled(stable):.0%} of neurons settled"
