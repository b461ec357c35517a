"""[E] figures 3 to 5: how selective neurons of each depth are for parts of speech and polarity."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.comparison.number_distances import number_distance
from neurolect.errors import NeurolectError
from neurolect.paper.finding import Finding, Verdict, depth_correlation, layer_of_neurons, left_out, reason, thirds
from neurolect.results import numbers
from neurolect.store import Run

RISES = 0.1
ONE_SIDED = 0.2
DEEPER_RULE = "rank correlation of selectivity and layer is 0.1 or more; not reproduced: -0.1 or less; else differs"
FLAT_RULE = "rank correlation of selectivity and layer is within 0.1 of zero"
TUNED_RULE = (
    "the mean of the last third of the layers rises by more than two standard errors, and by more than twice "
    "what that of the first third moves; differs: it rises, but not apart from the first third"
)
GROWING_RULE = (
    "the share of neurons with a standard deviation of 0.2 or more (70 to 30 where it is two values) grows by more "
    "than two standard errors from random to pre-trained, and from there to fine-tuned; differs: one of the two"
)
ERRORS = 2.0
TUNED = "Fine-tuning for sentiment makes deep neurons one-sided, and leaves shallow ones"
GROWS = "More neurons are one-sided after pre-training, and more after fine-tuning"


class Change(NamedTuple):
    """A mean change with its standard error."""

    mean: float
    error: float

    @property
    def rises(self) -> bool:
        """Whether it is above zero by more than two standard errors."""
        return self.mean > ERRORS * self.error


def change_of(before: NDArray[np.float64], after: NDArray[np.float64]) -> Change:
    """Average how a number of the same neurons changed.

    ``before, after``: float64, shape (n,). Of the same addresses in two models; NaN in either is left out.

    Examples
    --------
    >>> change_of(np.array([1.0, 2.0, np.nan]), np.array([2.0, 5.0, 1.0]))
    Change(mean=2.0, error=1.0)
    """
    moved = after - before
    moved = moved[np.isfinite(moved)]
    if len(moved) < 2:
        return Change(float("nan"), float("nan"))
    return Change(float(moved.mean()), float(moved.std(ddof=1) / np.sqrt(len(moved))))


def judge_deeper(correlation: float) -> Verdict:
    """Judge whether deeper neurons are more selective."""
    if correlation >= RISES:
        return Verdict.reproduced
    return Verdict.not_reproduced if not correlation > -RISES else Verdict.differs


def judge_flat(correlation: float) -> Verdict:
    """Judge whether the ranking does not depend on the layer."""
    return Verdict.reproduced if abs(correlation) < RISES else Verdict.not_reproduced


def judge_tuned(shallow: Change, deep: Change) -> Verdict:
    """Judge where fine-tuning made neurons more one-sided."""
    if not deep.rises:
        return Verdict.not_reproduced
    return Verdict.reproduced if abs(shallow.mean) < deep.mean / 2 else Verdict.differs


def is_selective(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Say which neurons are one-sided to a certain degree.

    ``values``: float64, shape (n,). Standard deviations; NaN counts as not.
    Returns: float64, shape (n,). 1 from 0.2 on, else 0.
    """
    return (np.nan_to_num(values) >= ONE_SIDED).astype(np.float64)


def judge_growing(learnt: Change, tuned: Change) -> Verdict:
    """Judge whether learning makes neurons one-sided.

    ``learnt, tuned``: Of the share of one-sided neurons, by pre-training and by fine-tuning.
    """
    return (Verdict.not_reproduced, Verdict.differs, Verdict.reproduced)[learnt.rises + tuned.rises]


def pos_findings(trained: Run, random: Run) -> list[Finding]:
    """Judge figure 3."""
    return _depth_findings(
        {"pre-trained": trained, "random": random}, by="pos", source="E fig. 3", what="parts of speech"
    )


def _depth_findings(runs: Mapping[str, Run], *, by: str, source: str, what: str) -> list[Finding]:
    """Judge the ranking of the pre-trained and of the random model by layer."""
    deeper, flat = _depth_claims(what)
    found: list[Finding] = []
    for (name, run), claim, judge, rule in zip(
        runs.items(), (deeper, flat), (judge_deeper, judge_flat), (DEEPER_RULE, FLAT_RULE), strict=False
    ):
        try:
            values, layers = numbers(run, by).values, layer_of_neurons(run)
        except NeurolectError as error:
            found.append(left_out(source, claim, theirs="a picture", because=reason(error, run), rule=rule))
            continue
        correlation = depth_correlation(values, layers)
        if np.isnan(correlation):
            because = "too few lists have the number"
            found.append(left_out(source, claim, theirs="a picture", because=because, rule=rule))
            continue
        peak = _means(values, layers)
        ours = f"{name}: correlation {correlation:+.2f}; highest in layer {peak[0]}, lowest in layer {peak[1]}"
        found.append(Finding(source, claim, "a picture", ours, judge(correlation), "", rule))
    return found


def _depth_claims(what: str) -> tuple[str, str]:
    deeper = f"Deeper neurons are more selective for {what} (pre-trained)"
    return deeper, f"In the random model selectivity for {what} does not depend on the layer"


def _means(values: NDArray[np.float64], layers: NDArray[np.int64]) -> tuple[int, int]:
    """Say which layers have the highest and the lowest median."""
    known = np.isfinite(values)
    distinct = np.unique(layers[known])
    medians = [float(np.median(values[known & (layers == layer)])) for layer in distinct]
    return int(distinct[int(np.argmax(medians))]), int(distinct[int(np.argmin(medians))])


def sentiment_findings(trained: Run, random: Run, tuned: Run | None, *, by: str, note: str = "") -> list[Finding]:
    """Judge figures 4 and 5.

    ``trained, random, tuned``: Described runs; the last one of the model that was fine-tuned for sentiment, None
        where it was not read.
    ``by``: The number, ``deviation=FIELD:POSITIVE,NEGATIVE``.
    ``note``: What a reader should know of the fine-tuning.
    Returns: Depth in two models, what fine-tuning changes, and whether learning adds one-sided neurons.
    """
    found = _depth_findings({"pre-trained": trained, "random": random}, by=by, source="E fig. 4", what="polarity")
    if tuned is None:
        return [*found, *_no_tuned_findings("the fine-tuned model did not read the corpus")]
    try:
        values = [numbers(run, by).values for run in (random, trained, tuned)]
    except NeurolectError as error:
        return [*found, *_no_tuned_findings(reason(error, trained))]
    parts = thirds(layer_of_neurons(trained))
    changes = [change_of(values[1][part], values[2][part]) for part in parts]
    ours = "; ".join(
        f"{name} third {_mean(values[1][part]):.3f} to {_mean(values[2][part]):.3f} ({change.mean:+.4f} \u00b1 "
        f"{change.error:.4f})"
        for name, part, change in zip(("first", "last"), parts, changes, strict=True)
    )
    selective = [is_selective(each) for each in values]
    names = ("random", "pre-trained", "fine-tuned")
    shown = ", ".join(f"{name} {each.mean():.1%}" for name, each in zip(names, selective, strict=True))
    shown += f" (lists with enough labels: {', '.join(f'{np.isfinite(each).mean():.0%}' for each in values)})"
    apart = (number_distance(*pair).curves for pair in pairwise(values))
    shown += "; distance between curves: " + ", ".join(
        f"{one} to {two} {each:.3f}" for (one, two), each in zip(pairwise(names), apart, strict=True)
    )
    grown = change_of(selective[0], selective[1]), change_of(selective[1], selective[2])
    return [
        *found,
        Finding(
            "E fig. 4",
            TUNED,
            "a picture",
            f"mean standard deviation, {ours}",
            judge_tuned(*changes),
            note,
            TUNED_RULE,
        ),
        Finding("E fig. 5", GROWS, "a picture", shown, judge_growing(*grown), note, GROWING_RULE),
    ]


def no_sentiment_findings(because: str) -> list[Finding]:
    """Leave figures 4 and 5 out."""
    rules = (DEEPER_RULE, FLAT_RULE)
    depth = [
        left_out("E fig. 4", claim, theirs="a picture", because=because, rule=rule)
        for claim, rule in zip(_depth_claims("polarity"), rules, strict=True)
    ]
    return [*depth, *_no_tuned_findings(because)]


def _no_tuned_findings(because: str) -> list[Finding]:
    return [
        left_out("E fig. 4", TUNED, theirs="a picture", because=because, rule=TUNED_RULE),
        left_out("E fig. 5", GROWS, theirs="a picture", because=because, rule=GROWING_RULE),
    ]


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
