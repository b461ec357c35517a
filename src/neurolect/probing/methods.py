"""Rank the neurons of a store of activations by any method: one name, one table.

Dims: K classes, N neurons.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import OptionError, nearest
from neurolect.probing.activations.reader import ActivationStore, open_activations
from neurolect.probing.class_moments import ClassMoments, class_moments
from neurolect.probing.labels import check_finite, class_counts
from neurolect.probing.options import ProbeOptions
from neurolect.probing.probes.fitting import fit_linear
from neurolect.probing.probes.forest import fit_forest
from neurolect.probing.probes.gaussian import choose_greedily
from neurolect.probing.probes.options import LinearOptions
from neurolect.probing.rankings import lca, means, thresholds, without_labels
from neurolect.probing.rankings.layers import layer_distribution
from neurolect.probing.rankings.penalties import search_penalties
from neurolect.probing.rankings.ranked import Ranked, by_scores, random_order, table_of
from neurolect.probing.rows import widened
from neurolect.probing.samples import Sample, class_code, draw_sample, fingerprints

METHODS = {
    "lca": "entry mass of a linear probe's absolute weights (l1 and l2)",
    "l1": "the same without the l2 penalty",
    "l2": "the same without the l1 penalty",
    "noreg": "the same without penalties",
    "linear-mean": "mean absolute weight over the classes",
    "forest": "impurity importance in a random forest",
    "forest-permutation": "loss of a random forest's accuracy when the neuron is permuted",
    "gaussian": "greedy choice for a Gaussian probe",
    "probeless": "sum of the absolute differences of the classes' means",
    "mean-difference": "mean of the class less that of all other units",
    "standardised-difference": "that difference in pooled standard deviations",
    "mean-select": "that difference as a share of the neuron's range",
    "iou": "intersection over union above the class's own share of the units",
    "average-precision": "average precision of the better side",
    "nmf": "loading of a factor of the activations; without a concept the greatest of any",
    "correlation-clusters": "clusters of correlated neurons: that of the concept, or one neuron of each",
    "umap-clusters": "the same of k-means clusters on a UMAP map of the neurons",
    "random": "a random order",
}
WITHOUT_LABELS = ("nmf", "correlation-clusters", "umap-clusters")
"""What groups neurons without looking at labels; those only say which group goes with a concept."""
_UNITS = 1_000
"""That such methods look at."""
_LINEAR = {"lca": (1, 1), "l1": (1, 0), "l2": (0, 1), "noreg": (0, 0), "linear-mean": (1, 1)}
"""Methods of a linear probe, and which of its penalties they have."""
_MEANS = {
    "mean-difference": means.mean_difference,
    "standardised-difference": means.standardised_difference,
    "mean-select": means.mean_select,
}
_ADDED: dict[str, "Scored"] = {}
"""Methods of others, by name."""
FOR_NUMBERS = ("lca", "l1", "l2", "noreg", "linear-mean", *WITHOUT_LABELS, "random")
"""What ranks for labels that are numbers."""


Scored = Callable[[NDArray[np.float32], NDArray[np.int64], tuple[str, ...]], NDArray[Any]]
"""From activations (T, N), labels (T,) and the classes' names to a score a neuron (N,), the highest first."""


class Made(NamedTuple):
    """A ranking, and what the method says of it."""

    ranked: Ranked
    details: dict[str, Any]
    groups: NDArray[np.int32] | None = None
    """Of neurons, where the method groups them."""


def rank_activations(
    activations: ActivationStore | str | Path,
    *,
    by: str,
    concept: str | None = None,
    options: ProbeOptions | None = None,
) -> pa.Table:
    """Rank the neurons of a store of activations for its concept.

    Parameters
    ----------
    activations : ActivationStore, str or Path
        From :func:`read_activations`.
    by : str
        A method: ``lca``, ``probeless`` ...; :func:`ranking_methods` lists them.
    concept : str, optional
        One of the classes; for all classes together when not given.
    options : ProbeOptions, optional
        Sample, penalties and what else the methods take.

    Returns
    -------
    pyarrow.Table
        A ranking of all neurons: ``rank``, ``address``, ``side`` (null), ``score``, ``sign``, ``concept`` and where
        the method has them ``class_scores`` and ``group`` (of neurons). Details of its provenance: ``classes``,
        ``label``, ``sample``, ``seconds``, ``notes``, ``layers`` of the first 1 % and what the method adds.

    Raises
    ------
    OptionError
        If there is no such method or class, or the method does not go with labels that are numbers.
    ProbingError
        If there is one class only, or activations are not finite.
    """
    store = activations if isinstance(activations, ActivationStore) else open_activations(activations)
    options = options or ProbeOptions()
    check_method(by, store.classes, concept=concept)
    begun = time.monotonic()
    sample = draw_sample(store, sizes=sizes_of(options), seed=options.seed)
    made = rank_sample(sample, by=by, concept=concept, options=options, n_parts=store.n_parts)
    n = store.n_neurons // store.n_parts
    first = made.ranked.order[: max(1, round(0.01 * n))]
    layers = layer_distribution(first, [each.rpartition(".")[0] for each in store.addresses[:n]])
    details = {
        "label": METHODS[by],
        "sample": sample.facts,
        "notes": _notes(store, sample, by),
        "layers": [each._asdict() for each in layers],
        "seconds": round(time.monotonic() - begun, 2),
    }
    table = table_of(
        made.ranked,
        addresses=store.addresses[:n],
        rests_on=fingerprints(store),
        method=by,
        concept=concept,
        classes=store.classes,
        options={"by": by, "concept": concept} | asdict(options),
        seed=options.seed,
        details=details | made.details,
        models=[each for each in [store.manifest["model"].get("fingerprint")] if each],
    )
    if made.groups is None:
        return table
    return table.append_column("group", pa.array(made.groups[made.ranked.order], pa.int32()))


def register_method(name: str, what: str, *, score: Scored) -> None:
    """Add a method to the rankings, judges and benches of this process.

    Parameters
    ----------
    name : str
        What ``rank --by`` takes. One of the same name that was added before is replaced.
    what : str
        What it is, for ``rank --list``.
    score : callable
        Takes activations of the training units (float32, shape (n_units, n_neurons)), labels (int64, places in the
        classes; with a concept 1 for it and 0 for all others) and the classes' names; gives a number a neuron.

    Raises
    ------
    OptionError
        If the name is that of one of neurolect's own.
    """
    if name in METHODS and name not in _ADDED:
        message = f"The method {name!r} is neurolect's own."
        raise OptionError(message, expected="another name")
    METHODS[name], _ADDED[name] = what, score


def unregister_method(name: str) -> None:
    """Take an added method away again.

    Parameters
    ----------
    name : str
        One that was added; nothing happens with any other.
    """
    if _ADDED.pop(name, None) is not None:
        del METHODS[name]


def ranking_methods() -> pa.Table:
    """List what the neurons of a store of activations can be ranked by.

    Returns
    -------
    pyarrow.Table
        ``name``, ``what`` and ``for_numbers`` (whether it goes with labels that are numbers).
    """
    names = list(METHODS)
    return pa.table(
        {"name": names, "what": list(METHODS.values()), "for_numbers": [each in FOR_NUMBERS for each in names]}
    )


def check_method(by: str, classes: list[str], *, concept: str | None) -> None:
    """Refuse a method that there is not, a class that there is not, and what numbers cannot be ranked by."""
    if by not in METHODS:
        what = f"There is no method {by!r} of ranking the neurons of a store of activations."
        raise OptionError(what, expected=", ".join(METHODS), hint=f"The nearest: {nearest(by, METHODS)}.")
    if concept is not None:
        class_code(classes, concept)
    if not classes and by not in FOR_NUMBERS:
        what = f"The labels are numbers, and {by} ranks for classes."
        raise OptionError(what, expected=f"one of {', '.join(FOR_NUMBERS)}")


def sizes_of(options: ProbeOptions) -> tuple[int, int, int]:
    """Give how many units of each part are sampled."""
    return options.units, max(1, options.units // 4), max(1, options.units // 4)


def rank_sample(sample: Sample, *, by: str, concept: str | None, options: ProbeOptions, n_parts: int = 1) -> Made:
    """Rank by a method that there is."""
    label = None if concept is None else class_code(sample.classes, concept)
    if by == "random":
        return Made(random_order(sample.rows.n_neurons // n_parts, seed=options.seed), {})
    if by in _ADDED:
        return Made(_added(sample, by, label).join_parts(n_parts), {})
    if by in _LINEAR:
        return _linear(sample, by, label, options, n_parts)
    if by in ("forest", "forest-permutation", "gaussian"):
        given = sample if concept is None else sample.against_rest(concept, seed=options.seed)
        return (_gaussian if by == "gaussian" else _forest)(given, by, options, n_parts)
    if by in ("iou", "average-precision"):
        found = thresholds.detect(
            sample.rows, sample.labels, chosen=sample.parts.train, classes=sample.classes, shares=()
        )
        measure = thresholds.overlap if by == "iou" else thresholds.average_precision
        rates = {"base_rate": found.base_rate.tolist()} if by == "average-precision" else {}
        return Made(measure(found, label=label).join_parts(n_parts), rates)
    if by in WITHOUT_LABELS:
        return _without_labels(sample, by, label, options, n_parts)
    moments = _moments(sample)
    if by == "probeless":
        ranked = means.probeless(moments, label=label, scaled=options.standardise == "zscore")
    else:
        ranked = _MEANS[by](moments, label=label)
    return Made(ranked.join_parts(n_parts), {})


def _added(sample: Sample, by: str, label: int | None) -> Ranked:
    """Rank by a method of others; what it gives is checked."""
    units = sample.parts.train
    values = np.concatenate([widened(block) for _, block in sample.rows.blocks(units, None)]).astype(np.float32)
    labels, classes = sample.labels[units].astype(np.int64), tuple(sample.classes)
    if label is not None:
        labels, classes = (labels == label).astype(np.int64), ("other", classes[label])
    scores = np.asarray(_ADDED[by](values, labels, classes), np.float64)
    if scores.shape != (values.shape[1],):
        what = f"The method {by!r} gave scores of shape {scores.shape}."
        raise OptionError(what, expected=f"one a neuron: shape ({values.shape[1]},)")
    return by_scores(scores)


def _without_labels(sample: Sample, by: str, label: int | None, options: ProbeOptions, n_parts: int) -> Made:
    """Rank by factors or groups of neurons at some of the training units."""
    units = sample.parts.train
    if len(units) > _UNITS:
        units = np.sort(np.random.default_rng(options.seed).choice(units, _UNITS, replace=False))
    values = np.concatenate([widened(block) for _, block in sample.rows.blocks(units, None)])
    check_finite(int((~np.isfinite(values)).any(axis=0).sum()), n_columns=values.shape[1])
    labels = None if label is None else (sample.labels[units] == label).astype(np.int64)
    if by == "nmf":
        factors = without_labels.factorise(values, seed=options.seed)
        ranked, factor = without_labels.factor_ranking(factors, labels=labels)
        details = {"factor": factor, "n_factors": len(factors.loadings_RN), "stability": factors.stability}
        return Made(ranked.join_parts(n_parts), details)
    group = without_labels.map_clusters if by == "umap-clusters" else without_labels.correlation_clusters
    grouped = group(values, seed=options.seed)
    effects = None if labels is None else without_labels.standardised_effects(values, labels)
    ranked = without_labels.group_ranking(grouped, effects_N=effects)
    details = {"n_groups": int(grouped.groups_N.max()) + 1, **grouped.facts}
    if n_parts > 1:
        return Made(_by_place(ranked.order, n_parts), details)
    return Made(ranked, details, grouped.groups_N)


def _moments(sample: Sample) -> ClassMoments:
    class_counts(sample.labels, sample.parts.train, classes=sample.classes, n_rows=sample.rows.n_rows)
    return class_moments(sample.rows, sample.labels, sample.parts.train, n_classes=len(sample.classes))


def linear_options(options: ProbeOptions, *, numbers: bool = False) -> LinearOptions:
    """Give how linear probes are fitted."""
    return LinearOptions(
        task="numbers" if numbers else "classes",
        l1=options.l1,
        l2=options.l2,
        standardise=options.standardise,
        gap=options.gap,
        seed=options.seed,
    )


def _linear(sample: Sample, by: str, label: int | None, options: ProbeOptions, n_parts: int) -> Made:
    rows, labels, parts = sample.rows, sample.labels, sample.parts
    fitting = linear_options(options, numbers=not sample.classes)
    keep_l1, keep_l2 = _LINEAR[by]
    l1, l2 = fitting.l1 * keep_l1, fitting.l2 * keep_l2
    details: dict[str, Any] = {}
    if by == "lca" and options.search and sample.classes:
        found = search_penalties(rows, labels, parts=parts, options=fitting, n_parts=n_parts)
        l1, l2 = found.best.l1, found.best.l2
        details["search"] = [each._asdict() for each in found.tried]
    fitting = LinearOptions(**asdict(fitting) | {"l1": l1, "l2": l2})
    probe = fit_linear(rows, labels, chosen=parts.train, classes=sample.classes or None, options=fitting)
    details |= {"l1": l1, "l2": l2, "fit": probe.fit._asdict()}
    details |= {"accuracy": {name: _rounded(probe, sample, name) for name in ("dev", "test")}}
    details["majority"] = {name: majority_of(sample, name) for name in ("dev", "test")}
    if label is not None:
        return Made(
            lca.lca_order_of_class(lca.join_parts(probe.class_weights()[[label]], n_parts=n_parts)[0]), details
        )
    weights = lca.join_parts(probe.weights, n_parts=n_parts)
    return Made((lca.linear_mean if by == "linear-mean" else lca.lca_order)(weights), details)


def _rounded(probe: Any, sample: Sample, part: str) -> float | None:  # noqa: ANN401 - any probe
    chosen = getattr(sample.parts, part)
    return round(probe.accuracy(sample.rows, sample.labels, chosen), 6) if len(chosen) else None


def majority_of(sample: Sample, part: str) -> float | None:
    """Give the share of a part's units that are of the most frequent class of the training part."""
    chosen = getattr(sample.parts, part)
    if not sample.classes or not len(chosen):
        return None
    most = int(np.bincount(sample.labels[sample.parts.train]).argmax())
    return round(float((sample.labels[chosen] == most).mean()), 6)


def _forest(sample: Sample, by: str, options: ProbeOptions, n_parts: int) -> Made:
    found = fit_forest(
        sample.rows,
        sample.labels,
        train=sample.parts.train,
        dev=sample.parts.dev,
        n_trees=options.trees,
        n_repeats=0 if by == "forest" else 1,
        seed=options.seed,
    )
    scores = found.impurity if by == "forest" else found.permutation
    return Made(
        by_scores(scores).join_parts(n_parts),
        {"accuracy": {"dev": found.accuracy}, "majority": {"dev": majority_of(sample, "dev")}},
    )


def _gaussian(sample: Sample, by: str, options: ProbeOptions, n_parts: int) -> Made:
    """Rank by the place of choice: the score falls by one a place."""
    del by
    train, dev, test = sample.parts
    found = choose_greedily(
        sample.rows, sample.labels, train=train, dev=dev, test=test, n_picks=options.picks, classes=sample.classes
    )
    return Made(_by_place(found.order(), n_parts), {"steps": [each._asdict() for each in found.steps]})


def _by_place(order: NDArray[np.int64], n_parts: int) -> Ranked:
    """Rank neurons by the first place of any of their columns."""
    n = len(order) // n_parts
    _, first = np.unique(order % n, return_index=True)
    ranked = np.argsort(first, kind="stable")
    scores = np.empty(n)
    scores[ranked] = np.arange(n, 0, -1)
    return Ranked(ranked, scores)


def _notes(store: ActivationStore, sample: Sample, by: str) -> list[str]:
    """Say what people should know of a ranking: small classes, constant neurons, weights that were not used."""
    notes = []
    train = sample.parts.train
    if sample.classes:
        counts = np.bincount(sample.labels[train], minlength=len(sample.classes))
        small = [f"{sample.classes[each]} ({counts[each]})" for each in np.flatnonzero(counts < 20).tolist()]
        if small:
            notes.append(f"{len(small)} classes have fewer than 20 training units: {', '.join(small[:5])}.")
    if store.weights is not None:
        notes.append("The weights of units are not used; classes count as they are.")
    low, high = np.full(sample.rows.n_neurons, np.inf), np.full(sample.rows.n_neurons, -np.inf)
    for _, block in sample.rows.blocks(train, None):
        low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
    if (constant := int((low == high).sum())) and by != "random":
        notes.append(f"{constant:,} columns are constant: nothing distinguishes the classes there.")
    return notes
