"""Several protocols next to each other: the same concept in several models, or several concepts in one.

Dims: L layers.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.probing.judging.agreement import jaccard_at, spearman
from neurolect.probing.protocol.stage import Probing, open_probing

THIRDS = 3
"""Bins of depth where models have different numbers of layers."""
_AT = (10, 100)


def compare_probings(folders: Sequence[str | Path]) -> pa.Table:
    """Compare what protocols found, each two of them.

    Parameters
    ----------
    folders : sequence of str or Path
        Two or more folders of :func:`probe_all`.

    Returns
    -------
    pyarrow.Table
        A row a pair: ``one``, ``other``; ``spearman`` and ``jaccard_10``, ``jaccard_100`` of the rankings (null
        where the neurons are others); ``k_one``, ``k_other`` and ``jaccard_minimal`` of the minimal sets;
        ``divergence`` (Jensen-Shannon, in bits) of the shares of the minimal sets by layer, by third of the depth
        where the layers are others (``bins``); ``layer_one``, ``layer_other``, mean layers of the minimal sets, and
        ``moved``, the second less the first, with ``low`` and ``high``, the middle 95 % over bootstrap samples of
        training sentences: the same samples where ``paired``. ``moved`` is null where the layers are others.

    Raises
    ------
    OptionError
        If there are fewer than two folders.
    ProbingError
        If one of them has no whole protocol.
    """
    if len(folders) < 2:
        what = f"{len(folders)} folder was given."
        raise OptionError(what, expected="two or more folders of `neurolect probing all`")
    made = [open_probing(each) for each in folders]
    return pa.Table.from_pylist([_pair(one, other) for one, other in combinations(made, 2)], schema=_SCHEMA)


_SCHEMA = pa.schema(
    [("one", pa.string()), ("other", pa.string()), ("spearman", pa.float64())]
    + [(f"jaccard_{k}", pa.float64()) for k in (*_AT, "minimal")]
    + [("k_one", pa.int64()), ("k_other", pa.int64()), ("divergence", pa.float64()), ("bins", pa.int64())]
    + [(name, pa.float64()) for name in ("layer_one", "layer_other", "moved", "low", "high")]
    + [("paired", pa.bool_())]
)


def _pair(one: Probing, other: Probing) -> dict[str, Any]:
    orders = [each.ranking.column("address").to_pylist() for each in (one, other)]
    chosen = [each.steps["minimal"] for each in (one, other)]
    row: dict[str, Any] = {"one": str(one.folder), "other": str(other.folder), "paired": _is_paired(one, other)}
    row |= dict(zip(("k_one", "k_other"), (each["k"] for each in chosen), strict=True))
    row |= dict(zip(("layer_one", "layer_other"), (each["mean_layer"] for each in chosen), strict=True))
    if set(orders[0]) == set(orders[1]):
        places = {address: place for place, address in enumerate(sorted(orders[0]))}
        first, second = (np.array([places[each] for each in order], np.int64) for order in orders)
        row["spearman"] = spearman(first, second)
        row |= {f"jaccard_{k}": jaccard_at(first, second, k) for k in _AT}
        sets = [set(each["neurons"]) for each in chosen]
        row["jaccard_minimal"] = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    shares = [_by_layer(each) for each in (one, other)]
    same = one.facts["layers"] == other.facts["layers"]
    if not same:
        shares = [_by_third(each) for each in shares]
    row |= {"divergence": divergence(*shares), "bins": len(shares[0])}
    if same:
        row |= _moved(one, other, paired=row["paired"])
    return row


def divergence(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Give the Jensen-Shannon divergence of two distributions in bits, from 0 to 1."""
    from scipy.spatial.distance import jensenshannon

    return float(jensenshannon(one, other, base=2) ** 2)


def _by_layer(made: Probing) -> NDArray[np.float64]:
    counts = np.array([each["n"] for each in made.steps["minimal"]["layers"]["minimal set"]], np.float64)
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _by_third(shares_L: NDArray[np.float64]) -> NDArray[np.float64]:
    thirds = np.arange(len(shares_L)) * THIRDS // len(shares_L)
    shares: NDArray[np.float64] = np.bincount(thirds, weights=shares_L, minlength=THIRDS).astype(np.float64)
    return shares


def _is_paired(one: Probing, other: Probing) -> bool:
    """Say whether both were ranked again from the same samples of the same sentences."""
    keys = [each.facts["key"] for each in (one, other)]
    first, second = ([key["rests_on"][1], key["probe"]["units"], key["probe"]["seed"]] for key in keys)
    return bool(first == second)


def _moved(one: Probing, other: Probing, *, paired: bool) -> dict[str, float]:
    """Give the difference of the mean layers of the minimal sets, with an interval."""
    first, second = (
        np.array([row["mean_layer"] for row in made.steps["resamples"]["rows"]]) for made in (one, other)
    )
    if paired:
        n = min(len(first), len(second))
        differences = second[:n] - first[:n]
    else:
        differences = (second[:, None] - first).ravel()
    low, high = np.quantile(differences, [0.025, 0.975]).tolist()
    moved = other.steps["minimal"]["mean_layer"] - one.steps["minimal"]["mean_layer"]
    return {"moved": moved, "low": low, "high": high}
