"""Read a prepared corpus."""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus.shards import ShardEntry, file_hash, open_shard
from neurolect.errors import CorpusError, nearest
from neurolect.folders import formats
from neurolect.folders.parquet import ParquetReader
from neurolect.folders.remote import RemotePath, place
from neurolect.visible import quoted


# The manifest of a corpus folder: what it holds, what it was made from, what was dropped.
class FieldEntry(TypedDict):
    """One metadata field."""

    name: str
    kind: str


class SourceEntry(TypedDict):
    """One source file or dataset."""

    name: str
    bytes: int | None
    n_documents: int


class Manifest(TypedDict):
    """``manifest.json`` of a corpus folder."""

    format: str
    schema_version: int
    neurolect: str
    packages: dict[str, str]
    created: str
    seconds: float
    options: dict[str, object]
    sources: list[SourceEntry]
    counts: dict[str, int]
    sums: NotRequired[dict[str, dict[str, int]]]
    misfits: dict[str, int]
    notices: list[str]
    fields: list[FieldEntry]
    word_rule: NotRequired[int]
    own_columns: NotRequired[list[str]]
    tokenizer: NotRequired[str]
    n_documents: int
    n_sentences: int
    n_mining: int
    n_held_out: int
    shards: list[ShardEntry]
    fingerprint: str


def fingerprint(shards: list[ShardEntry], fields: list[FieldEntry]) -> str:
    """Name a corpus by its content.

    Returns: BLAKE2b, 16 bytes, hexadecimal.
    """
    # the 1 says how the name is made
    content = [1, [shard["blake2b"] for shard in shards], [[f["name"], f["kind"]] for f in fields]]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def read_manifest(folder: Path | RemotePath) -> Manifest:
    """Read the manifest of a corpus folder."""
    if folder.is_file():
        what = f"{folder} is a file, not a corpus folder."
        raise CorpusError(what, hint=f"Make the folder first: neurolect prepare {quoted(str(folder))} --out CORPUS")
    manifest = formats.read_manifest(folder, formats.CORPUS)
    formats.check_types(folder, manifest, formats.CORPUS, Manifest)
    return cast("Manifest", manifest)


Part = Literal["mining", "held_out", "all"]
PARTS = ("mining", "held_out", "all")


class Corpus:
    """A prepared corpus folder; several processes may read one at once.

    Parameters
    ----------
    folder : Path or RemotePath
        The corpus folder.
    manifest : Manifest
        Its manifest.

    See Also
    --------
    open_corpus : Checks the folder and gives one of these.
    """

    def __init__(self, folder: Path | RemotePath, manifest: Manifest) -> None:
        self._folder = folder
        self.manifest = manifest

    def __repr__(self) -> str:
        """Name the folder and its size."""
        return f"Corpus({str(self._folder)!r}, {self.n_sentences:,} sentences)"

    @property
    def location(self) -> str:
        """Where the folder lies, in full: a path or a URL."""
        return str(self._folder.resolve())

    @property
    def folder(self) -> Path:
        """The corpus folder, where it is one of this machine's."""
        if isinstance(self._folder, RemotePath):
            what = f"The corpus {self._folder} is no folder of this machine."
            raise CorpusError(what, hint="Corpus.location names it wherever it lies.")
        return self._folder

    @property
    def fingerprint(self) -> str:
        """Hash of the content."""
        return self.manifest["fingerprint"]

    @property
    def n_sentences(self) -> int:
        """Sentences of both parts."""
        return self.manifest["n_sentences"]

    @property
    def n_mining(self) -> int:
        """Sentences of the mining part."""
        return self.manifest["n_mining"]

    @property
    def n_held_out(self) -> int:
        """Sentences of the held-out part."""
        return self.manifest["n_held_out"]

    @property
    def fields(self) -> list[FieldEntry]:
        """Name and kind of each metadata field, in column order."""
        return self.manifest["fields"]

    @property
    def columns(self) -> list[str]:
        """Names of all columns."""
        before = ["sentence_id", "document_id", "position", "held_out", "n_words", "text"]
        own = self.manifest.get("own_columns", before)
        return own + [field["name"] for field in self.fields]

    def batches(
        self, *, part: Part = "mining", columns: Sequence[str] | None = None, batch_size: int = 8192, skip: int = 0
    ) -> Iterator[pa.Table]:
        """Stream the sentences of a part.

        Parameters
        ----------
        part : {"mining", "held_out", "all"}
            Which sentences.
        columns : sequence of str, optional
            Which columns, in this order; all when not given.
        batch_size : int
            Rows a table, at least 1; the last table may be shorter.
        skip : int
            Sentences of the part to leave out at the start. Shards and row groups before are not read.

        Yields
        ------
        pyarrow.Table
            Sentences in ascending id. Where tables begin does not depend on shards or row groups.

        Raises
        ------
        CorpusError
            If the part or a column does not exist, or a shard cannot be read.
        """
        names = self._checked_columns(columns)
        _checked(part)
        if batch_size < 1 or skip < 0:
            what = f"Corpus.batches cannot give batches of {batch_size} after skipping {skip}."
            raise CorpusError(what, expected="batch_size at least 1, skip at least 0")
        return _rebatched(self._groups(part, names, skip), batch_size)

    def sentence_ids(self, part: Part = "mining") -> NDArray[np.int64]:
        """List the ids of a part.

        Parameters
        ----------
        part : {"mining", "held_out", "all"}
            Which sentences.

        Returns
        -------
        int64, shape (n,), ascending
            Their ids.
        """
        return np.concatenate([np.empty(0, dtype=np.int64), *self.id_blocks(part)])

    def id_blocks(self, part: Part = "mining") -> Iterator[NDArray[np.int64]]:
        """List the ids of a part, a shard file at a time; of each file one column of flags is read.

        Parameters
        ----------
        part : {"mining", "held_out", "all"}
            Which sentences.

        Yields
        ------
        int64, shape (n,), ascending
            Those of one file.
        """
        _checked(part)
        for shard in self.manifest["shards"]:
            ids = np.arange(shard["n_sentences"], dtype=np.int64)
            if part != "all":
                flags = self._read(shard, ["held_out"])["held_out"].to_numpy()
                ids = np.flatnonzero(flags == (part == "held_out")).astype(np.int64, copy=False)
            yield ids + shard["first_sentence_id"]

    def take(self, ids: NDArray[np.integer], *, columns: Sequence[str] | None = None) -> pa.Table:
        """Read sentences by id; only the row groups that hold them are read.

        Parameters
        ----------
        ids : int, shape (n,), ascending
            Sentence ids; of either part.
        columns : sequence of str, optional
            Which columns, in this order; all when not given.

        Returns
        -------
        pyarrow.Table
            One row an id, in the order of ``ids``.

        Raises
        ------
        CorpusError
            If an id is out of range, ids are not ascending, or a shard cannot be read.
        """
        names = self._checked_columns(columns)
        wanted = np.asarray(ids, dtype=np.int64)
        if wanted.size and (wanted[0] < 0 or wanted[-1] >= self.n_sentences or np.any(np.diff(wanted) < 0)):
            what = f"Corpus.take cannot read ids from {wanted.min()} to {wanted.max()}."
            raise CorpusError(what, expected=f"ascending ids from 0 to {self.n_sentences - 1}")
        tables = []
        for shard in self.manifest["shards"]:
            first = shard["first_sentence_id"]
            low, high = np.searchsorted(wanted, [first, first + shard["n_sentences"]])
            if low < high:
                tables.append(self._take_from(shard, wanted[low:high] - first, names))
        if not tables:
            return self._schema(names).empty_table()
        return pa.concat_tables(tables).unify_dictionaries().combine_chunks()

    def verify(self, *, mining: range | None = None) -> None:
        """Compare the hashes of the shard files with the manifest.

        Parameters
        ----------
        mining : range, optional
            Look only at files with these sentences of the mining part, numbered from 0, and at files with none at
            all, which nobody's sentences are in.

        Raises
        ------
        CorpusError
            If a shard is not what was prepared.
        """
        n_before = 0
        for shard in self.manifest["shards"]:
            first, n_before = n_before, n_before + _size_of_shard(shard, "mining")
            if mining is not None and n_before > first and (n_before <= mining.start or first >= mining.stop):
                continue
            try:
                found = file_hash(self._folder / shard["file"])
            except OSError as error:
                how = f"it cannot be read ({error.strerror})"
                raise _changed(self._folder, shard["file"], how) from error
            if found != shard["blake2b"]:
                raise _changed(self._folder, shard["file"], "its content is another")

    def _checked_columns(self, columns: Sequence[str] | None) -> list[str]:
        names = self.columns if columns is None else list(columns)
        for name in names:
            if name not in self.columns:
                what = f"The corpus {self._folder} has no column {name!r}."
                raise CorpusError(what, hint=f"Nearest: {nearest(name, self.columns)}.")
        return names

    def _schema(self, names: Sequence[str]) -> pa.Schema:
        with self._open(self.manifest["shards"][0]) as file:
            schema = file.schema_arrow
        return pa.schema([schema.field(name) for name in names])

    def _open(self, shard: ShardEntry) -> ParquetReader:
        file = shard["file"]
        categories = [field["name"] for field in self.fields if field["kind"] == "category"]
        try:
            return open_shard(
                self._folder / file,
                shard,
                damaged=lambda how: _changed(self._folder, file, how),
                read_dictionary=categories,
            )
        except OSError as error:
            raise _changed(self._folder, file, f"it cannot be read ({error.strerror or error})") from error

    def _read(self, shard: ShardEntry, names: list[str]) -> pa.Table:
        with self._open(shard) as file:
            return file.read(columns=names, use_threads=False)

    def _groups(self, part: Part, names: list[str], skip: int) -> Iterator[pa.Table]:
        """Yield what each row group holds of the part, less the first ``skip`` rows."""
        read = names if part == "all" or "held_out" in names else [*names, "held_out"]
        for shard in self.manifest["shards"]:
            n_in_shard = _size_of_shard(shard, part)
            if skip >= n_in_shard:
                skip -= n_in_shard
                continue
            with self._open(shard) as file:
                for group in range(file.num_row_groups):
                    n = self._size_of_group(file, group, part)
                    if skip >= n:
                        skip -= n
                        continue
                    table = file.read_row_groups([group], columns=read, use_threads=False)
                    if part != "all":
                        flags = table["held_out"].to_numpy() == (part == "held_out")
                        table = table.take(pa.array(np.flatnonzero(flags)))
                    yield table.select(names).slice(skip)
                    skip = 0

    def _size_of_group(self, file: ParquetReader, group: int, part: Part) -> int:
        n = int(file.metadata.row_group(group).num_rows)
        if part == "all":
            return n
        flags = file.read_row_groups([group], columns=["held_out"], use_threads=False)["held_out"].to_numpy()
        n_held_out = int(np.count_nonzero(flags))
        return n_held_out if part == "held_out" else n - n_held_out

    def _take_from(self, shard: ShardEntry, rows: NDArray[np.int64], names: list[str]) -> pa.Table:
        with self._open(shard) as file:
            starts = [0]
            for group in range(file.num_row_groups):
                starts.append(starts[-1] + file.metadata.row_group(group).num_rows)
            groups = sorted({bisect_right(starts, row) - 1 for row in rows.tolist()})
            # Where each row lies in the groups that are read, put end to end.
            offsets = np.zeros(len(starts), dtype=np.int64)
            n_before = 0
            for group in groups:
                offsets[group] = n_before - starts[group]
                n_before += starts[group + 1] - starts[group]
            table = file.read_row_groups(groups, columns=names, use_threads=False).select(names)
            places = rows + offsets[np.searchsorted(starts, rows, side="right") - 1]
            return table.take(pa.array(places))


def open_corpus(path: str | Path | Corpus) -> Corpus:
    """Open a prepared corpus.

    Parameters
    ----------
    path : str, Path or Corpus
        A corpus folder, here or at a URL (``s3://``, ``gs://``, ``hdfs://``, ...), where it is read as needed. A
        corpus is given back.

    Returns
    -------
    Corpus
        Its shards are there and of the sizes the manifest names.

    Raises
    ------
    CorpusError
        If it is missing, damaged, or changed since it was prepared.
    FormatVersionError
        If it was written by a newer neurolect.
    """
    if isinstance(path, Corpus):
        return path
    folder = place(path)
    manifest = read_manifest(folder)
    for how in faults_of(manifest):
        raise _changed(folder, "manifest.json", how)
    for shard in manifest["shards"]:
        file = folder / shard["file"]
        if not file.is_file():
            raise _changed(folder, shard["file"], "it is missing")
        if file.stat().st_size != shard["bytes"]:
            raise _changed(folder, shard["file"], f"it has {file.stat().st_size} bytes, not {shard['bytes']}")
    return Corpus(folder, manifest)


def open_recorded(path: str, *, hint: str = "Say where it is: --corpus FOLDER") -> Corpus:
    """Open the corpus that a run names; where it is no longer there, say so with what to do."""
    if not (place(path) / "manifest.json").is_file():
        what = f"The corpus that the run was collected from is no longer at {path}."
        raise CorpusError(what, hint=hint)
    return open_corpus(path)


def faults_of(manifest: Manifest) -> Iterator[str]:
    """Say in what a manifest contradicts itself."""
    first = 0
    for shard in manifest["shards"]:
        if shard["first_sentence_id"] != first:
            yield f"{shard['file']} does not go on at sentence {first}"
        first = shard["first_sentence_id"] + shard["n_sentences"]
    held_out = sum(shard["n_held_out"] for shard in manifest["shards"])
    if (manifest["n_sentences"], manifest["n_held_out"], manifest["n_mining"]) != (
        first,
        held_out,
        first - held_out,
    ):
        yield "its numbers of sentences are not those of its shards"
    if manifest["fingerprint"] != fingerprint(manifest["shards"], manifest["fields"]):
        yield "its fingerprint is not that of shards and fields"


def _changed(folder: Path | RemotePath, file: str, how: str) -> CorpusError:
    what = f"The corpus {folder} changed since it was prepared: {file}: {how}."
    again = "prepare it again and collect from the new one: neurolect prepare SOURCE... --out NEW"
    return CorpusError(what, hint=f"Copy the folder again, or {again}")


def _checked(part: Part) -> Part:
    if part not in PARTS:
        what = f"A corpus has no part {part!r}."
        raise CorpusError(what, expected="one of " + ", ".join(map(repr, PARTS)))
    return part


def _size_of_shard(shard: ShardEntry, part: Part) -> int:
    if part == "all":
        return shard["n_sentences"]
    return shard["n_held_out"] if part == "held_out" else shard["n_sentences"] - shard["n_held_out"]


def _rebatched(tables: Iterator[pa.Table], batch_size: int) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    n_waiting = 0
    for table in tables:
        waiting.append(table)
        n_waiting += len(table)
        if n_waiting < batch_size:
            continue
        joined = pa.concat_tables(waiting)
        whole = n_waiting - n_waiting % batch_size
        for start in range(0, whole, batch_size):
            yield joined.slice(start, batch_size).unify_dictionaries()
        waiting, n_waiting = [joined.slice(whole)], n_waiting - whole
    if n_waiting:
        yield pa.concat_tables(waiting).unify_dictionaries()
