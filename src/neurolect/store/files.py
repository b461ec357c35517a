"""The files of a run folder: recorded with size and check sum when a stage is done, compared before use."""

import shlex
import threading
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import RunFolderError, nearest
from neurolect.folders.parquet import ParquetReader
from neurolect.folders.sums import ARRAYS_UP_TO, TABLES_UP_TO, FileEntry, change_of, sums_of
from neurolect.store.manifest import RunManifest, read_manifest
from neurolect.store.stage_kinds import command_of, stage_of

_ENDINGS = (".parquet", ".npy")
FOREIGN = "it is not among the files that the stage wrote"
_BY_NEURON = ("histograms", "sample/activations", "held_out/activations", "relations/vectors/")
_TEXT = {"side", "text", "address", "site", "name", "word", "evidence", "item", "pattern", "field", "value", "tag"}


def names_of(folder: Path, ending: str) -> list[str]:
    """Name the tables (``.parquet``) or arrays (``.npy``) of a run folder as they are asked for."""
    paths = (path.relative_to(folder) for path in folder.rglob(f"*{ending}"))
    return sorted(
        path.as_posix().removesuffix(ending)
        for path in paths
        if not any(part.startswith((".", "checkpoint", "partial")) for part in path.parts)
    )


def record_files(folder: Path, stage: str) -> dict[str, FileEntry]:
    """Measure every file of a stage that is done, for its entry in the manifest."""
    names = [f"{name}{ending}" for ending in _ENDINGS for name in names_of(folder, ending)]
    return {name: sums_of(folder / name) for name in names if _stage_of_file(name) == stage}


def changes_of(folder: Path, manifest: RunManifest, stage: str) -> dict[str, str]:
    """Say of a stage's files which are no longer what it wrote, and how; all of every file is read."""
    recorded = manifest["stages"].get(stage, {}).get("files", {})
    found = {name: change_of(folder / name, entry) for name, entry in recorded.items()}
    return {name: how for name, how in found.items() if how is not None}


def damaged(folder: Path, manifest: RunManifest, name: str, how: str) -> RunFolderError:
    """Say that a file of a run is damaged, and what makes it again."""
    path, stage = folder / name, _stage_of_file(name)
    if _made_again(folder, manifest, stage):
        what = f"The run folder {folder} was made again ({stage}) after it was opened."
        return RunFolderError(what, hint="Open it again.")
    kind = "table" if name.endswith(".parquet") else "array"
    part = name.removesuffix(".parquet").removesuffix(".npy")
    what = f"The {kind} {part!r} of the run folder {folder} is damaged: {how}."
    return RunFolderError(what, hint=how_made_again(folder, manifest, stage, path=path))


def how_made_again(folder: Path, manifest: RunManifest, stage: str, *, path: Path | None = None) -> str:
    """Say what to do about damage to a stage's files."""
    if stage == "collect":
        model, corpus = manifest["model"].get("name", "MODEL"), manifest["corpus"].get("path", "CORPUS")
        collect = f"neurolect collect {shlex.quote(model)} {shlex.quote(corpus)} --out NEW"
        return f"copy the folder again, or collect into a new one: {collect}"
    makes = command_of(stage, folder)
    if path is None or "files" in manifest["stages"].get(stage, {}):
        return f"copy the folder again, or make it again with: {makes}"
    return f"copy the folder again, or take {path} away and give: {makes}"


def _made_again(folder: Path, manifest: RunManifest, stage: str) -> bool:
    entry = manifest["stages"].get(stage, {})
    try:
        return read_manifest(folder)["stages"].get(stage, {}).get("id") != entry.get("id")
    except RunFolderError:
        return False


def _stage_of_file(name: str) -> str:
    return stage_of(name.rpartition(".")[0])


class KeptReads:
    """What was read of a run's files, up to so many bytes; what was not asked for longest is dropped."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._kept: dict[Hashable, tuple[Any, int]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, read: Callable[[], Any], *, size: Callable[[Any], int]) -> Any:  # noqa: ANN401
        """Give what is kept under a key, or read and keep it; a large part of all is not kept."""
        with self._lock:
            found = self._kept.pop(key, None)
            if found is not None:
                self._kept[key] = found
                return found[0]
        made = read()
        n = size(made)
        if n <= self._limit // 4:
            with self._lock:
                self._size += n - self._kept.pop(key, (None, 0))[1]
                self._kept[key] = (made, n)
                while self._size > self._limit:
                    self._size -= self._kept.pop(next(iter(self._kept)))[1]
        return made


class RunFiles:
    """The tables and arrays of a run; each is compared with the manifest before it is first used.

    ``within``: The stage that is being made, whose files the manifest does not have yet.
    """

    def __init__(self, folder: Path, manifest: RunManifest, *, within: str | None = None) -> None:
        self.folder, self.manifest, self._within = folder, manifest, within
        self._same: set[str] = set()
        self.kept: KeptReads | None = None
        """What was read lately, of a run that is asked again and again; nothing is kept unless this is set."""

    def entry_of(self, name: str) -> FileEntry | None:
        """Look up what the manifest says of a file; None for folders of before 0.2 and unfinished stages."""
        recorded = self._recorded(name)
        return None if recorded is None else recorded.get(name)

    def _recorded(self, name: str) -> dict[str, FileEntry] | None:
        stage = _stage_of_file(name)
        if stage == self._within:
            return None
        recorded: dict[str, FileEntry] | None = self.manifest["stages"].get(stage, {}).get("files")
        return recorded

    def is_proven(self, file: str) -> bool:
        """Say whether all of a file was compared with its check sum."""
        entry, up_to = self.entry_of(file), TABLES_UP_TO if file.endswith(".parquet") else ARRAYS_UP_TO
        return file in self._same and entry is not None and entry["bytes"] <= up_to

    def is_intact(self, name: str) -> bool:
        """Say whether a file is there and all of it is as it was written, as far as is known."""
        entry = self.entry_of(name)
        if entry is None:
            return self.has(name)
        return change_of(self.folder / name, entry) is None

    def has(self, name: str) -> bool:
        """Say whether a file belongs to the run; one that should be there and is not is reported when read."""
        recorded = self._recorded(name)
        there = (self.folder / name).is_file()
        if recorded is None or name in recorded:
            return there or recorded is not None
        if there and "/" in name:
            raise damaged(self.folder, self.manifest, name, FOREIGN)
        return False

    def parquet(self, name: str, *, read_dictionary: Sequence[str] = ()) -> ParquetReader:
        """Open a table, named without its ending."""
        if self.kept is not None and not read_dictionary:
            opened: ParquetReader = self.kept.get((name, "file"), lambda: self._parquet(name), size=lambda _: 0)
            return opened
        return self._parquet(name, read_dictionary=read_dictionary)

    def _parquet(self, name: str, *, read_dictionary: Sequence[str] = ()) -> ParquetReader:
        file = f"{name}.parquet"
        self._check(file, "table", up_to=TABLES_UP_TO)
        doubted = self.entry_of(file) is None
        reader = ParquetReader(
            self.folder / file,
            damaged=lambda how: damaged(self.folder, self.manifest, file, how),
            read_dictionary=read_dictionary,
            doubted=doubted,
            memory_map=self.kept is None,  # a file that is cut off while it is mapped would end a server
        )
        if doubted:
            self._check_types(file, reader.schema_arrow)
        return reader

    def array(self, name: str) -> NDArray[Any]:
        """Map an array, named without its ending, into memory."""
        file = f"{name}.npy"
        self._check(file, "array", up_to=ARRAYS_UP_TO)
        try:
            mapped: NDArray[Any] = np.load(self.folder / file, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OSError, OverflowError, SyntaxError, TypeError) as error:
            raise damaged(self.folder, self.manifest, file, "its file is cut off or damaged") from error
        if name.startswith(_BY_NEURON):
            n_neurons = sum(each["width"] for each in self.manifest["model"]["sites"])
            self.check_shape(name, mapped, ndim=2, kinds="iu" if name == "histograms" else "f", n_rows=n_neurons)
        return mapped

    def check_shape(
        self, name: str, array: NDArray[Any], *, ndim: int, kinds: str, n_rows: int | None = None
    ) -> None:
        """Refuse an array of other dimensions, rows or types (``dtype.kind``)."""
        if array.ndim != ndim or array.dtype.kind not in kinds or (n_rows is not None and len(array) != n_rows):
            how = f"it has the shape {array.shape} and the type {array.dtype}"
            raise damaged(self.folder, self.manifest, f"{name}.npy", how)

    def _check(self, file: str, kind: str, *, up_to: int) -> None:
        entry = self.entry_of(file)
        if entry is None:
            if not (self.folder / file).is_file():
                raise self._no_such(file, kind)
        elif file not in self._same:
            how = change_of(self.folder / file, entry, up_to=up_to)
            if how is not None:
                raise damaged(self.folder, self.manifest, file, how)
            self._same.add(file)

    def _no_such(self, file: str, kind: str) -> RunFolderError:
        """Say that a run has no table or array of a name, and which names come nearest."""
        name, _, ending = file.rpartition(".")
        known, stage = names_of(self.folder, f".{ending}"), _stage_of_file(file)
        what = f"The run folder {self.folder} has no {kind} {name!r}."
        expected = f"one of its {len(known)} {kind}s" + ("; Run.tables() names them" if kind == "table" else "")
        makes = "" if stage == "collect" else f" What {stage} makes is made with: {command_of(stage, self.folder)}"
        return RunFolderError(what, expected=expected, hint=f"The nearest: {nearest(name, known)}.{makes}")

    def _check_types(self, file: str, schema: pa.Schema) -> None:
        """Refuse columns of another type, of a file that nothing vouches for."""
        fields = {each["name"] for each in self.manifest["corpus"].get("fields", [])}
        for column in schema:
            name = column.name
            if file.endswith("sentences.parquet") and name in fields:
                continue
            number = name.startswith("n_") or name.endswith("_id") or name in ("rank", "layer", "index")
            text = name in _TEXT
            plain = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            is_text = pa.types.is_string(plain) or pa.types.is_large_string(plain)
            if (number and not pa.types.is_integer(column.type)) or (text and not is_text):
                raise damaged(self.folder, self.manifest, file, f"its column {name!r} is of the type {column.type}")
