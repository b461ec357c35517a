"""Make a corpus folder from sources: documents, sentences, duplicates dropped, a part set aside.

Three steps. Workers turn chunks of documents into temporary tables of sentences with a key each; the first
occurrence of every key is found on disk; the sentences that stay are numbered and written to shards. Chunks keep
their order and every choice rests on a document's number or a sentence's place, so the result does not depend on
the workers.
"""

import shutil
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial, reduce
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus.account import count_notices, said_sums, sums_of
from neurolect.corpus.folder import Corpus, FieldEntry, Manifest, SourceEntry, fingerprint, open_corpus
from neurolect.corpus.options import OF_RUN, PrepareOptions
from neurolect.corpus.reading.documents import Document, DocumentReader
from neurolect.corpus.reading.fields import OWN_COLUMNS
from neurolect.corpus.reading.sources import Found, Source, unique_sources
from neurolect.corpus.sampling import is_held_out, sampling_order
from neurolect.corpus.sentences.model_tokens import tokenizer_hash
from neurolect.corpus.sentences.of_documents import Chunk, ChunkCounts, Cut, write_chunk
from neurolect.corpus.sentences.words import WORD_RULE
from neurolect.corpus.shards import ShardWriter
from neurolect.errors import CorpusError, nearest
from neurolect.folders.atomic import replacing_folder, write_json
from neurolect.folders.formats import CORPUS, format_of, neurolect_version, package_version
from neurolect.folders.remote import RemotePath, place, staged
from neurolect.processes import in_order
from neurolect.progress import NullProgress, Progress

# Send documents in chunks through one or several processes, in order, in bounded memory.
CHUNK_CHARACTERS = 1 << 20
CHUNK_DOCUMENTS = 4096


def process_chunks(
    reader: DocumentReader, *, folder: Path, options: PrepareOptions, workers: int, progress: Progress
) -> list[ChunkCounts]:
    """Turn all documents into tables of sentences."""
    process = partial(write_chunk, folder=folder, fields=reader.fields, options=options)
    done: list[ChunkCounts] = []
    with progress.task("prepare", unit="documents") as task:
        chunks = _chunks(reader)
        results = (
            map(process, chunks)
            if workers == 1
            else in_order(process, chunks, workers=workers, work="sentences were split", error=CorpusError)
        )
        n_sentences = 0
        for counts in results:
            done.append(counts)
            n_sentences += counts.n_sentences
            task.advance(counts.n_documents)
            task.note(f"{n_sentences:,} {options.unit}s")
    return done


def _chunks(reader: DocumentReader) -> Iterator[Chunk]:
    documents: list[Document] = []
    n_characters = first = number = 0
    for document in reader.documents():
        documents.append(document)
        n_characters += len(document.text)
        if n_characters >= CHUNK_CHARACTERS or len(documents) >= CHUNK_DOCUMENTS:
            yield Chunk(number, first, documents)
            number, first = number + 1, first + len(documents)
            documents, n_characters = [], 0
    if documents:
        yield Chunk(number, first, documents)


# Find the first occurrence of every key among many, on disk, in bounded memory.
N_BUCKETS = 256
BUFFER_ROWS = 1 << 20
ENTRY = np.dtype([("high", "<u8"), ("low", "<u8"), ("row", "<i8")])


class FirstOccurrences:
    """Marks rows whose 128-bit key came before.

    Keys go to 256 files by their highest byte; each file is then sorted by itself, so memory is one buffer plus one
    256th of all keys, and a byte a row for the answer.

    ``folder``: An existing folder for the files; they are removed when done.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buffer: list[NDArray[np.void]] = []
        self._n_buffered = 0
        self.n_rows = 0

    def update(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> None:
        """Add the keys of the next rows.

        ``high, low``: uint64, shape (n,). Halves of the keys.
        """
        entries = np.empty(high.size, dtype=ENTRY)
        entries["high"], entries["low"] = high, low
        entries["row"] = np.arange(self.n_rows, self.n_rows + high.size)
        self.n_rows += high.size
        self._buffer.append(entries)
        self._n_buffered += high.size
        if self._n_buffered >= BUFFER_ROWS:
            self._flush()

    def to_arrays(self) -> NDArray[np.bool_]:
        """Tell which rows are the first of their key.

        Returns: bool, shape (n_rows,). True at first occurrences.
        """
        self._flush()
        first = np.ones(self.n_rows, dtype=np.bool_)
        for path in sorted(self._folder.glob("bucket-*.bin")):
            entries = np.fromfile(path, dtype=ENTRY)
            # Stable, so that within a key rows stay ascending.
            order = np.lexsort((entries["low"], entries["high"]))
            ordered = entries[order]
            same = (ordered["high"][1:] == ordered["high"][:-1]) & (ordered["low"][1:] == ordered["low"][:-1])
            first[ordered["row"][1:][same]] = False
            path.unlink()
        return first

    def _flush(self) -> None:
        if not self._n_buffered:
            return
        entries = np.concatenate(self._buffer)
        self._buffer, self._n_buffered = [], 0
        buckets = (entries["high"] >> np.uint64(56)).astype(np.uint8)
        entries = entries[np.argsort(buckets, kind="stable")]
        ends = np.cumsum(np.bincount(buckets, minlength=N_BUCKETS))
        for bucket, part in enumerate(np.split(entries, ends[:-1])):
            if part.size:
                with (self._folder / f"bucket-{bucket:03d}.bin").open("ab") as file:
                    part.tofile(file)


def prepare(
    sources: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    options: PrepareOptions | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Corpus:
    """Prepare a corpus.

    Parameters
    ----------
    sources : str, Path or sequence of them
        Files, folders, globs or ``hf:NAME[:CONFIG][:SPLIT]``.
    out : str or Path
        The corpus folder to make; one at a URL is made here and uploaded when it is whole.
    options : PrepareOptions, optional
        How; the defaults when not given.
    workers : int
        Processes that split sentences, at least 1. The result does not depend on it.
    progress : Progress, optional
        Where to report to.
    overwrite : bool
        Whether a corpus that is already at ``out`` is replaced (once the new one is whole).

    Returns
    -------
    Corpus
        The corpus, open.

    Raises
    ------
    CorpusError
        If a source cannot be read, nothing is left of it, ``out`` is taken, or the disk is full. Nothing half-made
        stays behind.
    """
    options = options or PrepareOptions()
    progress = progress or NullProgress()
    if workers < 1:
        what = f"A corpus cannot be prepared by {workers} workers."
        raise CorpusError(what, expected="at least 1")
    if isinstance(target := place(out), RemotePath):
        if (target / "manifest.json").is_file():
            what = f"There is a corpus at {out} already."
            raise CorpusError(what, hint="Use it as it is, give another --out, or remove it first.")
        with staged(out) as copy:
            prepare(sources, out=copy, options=options, workers=workers, progress=progress, overwrite=True)
        return open_corpus(out)
    folder = target
    if options.tokenizer == OF_RUN:
        options = options.for_model(None)
        said = f"prepare.tokenizer is {OF_RUN}, and no model is known here: short sentences are dropped by words."
        progress.message(f"{said} By tokens: --tokenizer MODEL")
    _check_out(folder, overwrite=overwrite)
    start = time.monotonic()
    found = unique_sources(sources)
    with replacing_folder(folder, error=CorpusError, fresh=not overwrite) as temporary:
        reader = DocumentReader(found.sources, options=options)
        if options.sample is not None:
            reader.sample(_sampled(found.sources, options=options, progress=progress))
        scratch = temporary / "scratch"
        scratch.mkdir()
        chunks = process_chunks(reader, folder=scratch, options=options, workers=workers, progress=progress)
        first = _first_occurrences(chunks, scratch, options=options, progress=progress)
        writer = _write_shards(chunks, first, temporary, options=options, progress=progress)
        shutil.rmtree(scratch)
        manifest = _manifest(found, reader, chunks, first, writer, options=options)
        if options.tokenizer is not None:
            manifest["tokenizer"] = tokenizer_hash(options.tokenizer)
        manifest["seconds"] = round(time.monotonic() - start, 3)
        write_json(temporary / "manifest.json", dict(manifest))
        _check_out(folder, overwrite=overwrite)  # another process may have made one meanwhile
    for notice in [*reader.readings(), *manifest["notices"], *said_sums(manifest["sums"])]:
        progress.message(notice)
    return open_corpus(folder)


def _sampled(sources: Sequence[Source], *, options: PrepareOptions, progress: Progress) -> NDArray[np.bool_]:
    """Go through all documents once and tell which are of the sample."""
    reader = DocumentReader(sources, options=options)
    names = [field.name for field in reader.fields]
    if options.sample_field is not None and options.sample_field not in names:
        what = f"prepare.sample_field is {options.sample_field!r}, and the documents have no such field."
        hint = f"Nearest: {nearest(options.sample_field, names)}." if names else "They have none: leave it out."
        raise CorpusError(what, expected="a metadata field of the corpus", hint=hint)
    place = None if options.sample_field is None else names.index(options.sample_field)
    values: dict[object, int] = {}
    groups = array("q")
    with progress.task("count documents", unit="documents") as task:
        for document in reader.documents():
            value = None if place is None else document.metadata[place]
            groups.append(values.setdefault(value, len(values)))
            task.advance(1)
    numbers = np.arange(len(groups), dtype=np.int64)
    order = sampling_order(numbers, seed=options.seed, groups=np.array(groups) if values.keys() - {None} else None)
    sampled = np.zeros(len(numbers), dtype=np.bool_)
    sampled[order[: options.sample]] = True
    return sampled


def _check_out(folder: Path, *, overwrite: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if format_of(folder) is not CORPUS:
        what = f"{folder} exists and is no corpus folder; it is left as it is."
        raise CorpusError(what, hint="Give another --out.")
    if not overwrite:
        what = f"There is a corpus at {folder} already."
        raise CorpusError(what, hint="Use it as it is, give another --out, or remove it first.")


def _first_occurrences(
    chunks: Sequence[ChunkCounts], folder: Path, *, options: PrepareOptions, progress: Progress
) -> NDArray[np.bool_]:
    """Tell for every sentence of every chunk, in order, whether it stays."""
    n = sum(chunk.n_sentences for chunk in chunks)
    if options.duplicates == "keep":
        return np.ones(n, dtype=np.bool_)
    occurrences = FirstOccurrences(folder)
    with progress.task("find duplicates", total=n, unit=f"{options.unit}s") as task:
        for chunk in chunks:
            table = _read_chunk(chunk)
            occurrences.update(table["key_high"].to_numpy(), table["key_low"].to_numpy())
            task.advance(chunk.n_sentences)
        return occurrences.to_arrays()


def _write_shards(
    chunks: Sequence[ChunkCounts],
    first: NDArray[np.bool_],
    folder: Path,
    *,
    options: PrepareOptions,
    progress: Progress,
) -> ShardWriter:
    writer = ShardWriter(folder)
    done = 0
    try:
        with progress.task("write", total=len(first), unit=f"{options.unit}s") as task:
            for chunk in chunks:
                table = _read_chunk(chunk).drop_columns(["key_high", "key_low"])
                table = table.take(pa.array(np.flatnonzero(first[done : done + len(table)])))
                done += chunk.n_sentences
                ids = table["document_id"].to_numpy()
                writer.write(table, held_out=is_held_out(ids, share=options.held_out, seed=options.seed))
                Path(chunk.path).unlink()
                task.advance(chunk.n_sentences)
            writer.close()
    finally:
        writer.abandon()
    return writer


def _read_chunk(chunk: ChunkCounts) -> pa.Table:
    with pa.OSFile(chunk.path) as file:
        return pa.ipc.open_file(file).read_all()


def _manifest(
    found: Found,
    reader: DocumentReader,
    chunks: Sequence[ChunkCounts],
    first: NDArray[np.bool_],
    writer: ShardWriter,
    *,
    options: PrepareOptions,
) -> Manifest:
    cut = reduce(Cut.plus, (chunk.cut for chunk in chunks), Cut())
    counts = Counter(reader.counts())
    counts["sources_repeated"] = found.n_repeated
    counts["short_sentences_dropped"] = cut.n_short
    counts["long_sentences_divided"] = cut.n_long
    counts["pieces_of_long_sentences"] = cut.n_pieces
    counts["documents_without_sentences"] = sum(chunk.n_empty_documents for chunk in chunks)
    counts["duplicates_dropped"] = len(first) - int(np.count_nonzero(first))
    n_held_out = sum(entry["n_held_out"] for entry in writer.entries)
    fields = [FieldEntry(name=field.name, kind=field.kind) for field in reader.fields]
    sums = sums_of(
        *reader.sums(),
        cut,
        n_sentences=writer.n_sentences,
        n_kept_characters=writer.n_characters,
        n_split=len(first),
    )
    notices = found.notices + reader.notices + reader.doubts()
    notices += count_notices(counts, sums, reader.misfits(), short=options.length_unit)
    _check_left(writer.n_sentences, n_held_out, counts, notices, options)
    return Manifest(
        format=CORPUS.name,
        schema_version=CORPUS.version,
        neurolect=neurolect_version(),
        packages={name: package_version(name) for name in ("numpy", "pyarrow")},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=0.0,
        options=asdict(options),
        sources=[
            SourceEntry(name=source.name, bytes=source.n_bytes, n_documents=n)
            for source, n in zip(found.sources, reader.n_documents, strict=True)
        ],
        counts=dict(counts),
        sums=sums,
        misfits=reader.misfits(),
        notices=notices,
        fields=fields,
        word_rule=WORD_RULE,
        own_columns=list(OWN_COLUMNS),
        n_documents=sum(reader.n_documents),
        n_sentences=writer.n_sentences,
        n_mining=writer.n_sentences - n_held_out,
        n_held_out=n_held_out,
        shards=writer.entries,
        fingerprint=fingerprint(writer.entries, fields),
    )


def _check_left(
    n_sentences: int, n_held_out: int, counts: Counter[str], notices: list[str], options: PrepareOptions
) -> None:
    if n_sentences == 0:
        what = "The corpus is empty: no sentence is left of its documents."
        limit, unit = f"prepare.min_{options.length_unit}", options.length_unit
        least = options.min_words if unit == "words" else options.min_tokens
        dropped = f"{counts['short_sentences_dropped']:,} sentences had fewer than {least} {unit}."
        raise CorpusError(what, hint=f"{dropped} Check the sources and {limit}.")
    if n_held_out == n_sentences:
        what = f"All {n_sentences:,} sentences fell into the held-out part: there are too few documents."
        raise CorpusError(what, hint="Give more documents, or set prepare.held_out = 0 or another prepare.seed.")
    if n_held_out == 0 and options.held_out > 0:
        notices.append(
            "No document fell into the held-out part: there are too few documents. In text files --set "
            "prepare.text_documents=paragraph makes each paragraph one."
        )
