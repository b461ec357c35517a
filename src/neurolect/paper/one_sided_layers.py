"""[E] figures 3 to 5: how selective neurons of each depth are for parts of speech and polarity."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import NeurolectError
from neurolect.paper.finding import Finding, Verdict, depth_correlation, layer_of_neurons, left_out, reason, thirds
from neurolect.relations.numbers import numbers
from neurolect.store import Run

__all__ = [
    "judge_deeper",
    "judge_flat",
    "judge_growing",
    "judge_tuned",
    "pos_findings",
    "sentiment_findings",
    "share_selective",
]

RISES = 0.1
ONE_SIDED = 0.2
DEEPER_RULE = "rank correlation of selectivity and layer is 0.1 or more; not reproduced: -0.1 or less; else differs"
FLAT_RULE = "rank correlation of selectivity and layer is within 0.1 of zero"
TUNED_RULE = (
    "the mean of the last third of the layers rises, and that of the first third moves by less than half as much; "
    "differs: it rises, but not apart from the first third"
)
GROWING_RULE = (
    "the share of neurons with a standard deviation of 0.2 or more (70 to 30 where it is two values) grows from "
    "random to pre-trained and from pre-trained to fine-tuned; differs: one of the two"
)


def judge_deeper(correlation: float) -> Verdict:
    """Judge whether deeper neurons are more selective.

    Parameters
    ----------
    correlation : float
        Of selectivity and layer.

    Returns
    -------
    Verdict
        By ``DEEPER_RULE``.
    """
    if correlation >= RISES:
        return Verdict.reproduced
    return Verdict.not_reproduced if not correlation > -RISES else Verdict.differs


def judge_flat(correlation: float) -> Verdict:
    """Judge whether the ranking does not depend on the layer.

    Parameters
    ----------
    correlation : float
        Of selectivity and layer.

    Returns
    -------
    Verdict
        By ``FLAT_RULE``.
    """
    return Verdict.reproduced if abs(correlation) < RISES else Verdict.not_reproduced


def judge_tuned(shallow: float, deep: float) -> Verdict:
    """Judge where fine-tuning made neurons more one-sided.

    Parameters
    ----------
    shallow, deep : float
        Change of the mean in the first and the last third of the layers.

    Returns
    -------
    Verdict
        By ``TUNED_RULE``.
    """
    if not deep > 0:
        return Verdict.not_reproduced
    return Verdict.reproduced if abs(shallow) < deep / 2 else Verdict.differs


def share_selective(values: NDArray[np.float64]) -> float:
    """Say how many neurons are one-sided to a certain degree.

    Parameters
    ----------
    values : float64, shape (n,)
        Standard deviations; NaN counts as not.

    Returns
    -------
    float
        Share of all neurons with 0.2 or more.
    """
    return float(np.count_nonzero(np.nan_to_num(values) >= ONE_SIDED) / max(len(values), 1))


def judge_growing(random: float, trained: float, tuned: float) -> Verdict:
    """Judge whether learning makes neurons one-sided.

    Parameters
    ----------
    random, trained, tuned : float
        Shares of one-sided neurons.

    Returns
    -------
    Verdict
        By ``GROWING_RULE``.
    """
    passed = (trained > random) + (tuned > trained)
    return (Verdict.not_reproduced, Verdict.differs, Verdict.reproduced)[passed]


def pos_findings(trained: Run, random: Run) -> list[Finding]:
    """Judge figure 3.

    Parameters
    ----------
    trained, random : Run
        Described runs.

    Returns
    -------
    list of Finding
        Of both models.
    """
    return _depth_findings(
        {"pre-trained": trained, "random": random}, by="pos", source="E fig. 3", what="parts of speech"
    )


def _depth_findings(runs: Mapping[str, Run], *, by: str, source: str, what: str) -> list[Finding]:
    """Judge the ranking of the pre-trained and of the random model by layer."""
    deeper, flat = (
        f"Deeper neurons are more selective for {what} (pre-trained)",
        f"The random model's for {what} are not",
    )
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


def _means(values: NDArray[np.float64], layers: NDArray[np.int64]) -> tuple[int, int]:
    """Say which layers have the highest and the lowest median."""
    known = np.isfinite(values)
    distinct = np.unique(layers[known])
    medians = [float(np.median(values[known & (layers == layer)])) for layer in distinct]
    return int(distinct[int(np.argmax(medians))]), int(distinct[int(np.argmin(medians))])


def sentiment_findings(trained: Run, random: Run, tuned: Run, *, field: str) -> list[Finding]:
    """Judge figures 4 and 5.

    Parameters
    ----------
    trained, random, tuned : Run
        Described runs; the last one of the model that was fine-tuned for sentiment.
    field : str
        Metadata field of polarity.

    Returns
    -------
    list of Finding
        Depth in two models, what fine-tuning changes, and whether learning adds one-sided neurons.
    """
    by = f"field={field}"
    found = _depth_findings({"pre-trained": trained, "random": random}, by=by, source="E fig. 4", what="polarity")
    deep = "Fine-tuning for sentiment makes deep neurons one-sided, and leaves shallow ones"
    grows = "More neurons are one-sided after pre-training, and more after fine-tuning"
    try:
        values = [numbers(run, by).values for run in (random, trained, tuned)]
    except NeurolectError as error:
        because = reason(error, trained)
        return [
            *found,
            left_out("E fig. 4", deep, theirs="a picture", because=because, rule=TUNED_RULE),
            left_out("E fig. 5", grows, theirs="a picture", because=because, rule=GROWING_RULE),
        ]
    parts = thirds(layer_of_neurons(trained))
    before, after = ([_mean(each[part]) for part in parts] for each in values[1:])
    change = after[0] - before[0], after[1] - before[1]
    ours = (
        f"mean standard deviation of the last third {before[1]:.3f} to {after[1]:.3f}, of the first third "
        f"{before[0]:.3f} to {after[0]:.3f}"
    )
    shares = [share_selective(each) for each in values]
    told = ", ".join(
        f"{name} {share:.1%}" for name, share in zip(("random", "pre-trained", "fine-tuned"), shares, strict=True)
    )
    return [
        *found,
        Finding("E fig. 4", deep, "a picture", ours, judge_tuned(*change), "", TUNED_RULE),
        Finding("E fig. 5", grows, "a picture", told, judge_growing(*shares), "", GROWING_RULE),
    ]


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
