"""A comparison and its folder: written whole or not at all, opened again, read when asked."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Required, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neurolect.errors import OptionError, RunFolderError
from neurolect.folders.atomic import replacing_folder, write_json, write_table
from neurolect.folders.formats import COMPARISON, RUN, check_types, format_of, neurolect_version, read_manifest
from neurolect.folders.parquet import ParquetReader
from neurolect.folders.sums import FileEntry, change_of, sums_of
from neurolect.results.table import fingerprint, ranking_table
from neurolect.statistics.sorting import descending_ranks
from neurolect.store import Run
from neurolect.store import read_manifest as read_run_manifest
from neurolect.store.manifest import RunManifest, now, package_versions
from neurolect.store.notebook import Shown
from neurolect.store.stages import state_of
from neurolect.visible import quoted

RANKINGS = pa.schema(
    [
        ("by", pa.string()),
        ("label", pa.string()),
        ("run", pa.string()),
        ("site", pa.string()),
        ("layer", pa.int16()),
        ("n", pa.int32()),
        ("mean", pa.float64()),
        *((f"rank_{name}", pa.float32()) for name in ("least", "q1", "median", "q3", "greatest")),
    ]
)
_TABLES = ("matches", "across", "layers", "rankings", "number_distances", "distances")
_STAGES = {"collect": "was collected again", "describe": "has other signatures"}
_ASKED = ("options", "stream", "sentences")


class Asked(NamedTuple):
    """What a comparison is of: two of the same are the same comparison."""

    runs: list[dict[str, Any]]
    """As in the manifest: label, path, fingerprints of model and corpus, ids of the stages that are read."""

    options: dict[str, Any]
    """Of :class:`CompareOptions`."""

    stream: str | None
    """The corpus that was streamed."""

    sentences: list[str]
    """Sentence sets, as given."""


class _RunEntry(TypedDict, total=False):
    """One of the runs compared."""

    label: Required[str]
    path: str
    model: str
    corpus: str
    fingerprint: str
    collect: str | None
    describe: str | None


class _RunNow(TypedDict):
    """One of the runs compared, since version 2."""

    label: str
    path: str
    model: str
    corpus: str
    fingerprint: str
    collect: str | None
    describe: str | None


class _Runs(TypedDict):
    """What version 2 has and version 1 lacks."""

    runs: list[_RunNow]


class ComparisonManifest(TypedDict, total=False):
    """``manifest.json`` of a comparison folder; version 1 has other keys."""

    schema_version: Required[int]
    runs: list[_RunEntry]
    labels: list[str]
    options: Required[dict[str, Any]]
    stream: str | None
    sentences: list[str]
    source: Required[str]
    n_sentences: Required[int]
    chance_shared: Required[float | None]
    notices: Required[list[str]]
    seconds: Required[dict[str, float]]
    rankings: list[dict[str, Any]] | None
    files: dict[str, FileEntry]


class Comparison(Shown):
    """Several models side by side; a table of a folder is read when it is first asked for.

    Parameters
    ----------
    manifest : mapping
        As in ``docs/comparison_folder.md``.
    folder : Path, optional
        Where the tables lie; without one they are all given.
    tables : mapping of str to pyarrow.Table, optional
        Tables in memory.

    Attributes
    ----------
    manifest : mapping
        What was compared, with what.
    folder : Path or None
        Where it lies.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        *,
        folder: Path | None = None,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> None:
        self.manifest, self.folder = manifest, folder
        self._tables = dict(tables or {})

    def __repr__(self) -> str:
        return f"Comparison({', '.join(self.labels)}: {self.n_sentences:,} sentences)"

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the runs."""
        return tuple(run["label"] for run in self.manifest["runs"])

    @property
    def source(self) -> str:
        """Where the activations are from."""
        return str(self.manifest["source"])

    @property
    def n_sentences(self) -> int:
        """Sentences they are of."""
        return int(self.manifest["n_sentences"])

    @property
    def options(self) -> dict[str, Any]:
        """As given."""
        return dict(self.manifest["options"])

    @property
    def chance_shared(self) -> float | None:
        """Share of a list that two lists have in common by chance; None where lists are not compared."""
        share: float | None = self.manifest["chance_shared"]
        return share

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader should know."""
        return tuple(self.manifest["notices"])

    @property
    def seconds(self) -> dict[str, float]:
        """Time of the steps: ``activations`` (reading them, or the forward passes), ``distances``, ``tables``."""
        return dict(self.manifest["seconds"])

    @property
    def matches(self) -> pa.Table:
        """A row for each neuron and other run."""
        return self._table("matches")

    @property
    def across(self) -> pa.Table:
        """A row for each neuron: how well all other models know it."""
        return self._table("across")

    @property
    def layers(self) -> pa.Table:
        """A row for each two layers of two runs."""
        return self._table("layers")

    @property
    def rankings(self) -> pa.Table | None:
        """A row for each number, run and layer; None where runs were not described."""
        return self._table("rankings") if self._has("rankings") else None

    @property
    def number_distances(self) -> pa.Table | None:
        """A row for each number, side and two runs of the same neurons; None where runs were not described."""
        return self._table("number_distances") if self._has("number_distances") else None

    @property
    def distances(self) -> pa.Table | None:
        """A row for each sentence set, two runs and layer; None without sentence sets."""
        return self._table("distances") if self._has("distances") else None

    def ranking(self, run: str, other: str | None = None, *, by: str | None = None) -> pa.Table:
        """Rank the neurons of a run by how well another model, or all others, know them.

        Parameters
        ----------
        run : str
            The run, by its label.
        other : str, optional
            Another run: its matches. All other runs when not given.
        by : str, optional
            A number of ``matches`` (``correlation`` when not given: by its size), or without `other` one of
            ``across`` (``max_correlation`` when not given).

        Returns
        -------
        pyarrow.Table
            ``rank``, ``address``, ``side`` (null), ``score`` (null where a neuron has none; last), ``sign`` (of a
            correlation in ``matches``: -1 where the two neurons go against each other; else null) and the other
            columns of ``matches`` or ``across``.

        Raises
        ------
        OptionError
            If there is no such run or number.
        """
        for label in (run, other):
            if label is not None and label not in self.labels:
                what = f"The comparison has no run {label!r}."
                raise OptionError(what, expected=f"one of {', '.join(self.labels)}")
        table = self.across if other is None else self.matches
        table = table.filter(pc.field("run") == run)
        if other is not None:
            table = table.filter(pc.field("other") == other)
        by = by or ("max_correlation" if other is None else "correlation")
        known = [each.name for each in table.schema if pa.types.is_floating(each.type)]
        if by not in known:
            what = f"The neurons of a comparison have no number {by!r}."
            raise OptionError(what, expected=f"one of {', '.join(known)}")
        values = table.column(by).cast(pa.float64()).fill_null(float("nan")).to_numpy()
        signed = other is not None and by in ("correlation", "same_correlation")
        scores = np.abs(values) if signed else values
        order = pa.array(np.argsort(descending_ranks(scores), kind="stable"))
        columns = {name: table.column(name).take(order) for name in table.column_names if name != "neuron_id"}
        columns["score"] = pa.array(scores).take(order)
        if signed:
            columns["sign"] = pa.array(np.sign(values), from_pandas=True).cast(pa.int8()).take(order)
        options = {"run": run, "other": other, "by": by, **self.options}
        runs = [each.get("fingerprint", each["label"]) for each in self.manifest["runs"]]
        return ranking_table(columns, runs=runs, method="compare", options=options, seed=self.options.get("seed"))

    def stale(self) -> list[str]:
        """Say which runs were collected or described again since.

        Returns
        -------
        list of str
            A line for each; a run that is no longer where it was is not spoken of.
        """
        lines = []
        for then in self.manifest["runs"]:
            path = Path(then.get("path", ""))
            if "path" not in then or format_of(path) is not RUN:
                continue
            made = _made_from(read_run_manifest(path))
            since = [what for stage, what in _STAGES.items() if made[stage] != then[stage]]
            if since:
                lines.append(f"{then['label']} {since[0]} since this comparison was made ({path}).")
        return lines

    def _has(self, name: str) -> bool:
        if name in self._tables or self.folder is None:
            return name in self._tables
        recorded = self.manifest.get("files")
        return (self.folder / f"{name}.parquet").is_file() if recorded is None else f"{name}.parquet" in recorded

    def _table(self, name: str) -> pa.Table:
        if name not in self._tables and self.folder is not None:
            self._tables[name] = _read(self.folder, name, self.manifest)
        return self._tables[name]


def open_comparison(path: str | Path) -> Comparison:
    """Open a folder that :func:`compare` wrote.

    Parameters
    ----------
    path : str or Path
        The folder.

    Returns
    -------
    Comparison
        With the same tables.

    Raises
    ------
    RunFolderError
        If it is missing, damaged or no comparison; of a table when that is read.
    FormatVersionError
        If a newer neurolect wrote it.
    """
    folder = Path(path)
    manifest = read_manifest(folder, COMPARISON)
    check_types(folder, manifest, COMPARISON, ComparisonManifest)
    if manifest["schema_version"] > 1:
        check_types(folder, manifest, COMPARISON, _Runs)
        return Comparison(manifest, folder=folder)
    # 0.1 said less of the runs, and had the rankings in the manifest
    runs = [{"label": label} for label in manifest.get("labels", [])]
    rankings = manifest.get("rankings")
    tables = {} if rankings is None else {"rankings": pa.Table.from_pylist(rankings, schema=RANKINGS)}
    return Comparison(manifest | {"runs": runs}, folder=folder, tables=tables)


def _read(folder: Path, name: str, manifest: Mapping[str, Any]) -> pa.Table:
    file = f"{name}.parquet"
    entry: FileEntry | None = manifest.get("files", {}).get(file)

    def damaged(how: str) -> RunFolderError:
        what = f"The table {name!r} of the comparison folder {folder} is damaged: {how}."
        return RunFolderError(what, hint=how_made_again(manifest))

    if entry is not None and (how := change_of(folder / file, entry)) is not None:
        raise damaged(how)
    try:
        return ParquetReader(folder / file, damaged=damaged, doubted=entry is None).read()
    except FileNotFoundError as error:
        how = "it is missing"
        raise damaged(how) from error


def how_made_again(manifest: Mapping[str, Any]) -> str:
    """Say what to do about damage to a comparison's tables."""
    runs = " ".join(quoted(str(run.get("path", "RUN"))) for run in manifest["runs"])
    return f"copy the folder again, or compare again: neurolect compare {runs} --out NEW"


def asked_of(
    runs: Sequence[Run],
    labels: Sequence[str],
    *,
    options: dict[str, Any],
    stream: str | None,
    sentences: Sequence[str],
) -> Asked:
    """Put together what a comparison is of, as its manifest says it."""
    members = [
        {
            "label": label,
            "path": str(run.folder.resolve()),
            "model": run.manifest["model"]["fingerprint"],
            "corpus": run.manifest["corpus"]["fingerprint"],
            "fingerprint": fingerprint(run),
            **_made_from(run.manifest),
        }
        for run, label in zip(runs, labels, strict=True)
    ]
    return Asked(members, json.loads(json.dumps(options)), stream, list(sentences))


def _made_from(run: RunManifest) -> dict[str, str | None]:
    """Name the makings of a run's stages that a comparison reads."""
    return {name: run["stages"][name]["id"] if state_of(run, name) == "current" else None for name in _STAGES}


def finished(out: Path, asked: Asked) -> Comparison | None:
    """Open the comparison at ``out`` if it is the one that is asked for; None where nothing is, else refuse."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if format_of(out) is not COMPARISON:
        what = f"{out} is there already; nothing is overwritten."
        raise RunFolderError(what, expected="a folder that does not exist yet", hint="give another --out")
    made = open_comparison(out)
    differ = [name for name in _ASKED if made.manifest.get(name) != getattr(asked, name)]
    if _same_ever(made.manifest["runs"]) != _same_ever(asked.runs):
        differ.insert(0, "runs")
    hint = f"give another --out; what is there: neurolect compare {quoted(out)}"
    if differ:
        what = f"{out} holds another comparison already (other {', '.join(differ)}); nothing is overwritten."
        raise RunFolderError(what, expected="a folder that does not exist yet, or the same comparison", hint=hint)
    if stale := made.stale():
        what = f"{out} holds this comparison of an earlier state of the runs; nothing is overwritten. {stale[0]}"
        raise RunFolderError(what, hint=hint)
    return made


def _same_ever(runs: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Leave out what changes when a run is moved or made again."""
    return [tuple(run.get(name) for name in ("label", "model", "corpus")) for run in runs]


def is_comparison(runs: Sequence[Run | str | Path]) -> bool:
    """Say whether what was given instead of runs is the folder of one comparison."""
    return len(runs) == 1 and not isinstance(runs[0], Run) and format_of(Path(runs[0])) is COMPARISON


def open_alone(folder: Path, *, asks: bool) -> Comparison:
    """Open a comparison that was given in the place of runs; refuse it where more is asked of it than that."""
    if asks:
        what = f"{folder} is a finished comparison: it has its own runs, options and sentences, and no other --out."
        raise OptionError(what, expected=f"neurolect compare {quoted(folder)}", hint="or name the runs to compare")
    return open_comparison(folder)


def put_together(
    asked: Asked, *, facts: Mapping[str, Any], tables: Mapping[str, pa.Table | None], out: Path | None
) -> Comparison:
    """Make a comparison of its results: in memory, or written to ``out`` whole and opened there."""
    head = {
        "format": COMPARISON.name,
        "schema_version": COMPARISON.version,
        "neurolect": neurolect_version(),
        "packages": package_versions(),
        "created": now(),
    }
    manifest = head | asked._asdict() | dict(facts)
    there = {name: table for name in _TABLES if (table := tables[name]) is not None}
    if out is None:
        return Comparison(manifest, tables=there)
    try:
        with replacing_folder(out, error=RunFolderError, fresh=True) as temporary:
            for name, table in there.items():
                write_table(temporary / f"{name}.parquet", table)
            files = {f"{name}.parquet": sums_of(temporary / f"{name}.parquet") for name in there}
            write_json(temporary / COMPARISON.file, manifest | {"files": files})
    except RunFolderError:
        if finished(out, asked) is None:
            raise  # else another process was quicker with the same
    return open_comparison(out)
