"""Judge rankings of a store's neurons: curves of accuracy, agreement, selectivity, stability, time.

Dims: T test units, N neurons, Z sizes.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import OptionError, ProbingError
from neurolect.folders.atomic import replacing_folder, write_json, write_table
from neurolect.folders.formats import JUDGEMENT, neurolect_version, read_manifest
from neurolect.folders.parquet import ParquetReader
from neurolect.folders.sums import sums_of
from neurolect.probing.activations.reader import ActivationStore, open_activations
from neurolect.probing.class_moments import class_moments
from neurolect.probing.fit import of_type, types_of
from neurolect.probing.judging import agreement
from neurolect.probing.judging.clusters import against_classes
from neurolect.probing.judging.curves import (
    Bootstrap,
    area,
    interval,
    masked_right,
    rows_of_curve,
    used_sizes,
)
from neurolect.probing.judging.given import Given, only_concept, read_given, read_used, say_others
from neurolect.probing.judging.sparse import sparse_probing
from neurolect.probing.labels import class_counts, said_once
from neurolect.probing.methods import METHODS, rank_sample
from neurolect.probing.options import JudgeOptions, ProbeOptions
from neurolect.probing.probes.fitting import fit_linear
from neurolect.probing.probes.gaussian import fit_gaussian
from neurolect.probing.probes.options import LinearOptions
from neurolect.probing.rankings.control import control_labels
from neurolect.probing.rankings.means import standardised_difference
from neurolect.probing.rankings.ranked import columns_of_neurons, random_order
from neurolect.probing.rows import widened
from neurolect.probing.samples import Sample, draw_sample, fingerprints
from neurolect.progress import NullProgress, Progress

TABLE, FACTS = "judge.parquet", JUDGEMENT.file
RANDOM, BASELINE = "random", "mean-difference"


class Judgement(NamedTuple):
    """What a judge's folder has."""

    table: pa.Table
    """A row a ranking, probe, way, end and size; ``k`` is null in the rows of areas."""
    facts: dict[str, Any]
    """All else."""


def judge(
    activations: ActivationStore | str | Path,
    rankings: Sequence[str | Path | pa.Table],
    *,
    out: str | Path,
    concept: str | None = None,
    options: JudgeOptions | None = None,
    probe: ProbeOptions | None = None,
    progress: Progress | None = None,
) -> Judgement:
    """Judge rankings of a store's neurons by what probes read of their first neurons.

    Differences of means and random orders are always judged too.

    Parameters
    ----------
    activations : ActivationStore, str or Path
        From :func:`read_activations`.
    rankings : sequence of str, Path or pyarrow.Table
        From :func:`rank_activations`, or any other ranking of all neurons of the store; what
        :func:`neurolect.interventions.ablate` measured of a ranking is reported next to them.
    out : str or Path
        The folder to write; a judge's folder that is there is replaced.
    concept : str, optional
        One of the classes, against as many other units; when not given the one that all rankings are for, else
        all classes.
    options : JudgeOptions, optional
        Sizes and numbers of samples.
    probe : ProbeOptions, optional
        Penalties, and what methods that are made again take.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Judgement

    Raises
    ------
    OptionError
        If the labels are numbers, or there is no such class.
    ProbingError
        If a ranking is of other neurons, there is one class only, or something else is at `out`.
    """
    out, options, probe = Path(out), options or JudgeOptions(), probe or ProbeOptions()
    if out.exists() and not (out / FACTS).is_file():
        what = f"{out} is there already and is no judge's folder; nothing is overwritten."
        raise ProbingError(what, expected="a folder that is not there yet", hint="Give another --out.")
    store = activations if isinstance(activations, ActivationStore) else open_activations(activations)
    if not store.classes:
        what = "The labels are numbers: rankings are judged by the classes that probes read."
        raise OptionError(what, expected="labels that are classes")
    given = read_given(rankings, store)
    concept = concept or only_concept(given, store.classes)
    size = options.units
    sample = draw_sample(store, sizes=(size, max(1, size // 4), max(1, size // 2)), seed=probe.seed)
    say_others(given, concept)
    if concept is not None:
        sample = sample.against_rest(concept, seed=probe.seed)
    case = Case(store, sample, concept, options, probe, progress or NullProgress())
    with said_once():
        made = case.judged(given)
    made.facts["used"] = read_used(rankings)
    with replacing_folder(out, error=ProbingError) as temporary:
        write_table(temporary / TABLE, made.table)
        says = {"format": JUDGEMENT.name, "schema_version": JUDGEMENT.version}
        write_json(temporary / FACTS, says | made.facts | {"files": {TABLE: sums_of(temporary / TABLE)}})
    return made


def open_judgement(folder: str | Path) -> Judgement:
    """Open what :func:`judge` left.

    Parameters
    ----------
    folder : str or Path
        A whole folder.

    Returns
    -------
    Judgement
        Its table and facts.

    Raises
    ------
    ProbingError
        If there is none, or it is damaged.
    """
    folder = Path(folder)
    facts = read_manifest(folder, JUDGEMENT)

    def damaged(how: str) -> ProbingError:
        what = f"{folder / TABLE} is damaged: {how}."
        return ProbingError(
            what, hint="Copy the folder again, or judge again: neurolect probing judge ACTS RANKING"
        )

    if not (folder / TABLE).is_file():
        how = "it is missing"
        raise damaged(how)
    with ParquetReader(folder / TABLE, damaged=damaged, doubted=True) as reader:
        return Judgement(reader.read(), facts)


class Case:
    """One sample of a store's units, on which all rankings are judged."""

    def __init__(
        self,
        store: ActivationStore,
        sample: Sample,
        concept: str | None,
        options: JudgeOptions,
        probe: ProbeOptions,
        progress: Progress,
    ) -> None:
        self.store, self.sample, self.concept, self.options, self.probe = store, sample, concept, options, probe
        self.progress, self.n_parts = progress, store.n_parts
        self.n = store.n_neurons // store.n_parts
        self.train, self.test = sample.parts.train, sample.parts.test
        self.labels = sample.labels
        class_counts(self.labels, self.train, classes=sample.classes, n_rows=sample.rows.n_rows)
        if len(self.test) == 0:
            what = "There is no test unit to judge on."
            raise ProbingError(what, expected="units in the test part")
        self.truth = self.labels[self.test]
        self.bootstrap = Bootstrap(sample.sentences[self.test], n=options.n_bootstrap, seed=probe.seed)
        self.moments = class_moments(sample.rows, self.labels, self.train, n_classes=len(sample.classes))
        self.fitting = LinearOptions(
            l1=probe.l1, l2=probe.l2, standardise=probe.standardise, gap=options.gap, gradient=1e-4
        )
        self.full = self._linear(np.arange(store.n_neurons), self.labels)

    def judged(self, given: list[Given]) -> Judgement:
        """Judge all rankings, the baseline and random orders."""
        begun = time.monotonic()
        if not any(each.method == BASELINE and each.concept == self.concept for each in given):
            order = self._again(BASELINE, self.sample, self.probe)
            runs = tuple(fingerprints(self.store))
            given = [*given, Given(BASELINE, order, BASELINE, self.concept, {}, None, runs)]
        seeds = range(self.probe.seed + 1, self.probe.seed + 1 + self.options.n_random)
        randoms = [random_order(self.n, seed=each).order for each in seeds]
        rows = list(self._curves(RANDOM, "random", randoms))
        with self.progress.task("Judging rankings", total=len(given), unit="rankings") as task:
            for each in given:
                rows += self._curves(each.name, "top", [each.order])
                rows += self._curves(each.name, "bottom", [each.order[::-1].copy()])
                task.advance()
        facts = self._facts(given) | {"seconds": round(time.monotonic() - begun, 1)}
        return Judgement(pa.Table.from_pylist(rows), facts)

    def _linear(self, columns: NDArray[np.int64], labels: NDArray[np.int64]) -> Any:  # noqa: ANN401 - a linear probe
        return fit_linear(
            self.sample.rows,
            labels,
            chosen=self.train,
            columns=columns,
            classes=self.sample.classes,
            options=self.fitting,
        )

    def _columns(self, neurons: NDArray[np.int64]) -> NDArray[np.int64]:
        return columns_of_neurons(neurons, n_neurons=self.n, n_parts=self.n_parts)

    def _right(self, columns: NDArray[np.int64], labels: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        """Say which test units a linear probe on some columns gets right."""
        labels = self.labels if labels is None else labels
        predicted = self._linear(columns, labels).predict(self.sample.rows, self.test)
        right: NDArray[np.bool_] = predicted == labels[self.test]
        return right

    def _right_gaussian(self, neurons: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Do so by a Gaussian probe; neurons that are constant in a class, without a density, are left out."""
        columns = self._columns(neurons)
        columns = columns[(self.moments.squares_KN[:, columns] > 0).all(axis=0)]
        if len(columns) == 0:
            right: NDArray[np.bool_] = self.truth == np.bincount(self.labels[self.train]).argmax()
            return right
        probe = fit_gaussian(
            self.sample.rows, self.labels, columns=columns, chosen=self.train, classes=self.sample.classes
        )
        right = probe.predict(self.sample.rows, self.test) == self.truth
        return right

    def _curves(self, name: str, end: str, orders: list[NDArray[np.int64]]) -> Iterator[dict[str, Any]]:
        """Give the rows of all curves; of several orders the mean."""
        options = self.options
        sizes = used_sizes(options.sizes, self.n)
        fewer = used_sizes(options.gaussian_sizes, self.n)
        removed = [each for each in used_sizes(options.removed_sizes, self.n) if each < self.n]
        values = np.concatenate([widened(block) for _, block in self.sample.rows.blocks(self.test, None)])
        found: dict[tuple[str, str, str], tuple[list[int], list[NDArray[Any]]]] = {}
        for order in orders:
            linear = [self._right(self._columns(order[:k])) for k in sizes]
            found.setdefault(("linear", "fitted again", "keep"), (sizes, []))[1].append(np.stack(linear))
            gaussian = [self._right_gaussian(order[:k]) for k in fewer]
            found.setdefault(("gaussian", "fitted again", "keep"), (fewer, []))[1].append(np.stack(gaussian))
            if removed and end != "bottom":
                rest = [self._right(self._columns(order[k:])) for k in removed]
                found.setdefault(("linear", "fitted again", "remove"), (removed, []))[1].append(np.stack(rest))
            masked = masked_right(
                self.full, values, self.truth, order=order, sizes=sizes, n_parts=self.n_parts
            )._asdict()
            for which, right in masked.items():
                way, value = which.split("_")
                found.setdefault(("linear", f"masked by {value}", way), (sizes, []))[1].append(right)
        for (kind, training, way), (at, rights) in found.items():
            mean, samples = self.bootstrap.accuracies(np.mean(rights, axis=0))
            spread = np.std([each.mean(axis=1) for each in rights], axis=0) if len(rights) > 1 else None
            facts = {"ranking": name, "end": end, "probe": kind, "training": training, "way": way}
            for place, row in enumerate(rows_of_curve(facts, at, mean, samples)):
                yield row | {"sd": None if spread is None else float(spread[place])}
            whole = interval(float(area(mean, at)), area(samples, at))
            yield facts | {"k": None} | whole._asdict() | {"sd": None}

    def _facts(self, given: list[Given]) -> dict[str, Any]:
        """Give all that is no curve."""
        majority = float((self.truth == np.bincount(self.labels[self.train]).argmax()).mean())
        right = self.full.predict(self.sample.rows, self.test) == self.truth
        whole, samples = self.bootstrap.accuracies(right[None])
        types = types_of(self.store, self.sample.units)
        best = None
        if types is not None:
            best = float((of_type(types, self.labels, self.sample.parts) == self.truth).mean())
        return {
            "neurolect": neurolect_version(),
            "rests_on": fingerprints(self.store),
            "concept": self.concept or self.store.manifest["concept"],
            "classes": list(self.sample.classes),
            "n_neurons": self.n,
            "sample": self.sample.facts,
            "test_units": len(self.test),
            "options": {"judge": asdict(self.options), "probe": asdict(self.probe)},
            "majority": majority,
            "of_type": best,
            "all_neurons": interval(float(whole[0]), samples[:, 0])._asdict(),
            "rankings": [
                {"name": each.name, "method": each.method, "concept": each.concept, "made_in_seconds": each.seconds}
                for each in given
            ],
            "agreement": self._agreement(given),
            "selectivity": self._selectivity(given, types),
            "clusters": self._clusters(given),
            "sparse": self._sparse(given),
            "stability": self._stability(given),
            "notes": self._notes(given, majority),
        }

    def _agreement(self, given: list[Given]) -> dict[str, Any]:
        orders = [each.order for each in given]
        at = used_sizes(self.options.agree_at, self.n)
        pairs = []
        for one, other in combinations(range(len(given)), 2):
            pair: dict[str, Any] = {"one": given[one].name, "other": given[other].name}
            pair["jaccard"] = {str(k): agreement.jaccard_at(orders[one], orders[other], k) for k in at}
            pair["rank_biased_overlap"] = agreement.rank_biased_overlap(orders[one], orders[other])
            pair["spearman"] = agreement.spearman(orders[one], orders[other])
            pairs.append(pair)
        votes, overlaps = {}, {}
        for place, each in enumerate(given):
            others = [order for other, order in enumerate(orders) if other != place]
            overlaps[each.name] = {
                str(k): float(np.mean([agreement.jaccard_at(each.order, order, k) for order in others]))
                for k in at
                if others
            }
            votes[each.name] = {
                kind: {str(k): agreement.neuron_vote(orders, place, k, with_itself=itself) for k in at}
                for kind, itself in (("without_itself", False), ("with_itself", True))
                if itself or others
            }
        return {"pairs": pairs, "average_overlap": overlaps, "neuron_vote": votes}

    def _sparse(self, given: list[Given]) -> list[dict[str, Any]]:
        """Probe each class by its own few neurons; only of several classes, and of words or sentences."""
        sizes = [each for each in used_sizes(self.options.sparse_sizes, self.n) if each < self.n]
        if len(self.sample.classes) < 3 or self.n_parts > 1 or not self.options.sparse_sizes or not sizes:
            return []
        return sparse_probing(
            self.sample,
            {each.name: each.of_classes for each in given if each.of_classes is not None},
            sizes=sizes,
            options=self.fitting,
            n_bootstrap=self.options.n_bootstrap,
            seed=self.probe.seed,
        )

    def _clusters(self, given: list[Given]) -> dict[str, Any]:
        """Compare groups of neurons with the classes that they differ most for; of two classes there are none."""
        if len(self.sample.classes) < 3 or self.n_parts > 1:
            return {}
        of_classes = standardised_difference(self.moments).class_scores
        best_N = np.zeros(self.n, np.int64) if of_classes is None else of_classes.argmax(axis=0)
        varies_N = self.moments.all_sd() > 0
        found = {}
        for each in given:
            if each.groups is None:
                continue
            kept = (each.groups >= 0) & varies_N[each.order]
            classes, n = best_N[each.order[kept]], self.options.n_bootstrap
            found[each.name] = against_classes(
                each.groups[kept], classes, names=self.sample.classes, n=n, seed=self.probe.seed
            )
        return found

    def _selectivity(self, given: list[Given], types: list[str] | None) -> dict[str, Any] | None:
        """Give accuracy less that on a control task, on the first neurons; None of sentences."""
        if types is None:
            return None
        n_classes = len(self.sample.classes)
        control = control_labels(types, self.labels, train=self.train, n_classes=n_classes, seed=self.probe.seed)
        if (np.bincount(control[self.train], minlength=n_classes) == 0).any():
            return None
        found: dict[str, Any] = {}
        random = random_order(self.n, seed=self.probe.seed + 1).order
        for each in [*given, Given(RANDOM, random, RANDOM, None, {}, None, ())]:
            found[each.name] = {}
            for k in used_sizes((10, 100), self.n):
                columns = self._columns(each.order[:k])
                rights = np.stack([self._right(columns), self._right(columns, control)]).astype(np.float64)
                values, samples = self.bootstrap.accuracies(rights)
                found[each.name][str(k)] = {
                    "accuracy": values[0],
                    "control": values[1],
                    "selectivity": interval(values[0] - values[1], samples[:, 0] - samples[:, 1])._asdict(),
                }
        return found

    def _again(self, method: str, sample: Sample, probe: ProbeOptions) -> NDArray[np.int64]:
        concept = None if self.concept is None else self.sample.classes[1]
        made = rank_sample(sample, by=method, concept=concept, options=probe, n_parts=self.n_parts)
        return made.ranked.order

    def _stability(self, given: list[Given]) -> dict[str, Any]:
        """Make each ranking again from bootstrap samples of sentences, and compare those with each other."""
        found: dict[str, Any] = {}
        known = {*ProbeOptions.__dataclass_fields__}
        for each in given:
            too_long = (each.seconds or 0.0) > self.options.stability_seconds
            if self.options.n_stability < 2 or each.method not in METHODS or each.method == RANDOM or too_long:
                found[each.name] = None
                continue
            own = ProbeOptions(**{name: value for name, value in each.options.items() if name in known})
            begun = time.monotonic()
            orders = [
                self._again(each.method, self.sample.resampled(self.probe.seed + seed), own)
                for seed in range(self.options.n_stability)
            ]
            found[each.name] = {
                "seconds_each": round((time.monotonic() - begun) / len(orders), 2),
                "jaccard": {
                    str(k): float(np.mean([agreement.jaccard_at(*two, k) for two in combinations(orders, 2)]))
                    for k in used_sizes(self.options.agree_at, self.n)
                },
            }
        return found

    def _notes(self, given: list[Given], majority: float) -> list[str]:
        notes = []
        train, test = (self.sample.facts[part] for part in ("train", "test"))
        if train["units"] < train["of"] or test["units"] < test["of"]:
            notes.append(
                f"Subsampled: {len(self.train):,} of {train['of']:,} training units, {len(self.test):,} of "
                f"{test['of']:,} test units; whole sentences, with {train['added_to_small_classes']:,} and "
                f"{test['added_to_small_classes']:,} units added to small classes."
            )
        if majority > 0.95:
            notes.append(
                f"The most frequent class alone has an accuracy of {majority:.3f}: under 5 points are left."
            )
        own = fingerprints(self.store)
        if foreign := [each.name for each in given if tuple(own) != each.runs]:
            notes.append(f"Made from other activations or labels: {', '.join(foreign)}.")
        if more := [f"{each.name} ({each.n_others:,})" for each in given if each.n_others]:
            notes.append(f"Of other neurons, left out: {', '.join(more)}.")
        if fewer := [f"{each.name} ({each.n_missing:,})" for each in given if each.n_missing]:
            notes.append(f"Of neurons that the ranking does not have, put last: {', '.join(fewer)}.")
        if others := [each.name for each in given if each.concept != self.concept]:
            notes.append(f"Ranked for another concept than the one judged: {', '.join(others)}.")
        limit = self.options.stability_seconds
        if left_out := [each.name for each in given if each.method not in METHODS or (each.seconds or 0.0) > limit]:
            notes.append(f"Not made again for stability (unknown, or too slow): {', '.join(left_out)}.")
        if constant := int((self.moments.all_sd() == 0).sum()):
            notes.append(f"{constant:,} columns are constant.")
        return notes
