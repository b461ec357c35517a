"""Make a corpus folder from sources: documents, sentences, duplicates dropped, a part set aside.

Three steps. Workers turn chunks of documents into temporary tables of sentences with a key each; the first
occurrence of every key is found on disk; the sentences that stay are numbered and written to shards. Chunks keep
their order and every choice rests on a document's number or a sentence's place, so the result does not depend on
the workers.
"""

import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.atomic import replacing_folder, write_json
from neurolect.corpus.chunks import process_chunks
from neurolect.corpus.corpus import Corpus, open_corpus
from neurolect.corpus.counted import counted
from neurolect.corpus.documents import DocumentReader
from neurolect.corpus.duplicates import FirstOccurrences
from neurolect.corpus.held_out import is_held_out
from neurolect.corpus.manifest import FieldEntry, Manifest, SourceEntry, fingerprint
from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.sentences import ChunkCounts
from neurolect.corpus.shards import ShardWriter
from neurolect.corpus.sources import Source, unique_sources
from neurolect.errors import CorpusError
from neurolect.folders.formats import CORPUS, format_of
from neurolect.progress import NullProgress, Progress
from neurolect.remote import RemotePath, place, staged
from neurolect.version import neurolect_version, package_version


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
    _check_out(folder, overwrite=overwrite)
    start = time.monotonic()
    found, n_repeated = unique_sources(sources)
    with replacing_folder(folder, error=CorpusError) as temporary:
        reader = DocumentReader(found, options=options)
        scratch = temporary / "scratch"
        scratch.mkdir()
        chunks = process_chunks(reader, folder=scratch, options=options, workers=workers, progress=progress)
        first = _first_occurrences(chunks, scratch, options=options, progress=progress)
        writer = _write_shards(chunks, first, temporary, options=options, progress=progress)
        shutil.rmtree(scratch)
        manifest = _manifest(found, reader, chunks, first, writer, options=options, n_repeated=n_repeated)
        manifest["seconds"] = round(time.monotonic() - start, 3)
        write_json(temporary / "manifest.json", dict(manifest))
    for notice in manifest["notices"]:
        progress.message(notice)
    return open_corpus(folder)


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
    with progress.task("find duplicates", total=n, unit="sentences") as task:
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
        with progress.task("write", total=len(first), unit="sentences") as task:
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
    sources: Sequence[Source],
    reader: DocumentReader,
    chunks: Sequence[ChunkCounts],
    first: NDArray[np.bool_],
    writer: ShardWriter,
    *,
    options: PrepareOptions,
    n_repeated: int,
) -> Manifest:
    counts = Counter(reader.counts())
    counts["sources_repeated"] = n_repeated
    counts["short_sentences_dropped"] = sum(chunk.n_short for chunk in chunks)
    counts["long_sentences_cut"] = sum(chunk.n_cut for chunk in chunks)
    counts["documents_without_sentences"] = sum(chunk.n_empty_documents for chunk in chunks)
    counts["duplicates_dropped"] = len(first) - int(np.count_nonzero(first))
    n_held_out = sum(entry["n_held_out"] for entry in writer.entries)
    fields = [FieldEntry(name=field.name, kind=field.kind) for field in reader.fields]
    notices = reader.notices + _notices(counts, reader.misfits())
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
            for source, n in zip(sources, reader.n_documents, strict=True)
        ],
        counts=dict(counts),
        misfits=reader.misfits(),
        notices=notices,
        fields=fields,
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
        dropped = f"{counts['short_sentences_dropped']:,} sentences had fewer than {options.min_words} words."
        raise CorpusError(what, hint=f"{dropped} Check the sources and prepare.min_words.")
    if n_held_out == n_sentences:
        what = f"All {n_sentences:,} sentences fell into the held-out part: there are too few documents."
        raise CorpusError(what, hint="Give more documents, or set prepare.held_out = 0 or another prepare.seed.")
    if n_held_out == 0 and options.held_out > 0:
        notices.append("No document fell into the held-out part: there are too few documents.")


def _notices(counts: Counter[str], misfits: dict[str, int]) -> list[str]:
    """Put the counts that a user should know into sentences."""
    said = {
        "sources_repeated": (
            "{} source was given more than once and is read once.",
            "{} sources were given more than once and are read once.",
        ),
        "documents_without_text": (
            "{} document without text was skipped.",
            "{} documents without text were skipped.",
        ),
        "broken_lines": ("{} broken line was skipped.", "{} broken lines were skipped."),
        "replaced_characters": (
            "{} character was not UTF-8 and was replaced.",
            "{} characters were not UTF-8 and were replaced.",
        ),
        "short_sentences_dropped": (
            "{} sentence with too few words was dropped.",
            "{} sentences with too few words were dropped.",
        ),
        "long_sentences_cut": ("{} sentence was too long and was cut.", "{} sentences were too long and were cut."),
        "duplicates_dropped": (
            "{} sentence that had occurred before was dropped.",
            "{} sentences that had occurred before were dropped.",
        ),
    }
    notices = [counted(counts[name], *forms) for name, forms in said.items() if counts[name]]
    for field, n in misfits.items():
        one = f"{{}} value of the field {_plain(field)} was of another type and was left empty."
        many = f"{{}} values of the field {_plain(field)} were of another type and were left empty."
        notices.append(counted(n, one, many))
    return notices


def _plain(field: str) -> str:
    """Quote a name whose braces are no places for numbers."""
    return repr(field).replace("{", "{{").replace("}", "}}")
