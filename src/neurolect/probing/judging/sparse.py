"""K-sparse probing: each class against as many other units, by its own best few neurons (SAEBench).

Dims: N neurons, Z sizes, B bootstrap samples. Reference: A. Karvonen et al. (2025), SAEBench, arXiv 2503.09532.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.probing.class_moments import class_moments
from neurolect.probing.judging.curves import Bootstrap, interval
from neurolect.probing.probes.fitting import fit_linear
from neurolect.probing.probes.options import LinearOptions
from neurolect.probing.rankings.ranked import by_scores, random_order
from neurolect.probing.samples import Sample

BY_MEANS, RANDOM = "difference of means", "random"
"""What neurons of a class are chosen by in SAEBench, and chance."""


def sparse_probing(
    sample: Sample,
    of_classes: Mapping[str, NDArray[np.float64]],
    *,
    sizes: Sequence[int],
    options: LinearOptions,
    n_bootstrap: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Give mean accuracies over classes: rows with ``ranking``, ``k``, ``value``, ``low``, ``high``.

    `of_classes`: of each ranking the scores of neurons for the classes, shape (n_classes, N). SAEBench's choice (by
    the absolute difference of means on the training units) and random neurons are always there.
    """
    options = replace(options, task="classes")
    found: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    for code, name in enumerate(sample.classes):
        binary = sample.against_rest(name, seed=seed)
        if min(map(len, (binary.parts.train, binary.parts.test))) == 0:
            continue
        bootstrap = Bootstrap(binary.sentences[binary.parts.test], n=n_bootstrap, seed=seed)
        for ranking, order in _orders(binary, of_classes, code, seed=seed):
            right = np.stack([_right(binary, order[:k], options) for k in sizes])
            found.setdefault(ranking, []).append(bootstrap.accuracies(right))
    rows = []
    for ranking, per_class in found.items():
        values_Z = np.mean([values for values, _ in per_class], axis=0)
        samples_BZ = np.mean([samples for _, samples in per_class], axis=0)
        for place, k in enumerate(sizes):
            spread = interval(float(values_Z[place]), samples_BZ[:, place])
            rows.append({"ranking": ranking, "k": k, "n_classes": len(per_class)} | spread._asdict())
    return rows


def _orders(
    binary: Sample, of_classes: Mapping[str, NDArray[np.float64]], code: int, *, seed: int
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Give every ranking's order for a class."""
    moments = class_moments(binary.rows, binary.labels, binary.parts.train, n_classes=2)
    yield BY_MEANS, by_scores(np.abs(moments.mean_KN[1] - moments.mean_KN[0])).order
    yield RANDOM, random_order(binary.rows.n_neurons, seed=seed).order
    for name, scores_KN in of_classes.items():
        yield name, by_scores(scores_KN[code]).order


def _right(binary: Sample, columns: NDArray[np.int64], options: LinearOptions) -> NDArray[np.bool_]:
    """Say which test units a probe on a few neurons gets right."""
    probe = fit_linear(
        binary.rows,
        binary.labels,
        chosen=binary.parts.train,
        columns=np.sort(columns),
        classes=binary.classes,
        options=options,
    )
    right: NDArray[np.bool_] = probe.predict(binary.rows, binary.parts.test) == binary.labels[binary.parts.test]
    return right
