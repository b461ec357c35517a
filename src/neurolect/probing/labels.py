"""The labels of units: what a probe or ranking needs of them is checked once, here."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import ProbingError

logger = logging.getLogger(__name__)


def class_counts(
    labels: NDArray[Any], rows: NDArray[np.int64], *, classes: Sequence[str], n_rows: int
) -> NDArray[np.int64]:
    """Count the units of every class among the rows, after refusing labels that no probe can be fitted on.

    `labels`, int, shape (T,): places in `classes`, of all units; -1 is none. Returns: shape (n_classes,).
    """
    if len(labels) != n_rows:
        what = f"There are {len(labels):,} labels for {n_rows:,} rows of activations."
        raise ProbingError(what, expected="one label a row")
    if labels.dtype.kind not in "iu":
        what = f"The labels are numbers ({labels.dtype})."
        raise ProbingError(
            what, expected="classes, coded from 0", hint="task='numbers' fits a linear regression to numbers."
        )
    found = labels[rows]
    if len(found) == 0:
        what = "No unit is left to fit on."
        raise ProbingError(what, expected="units of two or more classes in the training part")
    if found.min() < 0 or found.max() >= len(classes):
        what = f"The labels go from {found.min()} to {found.max()}, and there are {len(classes)} classes."
        raise ProbingError(what, expected=f"0 to {len(classes) - 1}", hint="Leave out the rows without a label.")
    counts = np.bincount(found, minlength=len(classes))
    if len(classes) < 2 or (counts > 0).sum() < 2:
        what = f"All {len(found):,} units are of one class."
        raise ProbingError(what, expected="two or more classes", hint="Add units that are not of the class.")
    if empty := [classes[each] for each in np.flatnonzero(counts == 0).tolist()]:
        what = f"{len(empty)} of {len(classes)} classes have no unit to fit on: {', '.join(map(repr, empty[:5]))}."
        raise ProbingError(what, expected="units of every class in the training part", hint="Leave those out.")
    if single := [classes[each] for each in np.flatnonzero(counts == 1).tolist()]:
        listed = ", ".join(map(repr, single[:5]))
        logger.warning("%d of %d classes have a single unit to fit on: %s.", len(single), len(classes), listed)
    return counts


def check_finite(n_odd: int, *, n_columns: int) -> None:
    """Refuse activations some of which are not finite."""
    if n_odd:
        what = f"{n_odd:,} of {n_columns:,} neurons have activations that are NaN or infinite."
        raise ProbingError(what, expected="finite activations", hint="Leave those neurons or units out.")


def check_spread(sd: NDArray[np.float64]) -> tuple[int, int]:
    """Count the neurons that are constant and those of a huge scale, and warn of them; return both counts."""
    constant, live = int((sd == 0).sum()), sd[sd > 0]
    if constant:
        logger.warning("%d of %d neurons are constant: they have no weight.", constant, len(sd))
    huge = int((live > 1000 * np.median(live)).sum()) if len(live) else 0
    if huge:
        logger.warning("%d of %d neurons vary over 1000 times more than the median one.", huge, len(sd))
    return constant, huge


@contextmanager
def said_once() -> Iterator[None]:
    """Let each warning of the fits through once, and count the others: there are hundreds of fits."""
    heard: Counter[str] = Counter()

    def is_new(record: logging.LogRecord) -> bool:
        heard[str(record.msg)] += 1
        return heard[str(record.msg)] == 1

    loggers = [logging.getLogger(f"neurolect.probing.{each}") for each in ("labels", "probes.fitting")]
    for each in loggers:
        each.addFilter(is_new)
    try:
        yield
    finally:
        for each in loggers:
            each.removeFilter(is_new)
        if repeated := sum(heard.values()) - len(heard):
            logger.info("%d further warnings of other fits were like these.", repeated)


class Parts(NamedTuple):
    """Units of the three parts, by sentence: choices are made on the first two, figures are of the last."""

    train: NDArray[np.int64]
    dev: NDArray[np.int64]
    test: NDArray[np.int64]
