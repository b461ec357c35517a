"""Annotation of the kept sentences: words, tags where a tagger is there, trees where they are asked for.

Tagging is most of the work of describing, so what was tagged once is kept in the corpus folder,
part by part, by the hash of the text: an interrupted run goes on, a second run reads.
"""

import hashlib
import logging
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus.sentences.words import split_words
from neurolect.errors import DescribeError, RunFolderError
from neurolect.folders.atomic import write_table
from neurolect.folders.parquet import ParquetReader
from neurolect.folders.sums import change_of, entry_by_name, with_sum_in_name
from neurolect.processes import in_order
from neurolect.progress import NullProgress, Progress
from neurolect.signatures.annotation.tagger import Tagger, model_folder, tagger_fingerprint

logger = logging.getLogger(__name__)

SENTENCES_PER_CHUNK = 1_024
CHUNKS_PER_PART = 8
WORDS = pa.list_(pa.string())
HEADS = pa.list_(pa.int16())
KEPT = pa.schema({"text_hash": pa.int64(), "words": WORDS, "tags": WORDS})
_MADE_BY = b"annotator"
KEPT_PARSED = KEPT.append(pa.field("heads", HEADS)).append(pa.field("relations", WORDS))


class Annotations(NamedTuple):
    """Words and tags of sentences."""

    words: pa.Array
    """list<string>, shape (n_sentences,): words as written."""
    tags: pa.Array
    """list<string>, shape (n_sentences,): a Penn tag a word; all null when no tagger ran."""
    heads: pa.Array | None = None
    """list<int16>, shape (n_sentences,): place of each word's head, -1 for a root; None when no parser ran."""
    relations: pa.Array | None = None
    """list<string>, shape (n_sentences,): each word's relation to its head; None when no parser ran."""


def annotation_cache(corpus: str | Path | None, *, tagger: str | None, parse: bool = False) -> Path | None:
    """Find the folder where annotations of a corpus are kept.

    ``parse``: Whether its parser is used, too.
    """
    if corpus is None or tagger is None:
        return None
    folder = Path(corpus)
    if not (folder / "manifest.json").is_file() or not os.access(folder, os.W_OK):
        return None
    return folder / "annotations" / tagger_fingerprint(tagger, parse=parse)


def annotate(
    texts: Sequence[str],
    *,
    tagger: str | None,
    parse: bool = False,
    cache: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Annotations:
    """Split sentences into words, tag and perhaps parse them.

    ``tagger``: Package or folder of a spaCy model, from :func:`find_tagger`; None for words only.
    ``parse``: Whether to find heads and relations too; needs a tagger.
    ``workers``: Processes. The result is the same for any number.
    """
    progress = progress or NullProgress()
    if tagger is None:
        words = pa.array([split_words(text) for text in texts], type=WORDS)
        return Annotations(words=words, tags=pa.nulls(len(texts), type=WORDS))
    hashes = text_hashes(texts)
    kept = KEPT_PARSED if parse else KEPT
    table = _read_cache(cache, kept=kept)
    known = np.sort(table.column("text_hash").to_numpy())
    _, first = np.unique(hashes, return_index=True)
    missing = np.sort(first[~np.isin(hashes[first], known)])
    if len(known):
        progress.message(f"{len(first) - len(missing):,} sentences were tagged before; {len(missing):,} to do.")
    parts = [table]
    with progress.task("parse" if parse else "tag", total=len(missing), unit="sentences") as task:
        batch: list[pa.Table] = []
        for chunk, part in _tag_chunks(
            missing, texts=texts, hashes=hashes, tagger=(tagger, parse), workers=workers
        ):
            batch.append(part)
            task.advance(len(chunk))
            if len(batch) == CHUNKS_PER_PART:
                parts.append(_keep(batch, cache=cache))
                batch = []
        if batch:
            parts.append(_keep(batch, cache=cache))
    return _in_order(pa.concat_tables(parts), hashes=hashes)


def text_hashes(texts: Sequence[str]) -> NDArray[np.int64]:
    """Hash texts.

    Returns: int64, shape (n_texts,). 64 bits of BLAKE2b: two of a million different sentences share one with
        probability 3e-8.
    """
    joined = b"".join(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts
    )
    return np.frombuffer(joined, dtype="<i8").astype(np.int64)


def _tag_chunks(
    rows: NDArray[np.intp],
    *,
    texts: Sequence[str],
    hashes: NDArray[np.int64],
    tagger: tuple[str, bool],
    workers: int,
) -> Iterator[tuple[NDArray[np.intp], pa.Table]]:
    kept = KEPT_PARSED if tagger[1] else KEPT
    chunks = [rows[at : at + SENTENCES_PER_CHUNK] for at in range(0, len(rows), SENTENCES_PER_CHUNK)]
    inputs = ([texts[row] for row in chunk] for chunk in chunks)
    results = _results(inputs, n=len(chunks), tagger=tagger, workers=workers)
    for chunk, columns in zip(chunks, results, strict=True):
        columns["text_hash"] = hashes[chunk]
        yield chunk, pa.table({field.name: pa.array(columns[field.name], field.type) for field in kept})


def _results(
    inputs: Iterator[list[str]], *, n: int, tagger: tuple[str, bool], workers: int
) -> Iterator[dict[str, Any]]:
    """Annotate chunks in order, here or in several processes."""
    workers = min(workers, n)
    if workers <= 1:
        if n:
            _load(*tagger)
        yield from map(_annotate_chunk, inputs)
        return
    yield from in_order(
        _annotate_chunk,
        inputs,
        workers=workers,
        work="sentences were tagged",
        error=DescribeError,
        begin=partial(_load_in_worker, *tagger),
    )


_loaded: dict[str, Tagger] = {}


def _load(tagger: str, parse: bool) -> None:  # noqa: FBT001 - process pools pass arguments by place
    _loaded.clear()
    _loaded["tagger"] = Tagger(tagger, parse=parse)


def _load_in_worker(tagger: str, parse: bool) -> None:  # noqa: FBT001
    """Load the tagger in a process of its own, without PyTorch, which spaCy would import for nothing."""
    if not (model_folder(tagger) / "transformer").exists():
        sys.modules.setdefault("torch", None)  # type: ignore[arg-type]
    _load(tagger, parse)


def _annotate_chunk(texts: list[str]) -> dict[str, Any]:
    words = [split_words(text) for text in texts]
    return {"words": words, **_loaded["tagger"].annotate(words, texts=texts)._asdict()}


def _read_cache(cache: Path | None, *, kept: pa.Schema) -> pa.Table:
    tables = [kept.empty_table()]
    for path in sorted(cache.glob("part-*.parquet")) if cache is not None else []:
        entry = entry_by_name(path)
        if entry is not None and (how := change_of(path, entry)) is not None:
            raise _damaged(path, how)
        try:
            table = ParquetReader(path, damaged=partial(_damaged, path), doubted=entry is None).read(kept.names)
            made_by = (table.schema.metadata or {}).get(_MADE_BY, path.parent.name.encode())
            if made_by != path.parent.name.encode():
                how = "another tagger made them"
                raise _damaged(path, how)
            tables.append(table.cast(kept))
        except pa.ArrowInvalid as error:
            raise _damaged(path, str(error)) from error
    return pa.concat_tables(tables)


def _damaged(path: Path, how: str) -> RunFolderError:
    what = f"The kept annotations {path} are damaged: {how}."
    hint = f"Delete the file; its sentences are then tagged again: rm {shlex.quote(str(path))}"
    return RunFolderError(what, hint=hint)


def _keep(chunks: list[pa.Table], *, cache: Path | None) -> pa.Table:
    """Write a part; its name is that of its content, so two runs at a time do not clash."""
    part = pa.concat_tables(chunks)
    if cache is not None:
        digest = hashlib.blake2b(part.column("text_hash").to_numpy().tobytes(), digest_size=8)
        path = cache / f"part-{digest.hexdigest()}.parquet"
        write_table(path, part.replace_schema_metadata({_MADE_BY: cache.name}))
        with_sum_in_name(path)
    return part


def _in_order(table: pa.Table, *, hashes: NDArray[np.int64]) -> Annotations:
    have = table.column("text_hash").to_numpy()
    order = np.argsort(have, kind="stable")
    rows = pa.array(order[np.searchsorted(have[order], hashes)])
    taken = table.drop_columns(["text_hash"]).take(rows).combine_chunks()
    return Annotations(**{name: _single(taken.column(name)) for name in taken.column_names})


def _single(column: pa.ChunkedArray) -> pa.Array:
    """Make one array of a column."""
    empty = [pa.array([], type=column.type)]
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or empty)
