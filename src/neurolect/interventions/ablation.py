"""What setting neurons changes: one by one, by groups and layers, next to random neurons of the same layers."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import ModelError, NeuronAddressError, OptionError
from neurolect.folders.parts import Parts
from neurolect.interventions.changes import addresses_of_ranking, read_address
from neurolect.interventions.effects import (
    Pairs,
    Reference,
    effects_of_group,
    effects_of_pairs,
    references_of,
)
from neurolect.interventions.estimate import estimated_changes
from neurolect.interventions.measured_texts import Measured, measured_texts
from neurolect.interventions.options import EditOptions
from neurolect.interventions.outcomes import UNITS
from neurolect.interventions.resuming import Rest, tap_at
from neurolect.interventions.stops import digest_of_texts, parts_of
from neurolect.model.architecture.taps import Tap
from neurolect.model.language_model import Model
from neurolect.model.load import load_with_head
from neurolect.model.options import ModelOptions
from neurolect.progress import NullProgress, Progress, Task
from neurolect.results.table import provenance, ranking_table, read_ranking
from neurolect.statistics.sorting import rank_correlation_of

logger = logging.getLogger(__name__)

_FEW = 200
"""Neurons that are all measured on a CPU."""
_FIRST = 50
"""Neurons that are measured on a CPU where there are more, by estimate the first, and as many at random."""
_RANDOM_GROUPS = 5
"""Random groups that a group is compared with, where the option does not ask for fewer."""


class Neurons(NamedTuple):
    """Neurons that are set together: the columns of each site and layer."""

    name: str
    columns: dict[tuple[str, int], NDArray[np.int64]]

    @property
    def n(self) -> int:
        """How many."""
        return sum(len(each) for each in self.columns.values())

    @property
    def key(self) -> list[object]:
        """Name them in plain values."""
        return [self.name, *([*place, own.tolist()] for place, own in self.columns.items())]


def ablate(
    model: Model | str,
    neurons: Sequence[str] | pa.Table | str | Path,
    *,
    on: Sequence[str] | str | Path,
    each: bool = False,
    options: EditOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> pa.Table:
    """Set neurons of the running model and measure what changes.

    With a language-modelling head that is the loss of the next token (or of masked ones, 15 % of a sentence's
    tokens) and the Kullback-Leibler divergence of the distributions of tokens; with a classifier the loss, the
    accuracy and the share of answers that change; without a head the cosine distance of the sentence embedding
    (the mean of the last hidden states over all tokens).

    Parameters
    ----------
    model : Model or str
        From :func:`neurolect.load_model`, with the head to measure by; or its name, and the head it was trained
        with is used.
    neurons : sequence of str, pyarrow.Table, str or Path
        Addresses (``mlp.15.200``; ``mlp.15.0-9``; ``mlp.15``, a layer), each set by itself; or a ranking, whose
        first neurons are set together, each group next to as many of the last ones and to random ones; a ranking
        of another model is warned of.
    on : sequence of str, str or Path
        Texts; a corpus folder; or a file or folder that a corpus can be made of.
    each : bool
        Every neuron of the addresses by itself, and an estimate for all of them from one pass.
    options : EditOptions, optional
        What neurons are set to, how many texts, and the rest.
    model_options : ModelOptions, optional
        How a model that is named is loaded.
    device : str
        Where it runs.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    pyarrow.Table
        A ranking: ``score`` is the change of the loss (or the distance), the greatest first, with its interval
        ``low`` and ``high`` over resampled texts, ``kl`` and what else the outcome has, ``estimate`` (its first
        order; second for distances), ``random`` and ``random_high`` (median and greatest change of random neurons
        or groups of the same layers), ``n_neurons``. Neurons of ``each`` that were only estimated have no score
        and come last. Provenance: ``outcome``, ``plain_loss``, ``n_texts``, ``rank_correlation`` ...

    Raises
    ------
    NeuronAddressError
        If there is no such neuron.
    OptionError
        If no neuron or text is given, or the ranking cannot be read.
    ModelError
        If a site cannot be set, the model has no head that is known, or what it gives is NaN.

    References
    ----------
    Sajjad, Durrani and Dalvi (2022), Neuron-level Interpretation of Deep NLP Models: A Survey, section 3.2.

    Examples
    --------
    >>> model = neurolect.load_model("smollm2", head="lm")  # doctest: +SKIP
    >>> ablate(model, ["mlp.15.200", "mlp.3"], on="corpus")  # doctest: +SKIP
    """
    options, progress = options or EditOptions(), progress or NullProgress()
    if isinstance(neurons, Path) or (isinstance(neurons, str) and Path(neurons).suffix == ".parquet"):
        neurons = read_ranking(neurons)
    asked = _asked(neurons, top=options.top)
    if not asked:
        what = "No neuron was given to set."
        raise OptionError(what, expected="addresses (mlp.15.200, mlp.15) or a ranking")
    loaded = isinstance(model, str)
    if isinstance(model, str):
        with progress.step("load the model"):
            model = load_with_head(model, options=model_options, device=device)
    measured = measured_texts(model, on, options=options)
    rests_on = [asdict(options), each, [one.key for one in asked], digest_of_texts(measured.texts)]
    if isinstance(neurons, pa.Table) and (note := foreign(neurons, model)):
        logger.warning(note)
        measured = measured._replace(notices=(*measured.notices, note))
    with parts_of("ablate", model, loaded=loaded, rests_on=rests_on) as parts:
        work = _Work(model, measured, options, progress, parts)
        columns = work.each(asked) if each else work.groups(asked)
        facts = work.facts() | ({"rank_correlation": work.correlation} if each else {})
    if not np.isfinite(np.array(columns["score"], dtype=np.float64)).any():
        n_texts = int(work.texts.usable.sum())
        what = f"What {model.name!r} gives is NaN on all {n_texts:,} texts, as it is or after neurons are set."
        raise ModelError(what, expected="finite numbers", hint="--set model.dtype=float32, if it is another one")
    said = asdict(options) | {"neurons": [one.name for one in asked], "each": each, "model": model.name}
    own = [model.fingerprint]
    return ranking_table(
        columns, runs=own, method="ablate", options=said, seed=options.seed, details=facts, models=own
    )


def _asked(neurons: Sequence[str] | pa.Table | str, *, top: Sequence[int]) -> list[Neurons]:
    """Read what is to be set together."""
    if not isinstance(neurons, pa.Table):
        addresses = [neurons] if isinstance(neurons, str) else list(neurons)
        return [_of_addresses(str(address), [str(address)]) for address in addresses]
    method, found = provenance(neurons).method, []
    for n in top:
        found.append(_of_addresses(f"first {n} of {method}", addresses_of_ranking(neurons, n)))
        last = addresses_of_ranking(neurons, n, last=True)
        if not {*last} & {*addresses_of_ranking(neurons, n)}:
            found.append(_of_addresses(f"last {n} of {method}", last))
    return found


def foreign(ranking: pa.Table, model: Model) -> str | None:
    """Say that a ranking is of another model; of a variant that may be what is wanted."""
    known = provenance(ranking).models
    if not known or not model.fingerprint or model.fingerprint in known:
        return None
    of = f"a model with the fingerprint {' or '.join(known)}"
    return f"The ranking is of another model's neurons ({of}; {model.name!r} has {model.fingerprint})."


def _of_addresses(name: str, addresses: Sequence[str]) -> Neurons:
    """Put addresses together; all of a layer have no columns yet."""
    columns: dict[tuple[str, int], list[NDArray[np.int64]]] = {}
    for address in addresses:
        site, layer, own = read_address(address)
        columns.setdefault((site, layer), []).append(np.array([-1]) if own is None else own)
    return Neurons(name, {place: np.unique(np.concatenate(each)) for place, each in columns.items()})


class _Work:
    """Everything that is measured of one model on the same texts."""

    def __init__(
        self, model: Model, measured: Measured, options: EditOptions, progress: Progress, parts: Parts
    ) -> None:
        self.model, self.measured, self.options, self.progress = model, measured, options, progress
        self.parts = parts
        self.texts = measured.texts
        self.correlation: float | None = None
        self.n_nan = 0
        """Texts on which a measurement gave NaN, at most."""
        self._taps: dict[tuple[str, int], Tap] = {}
        self._references: dict[tuple[str, int], Reference] = {}

    def facts(self) -> dict[str, Any]:
        """Say on what it rests."""
        texts = self.texts
        with self.progress.task("plain loss", total=int(texts.usable.sum()), unit="sentences") as task:
            losses = self.parts.made("losses", lambda: {"all": texts.losses(task=task)})["all"]
        plain = mean_of(losses, texts.weights)
        return {
            "outcome": texts.kind,
            "unit": UNITS[texts.kind],
            "plain_loss": plain if np.isfinite(plain) else None,
            "n_texts": int(texts.usable.sum()),
            "n_predicted": int(texts.weights.sum()),
            "n_left_out": int((~texts.usable).sum()),
            "n_nan": self.n_nan,
            "n_found": self.measured.n_found,
            "source": self.measured.source,
            "notices": list(self.measured.notices),
        }

    def groups(self, asked: Sequence[Neurons]) -> dict[str, Any]:
        """Measure neurons, groups and layers, each next to random neurons of the same layers."""
        asked = [self._resolved(one) for one in asked]
        n_random = self.options.controls
        drawn = [n_random if one.n == 1 else min(n_random, _RANDOM_GROUPS) for one in asked]
        rows = []
        estimates = self._estimates(asked)
        n_usable = int(self.texts.usable.sum())
        total = (len(asked) + sum(drawn)) * n_usable
        with self.progress.task("ablate", total=total, unit="sentences") as task:
            for number, (one, n, estimate) in enumerate(zip(asked, drawn, estimates, strict=True)):
                own = self._effect(one, f"{number}", task)
                random = [
                    self._score(self._effect(other, f"{number}-random-{draw}", task))
                    for draw, other in enumerate(self._random(one, n=n))
                ]
                task.advance((n - len(random)) * n_usable)  # none where the layer has too few others
                rows.append(self._row(one, own) | {"estimate": estimate} | _compared(random))
        return _as_columns(rows)

    def each(self, asked: Sequence[Neurons]) -> dict[str, Any]:
        """Measure every neuron by itself: all to first order, and exactly those that are first by it."""
        together = self._resolved(_joined(asked))
        sizes = [len(columns) for columns in together.columns.values()]
        estimates = np.concatenate(self._estimated(list(together.columns.items())))
        chosen, random = self._exact(estimates)
        names = [f"{s}.{n}.{c}" for (s, n), columns in together.columns.items() for c in columns.tolist()]
        effects: dict[str, NDArray[np.float32]] = {}
        starts = np.concatenate([[0], np.cumsum(sizes)])
        n_texts = len(self.texts.lengths)
        usable = np.flatnonzero(self.texts.usable)
        with self.progress.task("ablate", total=len(chosen) * len(usable), unit="sentences") as task:
            for number, (place, columns) in enumerate(together.columns.items()):
                own = chosen[(chosen >= starts[number]) & (chosen < starts[number + 1])]
                if not len(own):
                    continue
                at = np.repeat(np.arange(len(own)), len(usable))
                pairs = Pairs(np.tile(usable, len(own)), columns[own - starts[number]][at])
                rest = Rest(self.texts, *place)
                parts = self.parts.of(".".join(map(str, place)))
                made = effects_of_pairs(rest, pairs, reference=self._references[place], task=task, parts=parts)
                for name, values in made.items():
                    whole = effects.setdefault(name, np.full((len(names), n_texts), np.nan, np.float32))
                    whole[own[at], pairs.text] = values
        rows = [
            self._row(name, {key: values[number] for key, values in effects.items()})
            | {"estimate": estimates[number]}
            for number, name in enumerate(names)
        ]
        scores = np.array([row["score"] for row in rows])
        self.correlation = rank_correlation_of(estimates[random], scores[random])
        return _as_columns(rows)

    def _exact(self, estimates: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Choose the neurons that are measured: all of them, or the first by estimate and as many at random."""
        n = self.options.exact
        if n is None:
            n = len(estimates) if self.model.device.type == "cuda" or len(estimates) <= _FEW else _FIRST
        order = np.random.default_rng(self.options.seed).permutation(len(estimates))
        random = np.sort(order[: max(n, 1)])
        first = np.argsort(-np.abs(estimates), kind="stable")[:n]
        return np.union1d(first, random), random

    def _resolved(self, one: Neurons) -> Neurons:
        """Check the columns of a group, and give a whole layer all of its columns."""
        columns = {}
        for place, own in one.columns.items():
            width = self._tap(place).place.width
            if own.max() >= width:
                what = f"There is no neuron {'.'.join(map(str, place))}.{own.max()}: the layer has {width:,}."
                raise NeuronAddressError(what, expected=f"an index from 0 to {width - 1}")
            columns[place] = np.arange(width) if own[0] < 0 else own
        return Neurons(one.name, columns)

    def _tap(self, place: tuple[str, int]) -> Tap:
        if place not in self._taps:
            self._taps[place] = tap_at(self.model, *place)
        return self._taps[place]

    def _effect(self, one: Neurons, name: str, task: Task) -> dict[str, NDArray[np.float32]]:
        """Measure neurons that are set together, text by text."""
        places, parts = list(one.columns), self.parts.of(name)
        references = [self._references[place] for place in places]
        if one.n == 1:
            usable = np.flatnonzero(self.texts.usable)
            pairs = Pairs(usable, np.full(len(usable), one.columns[places[0]][0]))
            rest = Rest(self.texts, *places[0])
            made = effects_of_pairs(rest, pairs, reference=references[0], task=task, parts=parts)
            whole = {name: np.full(len(self.texts.lengths), np.nan, np.float32) for name in made}
            for name, values in made.items():
                whole[name][usable] = values
            return whole
        taps = [self._tap(place) for place in places]
        columns = list(one.columns.values())
        return effects_of_group(self.texts, taps, columns, references, task=task, parts=parts)

    def _random(self, one: Neurons, *, n: int) -> Iterator[Neurons]:
        """Draw groups as large from the same sites and layers, without the neurons themselves."""
        random = np.random.default_rng([self.options.seed, one.n])
        rest = {
            place: np.setdiff1d(np.arange(self._tap(place).place.width), own) for place, own in one.columns.items()
        }
        if any(len(rest[place]) < len(own) for place, own in one.columns.items()):
            return
        for _ in range(n):
            drawn = {
                place: np.sort(random.permutation(rest[place])[: len(own)]) for place, own in one.columns.items()
            }
            yield Neurons("random", drawn)

    def _estimates(self, asked: Sequence[Neurons]) -> list[float]:
        """Add up the estimates of the neurons of each group."""
        together = self._resolved(_joined(asked))
        found = dict(zip(together.columns, self._estimated(list(together.columns.items())), strict=True))
        return [
            float(
                sum(
                    found[place][np.searchsorted(together.columns[place], own)].sum()
                    for place, own in one.columns.items()
                )
            )
            for one in asked
        ]

    def _estimated(self, wanted: Sequence[tuple[tuple[str, int], NDArray[np.int64]]]) -> list[NDArray[np.float64]]:
        """Estimate neurons of several layers in one pass."""
        taps = [self._tap(place) for place, _ in wanted]
        n_usable = int(self.texts.usable.sum())
        with self.progress.task("means", total=n_usable, unit="sentences") as task:
            how: dict[str, Any] = {"to": self.options.to, "seed": self.options.seed}
            made = references_of(self.texts, taps, **how, task=task, parts=self.parts)
        self._references = dict(zip((place for place, _ in wanted), made, strict=True))
        values = [each.set_to for each in made]
        with self.progress.task("estimate", total=n_usable, unit="sentences") as task:
            found = estimated_changes(self.texts, taps, values, seed=self.options.seed, task=task, parts=self.parts)
        parts = np.split(found, np.cumsum([tap.place.width for tap in taps])[:-1])
        return [part[own] for part, (_, own) in zip(parts, wanted, strict=True)]

    def _score(self, effect: Mapping[str, NDArray[np.float32]]) -> float:
        """Give the mean of the main change over what is predicted, of the texts where it is a number."""
        main, weights = effect[self.texts.main], self.texts.weights
        there = np.isfinite(main[weights > 0])
        if there.any():  # else it was only estimated
            self.n_nan = max(self.n_nan, int((~there).sum()))
        return mean_of(main, weights)

    def _row(self, one: Neurons | str, effect: Mapping[str, NDArray[np.float32]]) -> dict[str, Any]:
        """Lay one measurement out."""
        row: dict[str, Any] = {"address": one if isinstance(one, str) else one.name}
        row["n_neurons"] = 1 if isinstance(one, str) else one.n
        weights = self.texts.weights
        main = effect[self.texts.main]
        row["score"] = self._score(effect)
        row["low"], row["high"] = interval_of(main, weights, self.options)
        for name, values in effect.items():
            if name != self.texts.main and not name.startswith("peak_"):
                row[name] = mean_of(values, weights)
        return row


def _joined(asked: Sequence[Neurons]) -> Neurons:
    columns: dict[tuple[str, int], NDArray[np.int64]] = {}
    for one in asked:
        for place, own in one.columns.items():
            before = columns.get(place)
            whole = own[0] < 0 or (before is not None and before[0] < 0)
            columns[place] = np.array([-1]) if whole else own if before is None else np.union1d(before, own)
    return Neurons("all", columns)


def mean_of(values: NDArray[np.floating[Any]], weights: NDArray[np.float64]) -> float:
    """Average over what is predicted; texts of NaN or of nothing are left out."""
    there = np.isfinite(values) & (weights > 0)
    return (
        float(np.average(values[there].astype(np.float64), weights=weights[there])) if there.any() else float("nan")
    )


def interval_of(
    values: NDArray[np.float32], weights: NDArray[np.float64], options: EditOptions
) -> tuple[float, float]:
    """Resample texts; give the interval of the mean over what is predicted."""
    there = np.isfinite(values) & (weights > 0)
    n = int(there.sum())
    if n < 2:
        return float("nan"), float("nan")
    own, size = values[there].astype(np.float64), weights[there]
    counts = np.random.default_rng(options.seed).multinomial(n, np.full(n, 1.0 / n), size=options.n_bootstrap)
    means = (counts @ (own * size)) / (counts @ size)
    tail = 0.5 * (1.0 - options.interval)
    low, high = np.quantile(means, (tail, 1.0 - tail))
    return float(low), float(high)


def _compared(random: Sequence[float]) -> dict[str, Any]:
    """Summarise random neurons or groups."""
    if not random:
        return {"random": None, "random_high": None, "n_random": 0}
    return {"random": float(np.median(random)), "random_high": float(np.max(random)), "n_random": len(random)}


def _as_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put the greatest change first; what was only estimated comes last, by its estimate."""

    def key(row: Mapping[str, Any]) -> tuple[bool, float]:
        measured = row["score"] is not None and np.isfinite(row["score"])
        value = row["score"] if measured else row["estimate"]
        return not measured, -float(value)

    ordered = sorted(rows, key=key)
    names = dict.fromkeys(name for row in ordered for name in row)
    return {name: [row.get(name) for row in ordered] for name in names}
