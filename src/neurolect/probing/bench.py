"""The planted bench: whether rankings find the neurons of which it is known what they read.

Dims: T units, N neurons.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.errors import OptionError, ProbingError
from neurolect.folders.atomic import write_json, write_table
from neurolect.folders.formats import neurolect_version
from neurolect.folders.lock import only_here
from neurolect.probing.methods import METHODS, WITHOUT_LABELS, check_method, rank_sample
from neurolect.probing.options import BenchOptions, ProbeOptions
from neurolect.probing.planted_cases import TRAPS, PlantedCase, make_case
from neurolect.probing.rankings.ranked import Ranked, by_scores
from neurolect.probing.samples import Sample
from neurolect.progress import NullProgress, Progress

TABLE, FACTS, CASES = "bench.parquet", "bench.json", "cases"
ROLES = ("detector", "decoy", "duplicate", "graded", "switch", "position", "conjunction", "distributed", "xor")
"""Roles that a concept is planted for."""
ALL = "all roles"
FIRST = 10
"""How many first neurons are looked at for traps."""
_SCHEMA = pa.schema(
    [
        *(("seed", pa.int64()), ("noise", pa.float64()), ("method", pa.string()), ("concept", pa.string())),
        *(("role", pa.string()), ("n", pa.int64()), ("recall", pa.float64()), ("average_precision", pa.float64())),
        *(("in_first", pa.float64()), ("signs_right", pa.float64()), ("seconds", pa.float64())),
    ]
)
_KEYS = ("seed", "noise", "concept", "address", "score")

Method = Callable[[NDArray[np.float32], NDArray[np.int64], tuple[str, ...]], NDArray[Any]]
"""From activations (T, N), labels (T,) and the two classes to a score for each neuron (N,)."""


class Bench(NamedTuple):
    """What a bench's folder has."""

    table: pa.Table
    """A row a model, method, concept and role; ``docs/planted_bench.md`` has the columns."""
    facts: dict[str, Any]
    """Means over concepts and models with their range over seeds, and how they were made."""


def planted_bench(
    out: str | Path,
    *,
    methods: Mapping[str, Method] | None = None,
    rankings: Sequence[str | Path] = (),
    options: BenchOptions | None = None,
    probe: ProbeOptions | None = None,
    progress: Progress | None = None,
) -> Bench:
    """Test methods of ranking on models in which it is known which neurons read a concept.

    What is in the folder from an earlier call with the same options is used again: models, activations, and what
    was measured of neurolect's own methods.

    Parameters
    ----------
    out : str or Path
        The folder to write, or to resume.
    methods : mapping of str to callable, optional
        Methods of yours: from activations (float32, shape (n_units, n_neurons)), labels (int64, shape (n_units,), 1
        for the concept) and the names of the two classes to a score for each neuron, the highest first.
    rankings : sequence of str or Path, optional
        Parquet or CSV files of scores that were made elsewhere, from ``cases`` in the folder: a row a neuron with
        ``seed``, ``noise``, ``concept``, ``address``, ``score``.
    options : BenchOptions, optional
        Models, sample, and which of neurolect's methods.
    probe : ProbeOptions, optional
        What neurolect's methods take.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Bench
        Table and facts, as written.

    Raises
    ------
    OptionError
        If there is no such method, or a method of yours has the name of one.
    ProbingError
        If scores are not one a neuron, a file lacks some, or something else is at `out`.
    """
    out, options, probe = Path(out), options or BenchOptions(), probe or ProbeOptions()
    progress, own = progress or NullProgress(), dict(methods or {})
    for name in options.methods:
        check_method(name, ["class"], concept=None)
    given = {name: scores for file in rankings for name, scores in _read_scores(Path(file)).items()}
    if taken := sorted((own.keys() | given) & METHODS.keys() | own.keys() & given.keys()):
        what = f"The name {taken[0]!r} is given to two methods."
        raise OptionError(
            what, expected="a name of its own", hint="The methods there are: neurolect rank ACTS --list"
        )
    if out.is_file() or (out.exists() and any(out.iterdir()) and not (out / CASES).is_dir()):
        what = f"{out} is there already and is no bench's folder; nothing is overwritten."
        raise ProbingError(what, expected="a folder that is not there yet", hint="Give another --out.")
    out.mkdir(parents=True, exist_ok=True)
    with only_here(out, doing="testing rankings"), _without_warnings_of_scale():
        plan = _Plan(options, probe, own, given, _known(out, options, probe))
        rows, left_out, n_neurons = _measured(out, plan, progress)
        table = pa.Table.from_pylist(rows, schema=_SCHEMA)
        facts = _facts(rows, plan, left_out=left_out, n_neurons=n_neurons)
        write_table(out / TABLE, table)
        write_json(out / FACTS, facts)
    return Bench(table, facts)


class _Plan(NamedTuple):
    """What is measured."""

    options: BenchOptions
    probe: ProbeOptions
    own: dict[str, Method]
    given: dict[str, dict[tuple[int, float, str], tuple[list[str], NDArray[np.float64]]]]
    known: list[dict[str, Any]]
    """Rows of an earlier call."""


@contextmanager
def _without_warnings_of_scale() -> Iterator[None]:
    """Leave out what every fit would say of the planted neuron of a huge scale."""
    logger = logging.getLogger("neurolect.probing.labels")

    def keeps(record: logging.LogRecord) -> bool:
        return "vary over 1000 times" not in record.msg

    logger.addFilter(keeps)
    try:
        yield
    finally:
        logger.removeFilter(keeps)


def _read_scores(path: Path) -> dict[str, dict[tuple[int, float, str], tuple[list[str], NDArray[np.float64]]]]:
    """Read a file of scores: by method (the file's name where it has no such column) and case."""
    try:
        table = pa_csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        what = f"{path} cannot be read: {error}"
        raise ProbingError(what, expected="a Parquet or CSV file") from error
    if missing := [name for name in _KEYS if name not in table.column_names]:
        what = f"{path} has no column {missing[0]!r}."
        raise ProbingError(what, expected=", ".join(_KEYS), hint="docs/planted_bench.md has an example.")
    found: dict[str, dict[tuple[int, float, str], tuple[list[str], list[float]]]] = {}
    for row in table.to_pylist():
        case = (int(row["seed"]), float(row["noise"]), str(row["concept"]))
        addresses, scores = found.setdefault(row.get("method") or path.stem, {}).setdefault(case, ([], []))
        addresses.append(row["address"])
        scores.append(np.nan if row["score"] is None else float(row["score"]))
    return {
        name: {case: (who, np.array(scores)) for case, (who, scores) in cases.items()}
        for name, cases in found.items()
    }


def _key(options: BenchOptions, probe: ProbeOptions) -> dict[str, Any]:
    """Give what measures depend on besides seed, noise and method."""
    made = {"sentences": options.sentences, "units": options.units}
    return {"bench": made, "probe": asdict(probe), "neurolect": neurolect_version()}


def _known(out: Path, options: BenchOptions, probe: ProbeOptions) -> list[dict[str, Any]]:
    """Read what an earlier call with the same options measured."""
    try:
        facts = json.loads((out / FACTS).read_text(encoding="utf-8"))
        rows: list[dict[str, Any]] = pq.read_table(out / TABLE).to_pylist()
    except (OSError, ValueError, pa.ArrowException):
        return []
    return rows if facts.get("key") == _key(options, probe) else []


def _measured(out: Path, plan: _Plan, progress: Progress) -> tuple[list[dict[str, Any]], list[str], int]:
    """Measure all methods on all cases."""
    names = plan.options.methods or tuple(name for name in METHODS if name not in WITHOUT_LABELS)
    cases = [(seed, noise) for noise in plan.options.noise for seed in range(plan.options.seeds)]
    rows, left_out, n_neurons = list[dict[str, Any]](), set[str](), 0
    with progress.task("Testing rankings", total=len(cases), unit="models") as task:
        for seed, noise in cases:
            there = [each for each in plan.known if (each["seed"], each["noise"]) == (seed, noise)]
            done = {each["method"] for each in there}
            rows += [each for each in there if each["method"] in names]
            missing = [name for name in names if name not in done]
            case = make_case(out / CASES, seed=seed, noise=noise, options=plan.options)
            n_neurons = len(case.addresses)
            for concept in case.concepts:
                sample = case.sample(concept, units=plan.options.units)
                if sample is None:
                    left_out.add(concept)
                    continue
                for name, ranked, seconds in _rankings(case, concept, sample, missing, plan):
                    facts = {"seed": seed, "noise": noise, "method": name, "seconds": seconds}
                    rows += [facts | each for each in rows_of(case, concept, ranked)]
            task.advance()
    return rows, sorted(left_out), n_neurons


def _rankings(
    case: PlantedCase, concept: str, sample: Sample, names: Sequence[str], plan: _Plan
) -> Iterator[tuple[str, Ranked, float | None]]:
    """Rank by all methods, with the seconds that each took."""
    options = ProbeOptions(**asdict(plan.probe) | {"seed": plan.probe.seed + case.seed})
    for name in names:
        begun = time.monotonic()
        ranked = rank_sample(sample, by=name, concept=concept, options=options).ranked
        yield name, ranked, time.monotonic() - begun
    train = sample.parts.train
    for name, method in plan.own.items():
        begun = time.monotonic()
        values = np.concatenate([block for _, block in sample.rows.blocks(train, None)])
        scores = np.asarray(method(values, sample.labels[train].copy(), sample.classes), np.float64)
        if scores.shape != (len(case.addresses),):
            what = f"The method {name!r} gave scores of the shape {scores.shape}."
            raise ProbingError(what, expected=f"({len(case.addresses)},): one a neuron")
        yield name, by_scores(scores), time.monotonic() - begun
    for name, known in plan.given.items():
        found = known.get((case.seed, case.noise, concept))
        if found is None or sorted(found[0]) != sorted(case.addresses):
            n = 0 if found is None else len(found[0])
            what = f"{name!r} has {n} scores for {concept!r}, seed {case.seed}, noise {case.noise:g}."
            expected = f"one for each of its {len(case.addresses)} neurons"
            raise ProbingError(what, expected=expected, hint=f"The activations are in {case.folder}.")
        of = dict(zip(found[0], found[1].tolist(), strict=True))
        yield name, by_scores(np.array([of[each] for each in case.addresses])), None


def rows_of(case: PlantedCase, concept: str, ranked: Ranked) -> Iterator[dict[str, Any]]:
    """Measure a ranking: a row for each role that the concept is planted for, and for each trap."""
    signs = {each.address: each.sign for each in case.neurons}
    first = set(ranked.order[:FIRST].tolist())
    for role in (*ROLES, *TRAPS):
        right, left_out = case.right(concept, role)
        neurons = case.of_role(role) if role in TRAPS else np.flatnonzero(right)
        neurons = neurons[~left_out[neurons]]
        if not len(neurons):
            continue
        row: dict[str, Any] = {"concept": concept, "role": role, "n": len(neurons)}
        row["in_first"] = len(first & set(neurons.tolist())) / len(neurons)
        if role not in TRAPS:
            row |= found_early(ranked.order[~left_out[ranked.order]], right)
            if ranked.signs is not None and role != "xor":
                truth = np.array([signs[case.addresses[each]] for each in neurons])
                row["signs_right"] = float((ranked.signs[neurons] == truth).mean())
        yield row


def found_early(order: NDArray[np.int64], right: NDArray[np.bool_]) -> dict[str, float]:
    """Give recall among as many first neurons as are right, and average precision."""
    hits, n = right[order], int(right.sum())
    precision = np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1)
    return {"recall": float(hits[:n].mean()), "average_precision": float(precision.sum() / n)}


def _facts(rows: list[dict[str, Any]], plan: _Plan, *, left_out: list[str], n_neurons: int) -> dict[str, Any]:
    """Sum rows up."""
    names = list(dict.fromkeys(each["method"] for each in rows))
    results = [
        {"noise": noise, "method": name, "role": role} | found
        for noise in plan.options.noise
        for name in names
        for role, found in _of_roles([each for each in rows if (each["noise"], each["method"]) == (noise, name)])
    ]
    of_method = {name: [each for each in rows if each["method"] == name] for name in names}
    return {
        "key": _key(plan.options, plan.probe),
        "options": asdict(plan.options),
        "n_neurons": n_neurons,
        "roles": {role: len({each["concept"] for each in rows if each["role"] == role}) for role in ROLES},
        "left_out": left_out,
        "results": results,
        "in_first": {
            name: {role: _mean([each["in_first"] for each in own if each["role"] == role]) for role in TRAPS}
            for name, own in of_method.items()
        },
        "signs_right": {
            name: _mean([each["signs_right"] for each in own if each.get("signs_right") is not None])
            for name, own in of_method.items()
        },
        "seconds": {
            name: _mean([each["seconds"] for each in own if each["seconds"] is not None])
            for name, own in of_method.items()
        },
    }


def _of_roles(rows: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give of every role, and of all, the means of seeds: their mean, the least and the greatest."""
    seeds = sorted({each["seed"] for each in rows})
    by_seed: dict[str, dict[str, list[float]]] = {}
    for role in ROLES:
        for measure in ("average_precision", "recall"):
            means = [_mean([each[measure] for each in rows if each["role"] == role and each["seed"] == seed])
                     for seed in seeds]  # fmt: skip
            known = [each for each in means if each is not None]
            if len(known) == len(seeds):
                by_seed.setdefault(role, {})[measure] = known
    if not by_seed:
        return
    by_seed[ALL] = {
        measure: np.mean([each[measure] for each in by_seed.values()], axis=0).tolist()
        for measure in ("average_precision", "recall")
    }
    for role, of_role in by_seed.items():
        yield (
            role,
            {
                measure: {"value": float(np.mean(means)), "low": min(means), "high": max(means)}
                for measure, means in of_role.items()
            },
        )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
