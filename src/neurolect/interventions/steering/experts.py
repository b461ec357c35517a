"""Expert units: neurons ranked by how well they detect a concept, and the values that they are forced to.

Dims: T sentences, N neurons that are read, K of them set.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.interventions.changes import Change, read_address
from neurolect.interventions.class_shifts import LEAST
from neurolect.interventions.steering.concept_texts import Part
from neurolect.model.language_model import Model
from neurolect.probing.rankings.thresholds import detect
from neurolect.results.table import provenance, ranking_table, read_ranking

OF_CONCEPT = ("p50", "p90", "mean")
"""Values that are taken from sentences with the concept."""
_SCALE = re.compile(r"scale=(.+)")


class To(NamedTuple):
    """What neurons are set to."""

    kind: str
    """One of ``p50``, ``p90``, ``mean``, ``zero``, ``number``, ``scale``, ``translate``."""
    number: float = 0.0

    @property
    def has_strength(self) -> bool:
        """Whether it can be done more and less."""
        return self.kind in (*OF_CONCEPT, "translate")


class Experts(NamedTuple):
    """All neurons that are read, with what they are in sentences with and without the concept."""

    addresses: list[str]
    precision: NDArray[np.float64]
    """Average precision of the better side, shape (N,)."""
    sign: NDArray[np.int64]
    """Whether high (1) or low (-1) values detect the concept, shape (N,)."""
    on: dict[str, NDArray[np.float64]]
    """Median, 90th percentile and mean over sentences with the concept, each of shape (N,)."""
    off: NDArray[np.float64]
    """Mean over sentences without it, shape (N,)."""
    order: NDArray[np.int64]
    """Neurons by rank: by average precision, ties by number; or those of a given ranking, the others not."""
    base_rate: float

    def changes(self, chosen: NDArray[np.int64], to: To, *, strength: float) -> dict[str, Change]:
        """Give the changes of some neurons, for an edit; ``chosen``: int64, shape (K,), by rank."""
        if to.kind in ("zero", "number"):
            return {self.addresses[each]: to.number for each in chosen.tolist()}
        if to.kind == "scale":
            return {self.addresses[each]: ("scale", to.number) for each in chosen.tolist()}
        if to.kind == "translate":
            n = len(chosen)
            factors = np.geomspace(strength, min(LEAST, strength), n) if n > 1 else np.array([strength])
            away = factors * (self.on["mean"] - self.off)[chosen]
            return {self.addresses[each]: ("add", float(x)) for each, x in zip(chosen.tolist(), away, strict=True)}
        values = (self.off + strength * (self.on[to.kind] - self.off))[chosen]
        return {self.addresses[each]: float(x) for each, x in zip(chosen.tolist(), values, strict=True)}

    def random(self, chosen: NDArray[np.int64], *, seed: Sequence[int]) -> NDArray[np.int64]:
        """Draw as many other neurons of the same sites and layers, in the order of those they stand for."""
        places = np.array([each.rpartition(".")[0] for each in self.addresses])
        generator, drawn = np.random.default_rng(seed), np.empty(len(chosen), np.int64)
        for place, n in Counter(places[chosen].tolist()).items():
            free = np.setdiff1d(np.flatnonzero(places == place), chosen)
            if len(free) < n:
                what = f"{n:,} neurons of {place} are set, and {len(free):,} are left to compare them with."
                raise OptionError(what, expected="fewer neurons", hint="--top 10")
            drawn[places[chosen] == place] = generator.permutation(free)[:n]
        return drawn

    def table(self, model: Model, *, concept: str) -> pa.Table:
        """Give the ranking as a table."""
        order = self.order
        columns = {
            "address": [self.addresses[each] for each in order.tolist()],
            "score": self.precision[order],
            "sign": self.sign[order].astype(np.int8),
            "on_p50": self.on["p50"][order],
            "on_mean": self.on["mean"][order],
            "off_mean": self.off[order],
        }
        return ranking_table(
            columns,
            runs=[],
            method="average precision",
            options={"concept": concept, "pooling": model.options.pooling},
            details={"base_rate": self.base_rate},
            models=[model.fingerprint],
        )


def read_to(text: str) -> To:
    """Read what neurons are set to."""
    if text in (*OF_CONCEPT, "zero", "translate"):
        return To(text)
    scale = _SCALE.fullmatch(text)
    try:
        number = float(scale[1] if scale else text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        what = f"Neurons are to be set to {text!r}."
        raise OptionError(what, expected="p50, p90, mean, zero, translate, a number or scale=NUMBER")
    return To("scale" if scale else "number", number)


def rank_experts(model: Model, part: Part, *, given: Sequence[str] | None = None) -> Experts:
    """Read every neuron in every sentence, and rank by average precision (Suau et al. 2020); or take an order.

    ``given``: Addresses in the order of a ranking; every neuron must be one of the model's.
    """
    values = model.activations(part.texts)
    kept = np.asarray(np.isfinite(values).all(axis=1))
    values, is_of = values[kept], part.is_of[kept]
    if is_of.all() or not is_of.any():
        read = f"{int(is_of.sum()):,} with and {int((~is_of).sum()):,} without the concept"
        what = f"Of {len(kept):,} sentences {read} could be read."
        raise OptionError(what, expected="some of both", hint="Give longer texts.")
    found = detect(values, is_of.astype(np.int64), classes=("other", "concept"), shares=())
    both = found.average_precision[:, 1]
    low = both[1] > both[0]
    precision = np.where(low, both[1], both[0])
    on = {"p50": found.on_p50[1], "p90": found.on_p90[1], "mean": values[is_of].mean(0, dtype=np.float64)}
    off = values[~is_of].mean(0, dtype=np.float64)
    order = np.lexsort((np.arange(len(precision)), -precision))
    if given is not None:
        order = _places(model, given)
    return Experts(model.addresses, precision, np.where(low, -1, 1), on, off, order, float(is_of.mean()))


def ranked_addresses(ranking: pa.Table | str | Path, n: int) -> tuple[list[str], tuple[str, ...]]:
    """Give the neurons of a ranking, each once, the fingerprints of its models; refuse one of fewer than ``n``."""
    table = ranking if isinstance(ranking, pa.Table) else read_ranking(ranking)
    known = provenance(table).models
    found = list(dict.fromkeys(table.column("address").to_pylist()))
    if not 0 < n <= len(found):
        what = f"The first {n:,} of a ranking of {len(found):,} neurons were asked for."
        raise OptionError(what, expected=f"from 1 to {len(found):,}", hint="--top 10")
    for each in found:
        read_address(each)
    return found, known


def _places(model: Model, given: Sequence[str]) -> NDArray[np.int64]:
    """Find the neurons of a ranking among the model's."""
    places = {address: place for place, address in enumerate(model.addresses)}
    if unknown := [each for each in given if each not in places]:
        what = (
            f"The model {model.name!r} has no neuron {unknown[0]} ({len(unknown):,} of {len(given):,} are missing)."
        )
        sites = ", ".join(model.options.sites)
        raise OptionError(
            what, expected=f"a ranking of its own neurons, at {sites}", hint="Rank this model's neurons."
        )
    return np.array([places[each] for each in given], np.int64)
