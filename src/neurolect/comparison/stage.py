"""Compare runs of several models over one corpus: neurons, layers, lists, distances."""

import dataclasses
import time
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from neurolect.comparison.common_ground import CommonGround, common_ground, common_sample
from neurolect.comparison.folder import Comparison, asked_of, finished, is_comparison, open_alone, put_together
from neurolect.comparison.inputs import (
    SentenceSet,
    check_names,
    load_models,
    parse_set,
    read_set,
    stored_values,
)
from neurolect.comparison.joint_moments import JointMoments
from neurolect.comparison.layers import DistanceSums, layer_rankings, usual_rankings
from neurolect.comparison.number_distances import number_distances
from neurolect.comparison.options import CompareOptions
from neurolect.comparison.pair_tables import Side, across_models, layer_rows, match_table, read_side
from neurolect.comparison.reading import Apart, Gathered, read_all
from neurolect.errors import OptionError
from neurolect.folders.atomic import check_writable
from neurolect.folders.parts import Parts, digest_of, unfinished
from neurolect.model.language_model import Model
from neurolect.model.trials.remembered import made_of
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run, open_run


def compare(
    runs: Sequence[Run | str | Path],
    *,
    out: str | Path | None = None,
    options: CompareOptions | None = None,
    stream: str | None = None,
    sentences: Sequence[str] = (),
    models: Sequence[str] = (),
    device: str = "cpu",
    progress: Progress | None = None,
) -> Comparison:
    """Compare runs of several models.

    Parameters
    ----------
    runs : sequence of Run, str or Path
        Two or more runs over one corpus, or their folders. Their stored activations are compared, unless ``stream``
        is given. The folder of a comparison alone is opened.
    out : str or Path, optional
        A folder to make of the tables, all of it or nothing. If this very comparison is there already it is opened,
        and nothing is computed or written.
    options : CompareOptions, optional
        Thresholds, numbers that layers are ranked by; the defaults when not given.
    stream : str, optional
        A corpus folder (or a file with a sentence in each row) that all models read now instead; memory does not
        grow with it.
    sentences : sequence of str
        Sentence sets ``NAME=SOURCE`` over which the distance between the models' activations is taken.
    models : sequence of str
        Where the runs' models are now, in their order; as in the manifests when empty.
    device : str
        Where models run; nothing is run without ``stream`` or ``sentences``.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    Comparison
        Tables in memory; with ``out`` they are read from the folder when they are asked for.

    Raises
    ------
    OptionError
        If fewer than two runs are given, or a sentence set cannot be read as ``NAME=SOURCE``, or is given while no
        two runs have the same neurons.
    RunFolderError
        If the runs are over different corpora or share too few stored sentences and nothing is streamed, a
        model is not the one that was collected, a run that is to be ranked is not described, or ``out`` is taken.
    ModelError
        If a model cannot be loaded.
    CorpusError
        If a sentence set cannot be read.
    """
    options, progress = options or CompareOptions(), progress or NullProgress()
    if is_comparison(runs):
        return open_alone(Path(str(runs[0])), asks=bool(out or stream or sentences) or options != CompareOptions())
    opened = [each if isinstance(each, Run) else open_run(each) for each in runs]
    ground = common_ground(opened, streamed=stream is not None)
    named = [parse_set(each) for each in sentences]
    check_names([name for name, _ in named])
    asked = asked_of(opened, ground.labels, options=dataclasses.asdict(options), stream=stream, sentences=sentences)
    if named and not _same_neurons(opened):
        what = "Sentence sets were given, but no two of the runs have the same neurons (sites, layers, widths)."
        hint = "leave --sentences out, or collect both models at the same sites"
        raise OptionError(what, expected="runs that a distance can be taken between", hint=hint)
    with unfinished("compare", [asked._asdict(), *map(_made_from, opened), torch.__version__]) as parts:
        if out is not None and (made := finished(Path(out), asked)) is not None:
            return made
        if out is not None:
            check_writable(Path(out))
        sets = [read_set(*each, limit=options.limit, seed=options.seed) for each in named]
        streamed = None if stream is None else read_set("stream", stream, limit=options.limit, seed=options.seed)
        read = [*sets, *([streamed] if streamed else [])]
        loaded = load_models(opened, names=models, device=device) if read else []
        of_read = digest_of(*map(made_of, loaded), *([each.name, list(each.texts)] for each in read))
        own = parts.of(of_read) if all(each.fingerprint for each in loaded) else Parts()
        work = _Work(opened, ground, options, own, progress)
        facts, tables = work.all(sets=sets, streamed=streamed, models=loaded)
        facts["source"] = "the runs' stored samples" if stream is None else str(stream)
        return put_together(asked, facts=facts, tables=tables, out=None if out is None else Path(out))


def _made_from(run: Run) -> dict[str, str | None]:
    """Name the makings of all stages of a run: numbers may be of any of them."""
    return {name: entry.get("id") for name, entry in run.manifest["stages"].items()}


class _Work:
    """What is compared, and what stops have left of that."""

    def __init__(
        self,
        runs: Sequence[Run],
        ground: CommonGround,
        options: CompareOptions,
        parts: Parts,
        progress: Progress,
    ) -> None:
        self.runs, self.ground, self.options, self.parts, self.progress = runs, ground, options, parts, progress
        self.notices = list(ground.notices)

    def all(
        self, *, sets: Sequence[SentenceSet], streamed: SentenceSet | None, models: Sequence[Model]
    ) -> tuple[dict[str, Any], dict[str, pa.Table | None]]:
        """Compute what the manifest says of a comparison, and its tables."""
        columns = common_sample(self.runs, labels=self.ground.labels) if streamed is None else []
        rankings, apart = self.numbers()
        start = time.monotonic()
        moments, dropped = self.stored(columns) if streamed is None else self.streamed(models, streamed)
        if dropped:
            self.notices.append(f"{dropped:,} sentences left out: an activation was NaN or infinite.")
        self.notices += _few_sentences(moments)
        seconds = {"activations": time.monotonic() - start}
        distances = self.distances(sets, models)
        seconds["distances"] = time.monotonic() - start - seconds["activations"]
        matches, across, layers = self.tables(moments)
        seconds["tables"] = time.monotonic() - start - sum(seconds.values())
        facts = {
            "n_sentences": moments.n_sentences,
            "chance_shared": _chance(self.runs[0], self.ground),
            "notices": self.notices,
            "seconds": {name: round(value, 3) for name, value in seconds.items()},
        }
        tables = {"matches": matches, "across": across, "layers": layers, "rankings": rankings}
        return facts, tables | {"distances": distances, "number_distances": apart}

    def numbers(self) -> tuple[pa.Table | None, pa.Table | None]:
        """Rank layers, and say how far apart models are, by numbers of their lists."""
        by, labels = self.options.rank_by or usual_rankings(self.runs), self.ground.labels
        if not by:
            return None, None
        with self.progress.task("numbers", total=len(by) + 1, unit="numbers") as task:
            rankings = [
                self.parts.table(
                    f"rankings-{n}", partial(layer_rankings, self.runs, labels=labels, by=[each]), task=task
                )
                for n, each in enumerate(by)
            ]
            make = partial(number_distances, self.runs, labels=labels, by=by)
            return pa.concat_tables(rankings), self.parts.table("number distances", make, task=task)

    def stored(self, columns: Sequence[NDArray[np.int64]]) -> tuple[JointMoments, int]:
        """Take in stored activations; after a stop too, for reading them takes no longer than reading moments."""
        gathered = Gathered(keep_values=len(columns[0]) < 2 * max(run.n_neurons for run in self.runs))
        with self.progress.task("stored activations", total=len(columns[0]), unit="sentences") as task:
            for values in stored_values(self.runs, columns=columns, task=task):
                gathered.take(values)
        return gathered.of_all()

    def streamed(self, models: Sequence[Model], streamed: SentenceSet) -> tuple[JointMoments, int]:
        """Run all models over a corpus."""
        gathered = Gathered(device=models[0].device)
        with self.progress.task("forward passes", total=len(streamed.texts), unit="sentences") as task:
            read_all(models, streamed.texts, gathered, parts=self.parts.of("stream"), task=task)
        return gathered.of_all()

    def tables(self, moments: JointMoments) -> tuple[pa.Table, pa.Table, pa.Table]:
        """Compare every two models, neuron by neuron and layer by layer."""
        sides = [read_side(number, run, self.ground) for number, run in enumerate(self.runs)]
        pairs = list(combinations(sides, 2))
        matches: dict[tuple[int, int], pa.Table] = {}
        layers = []
        total = sum(2 + len(first.layers) for first, _ in pairs)
        with self.progress.task("compare", total=total, unit="steps") as task:
            for first, second in pairs:
                how: dict[str, Any] = {"options": self.options, "task": task}
                how["parts"] = self.parts.of(f"{first.number}-{second.number}")
                tables = match_table(moments, first, second, **how)
                rows, shared = layer_rows(moments, first, second, partners=tables[0], **how)
                keys = (first.number, second.number), (second.number, first.number)
                for key, table, each in zip(keys, tables, shared, strict=True):
                    matches[key] = table.append_column("svcca", pa.array(each, pa.float32()))
                layers += rows
        across = [across_models(_of(matches, side, sides)) for side in sides]
        ordered = [matches[key] for key in sorted(matches)]
        return pa.concat_tables(ordered), pa.concat_tables(across), _layer_table(layers)

    def distances(self, sets: Sequence[SentenceSet], models: Sequence[Model]) -> pa.Table | None:
        """Run all models over every sentence set."""
        if not sets:
            return None
        runs, pairs = self.runs, _same_neurons(self.runs)
        if len(pairs) < len(runs) * (len(runs) - 1) // 2:
            self.notices.append("Distances are between runs of the same neurons (sites, layers, widths) alone.")
        rows: list[dict[str, object]] = []
        with self.progress.task("distances", total=sum(len(s.texts) for s in sets), unit="sentences") as task:
            for number, each in enumerate(sets):
                apart = Apart({pair: runs[pair[0]].index.offsets for pair in pairs})
                read_all(models, each.texts, apart, parts=self.parts.of(f"set-{number}"), task=task)
                if apart.dropped:
                    self.notices.append(
                        f"{apart.dropped:,} sentences of {each.name} left out: an activation was not finite."
                    )
                rows += _distance_rows(each.name, runs, apart.sums, self.ground.labels)
        return pa.Table.from_pylist(rows, schema=_DISTANCES)


def _few_sentences(moments: JointMoments) -> list[str]:
    """Warn of a number that says less than it seems to."""
    fitted, neurons = int(moments.n.min()), max(moments.widths)
    if fitted >= neurons:
        return []
    return [
        f"R2 is fitted on {fitted:,} sentences, fewer than the {neurons:,} neurons that explain: it is low even "
        "where layers are nearly the same."
    ]


def _chance(run: Run, ground: CommonGround) -> float | None:
    return ground.list_size / run.manifest["stages"]["collect"]["n_sentences"] if ground.sides else None


def _of(matches: dict[tuple[int, int], pa.Table], own: Side, sides: Sequence[Side]) -> list[pa.Table]:
    return [matches[own.number, other.number] for other in sides if other.number != own.number]


def _layer_table(rows: list[dict[str, object]]) -> pa.Table:
    kinds = {
        "layer": pa.int16(),
        "other_layer": pa.int16(),
        "svcca": pa.float32(),
        "svcca_held_out": pa.float32(),
        "n_directions": pa.int32(),
        "share_of_partners": pa.float32(),
    }
    return pa.table(
        {
            name: pa.array([row[name] for row in rows], kinds.get(name, pa.string()), from_pandas=True)
            for name in rows[0]
        }
    )


def _same_neurons(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """Name the pairs of runs that a distance can be taken between."""
    pairs = combinations(range(len(runs)), 2)
    return [(first, second) for first, second in pairs if runs[first].index == runs[second].index]


_DISTANCES = pa.schema(
    [
        ("set", pa.string()),
        ("run", pa.string()),
        ("other", pa.string()),
        ("site", pa.string()),
        ("layer", pa.int16()),
        ("n_sentences", pa.int64()),
        ("manhattan", pa.float64()),
        ("euclidean", pa.float64()),
        ("norm", pa.float64()),
    ]
)


def _distance_rows(
    name: str, runs: Sequence[Run], sums: dict[tuple[int, int], DistanceSums], labels: Sequence[str]
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for (first, second), own in sums.items():
        means = own.means()
        places: list[tuple[str | None, int | None]] = [
            *((each.site, each.layer) for each in runs[first].index.site_layers),
            (None, None),
        ]
        for at, (site, layer) in enumerate(places):
            rows.append(
                {
                    "set": name,
                    "run": labels[first],
                    "other": labels[second],
                    "site": site,
                    "layer": layer,
                    "n_sentences": means.n_sentences,
                    "manhattan": float(means.manhattan[at]) if means.n_sentences else None,
                    "euclidean": float(means.euclidean[at]) if means.n_sentences else None,
                    "norm": float(means.norm[at]) if means.n_sentences else None,
                }
            )
    return rows
