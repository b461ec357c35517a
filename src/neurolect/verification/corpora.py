"""Verify a corpus folder: its shards, their numbers, and the annotations that are kept with it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neurolect.corpus.folder import Corpus, faults_of, read_manifest
from neurolect.corpus.shards import ShardEntry, file_hash
from neurolect.errors import CorpusError
from neurolect.folders.sums import entry_by_name
from neurolect.verification.outcome import GOOD, Part
from neurolect.verification.reading import file_part, unreadable
from neurolect.visible import quoted

_AGAIN = "Copy the folder again, or prepare it again: neurolect prepare SOURCE... --out NEW"


def corpus_parts(folder: Path) -> list[Part]:
    """Check all of a corpus folder."""
    corpus = Corpus(folder, read_manifest(folder))
    manifest = corpus.manifest
    parts = [_shard(folder, corpus, shard) for shard in manifest["shards"]]
    parts += [Part("manifest.json", "damaged", how, _AGAIN) for how in faults_of(manifest)]
    return [*parts, *_annotations(folder)]


def _shard(folder: Path, corpus: Corpus, shard: ShardEntry) -> Part:
    name, path = shard["file"], folder / shard["file"]
    if not path.is_file():
        return Part(name, "missing", "it is missing", _AGAIN)
    if path.stat().st_size != shard["bytes"] or file_hash(path) != shard["blake2b"]:
        return Part(name, "damaged", "its content is another", _AGAIN)
    how = unreadable(path) or _wrong_numbers(corpus, shard)
    return Part(name, GOOD, n_bytes=shard["bytes"]) if how is None else Part(name, "damaged", how, _AGAIN)


def _wrong_numbers(corpus: Corpus, shard: ShardEntry) -> str | None:
    """Say in what a shard is not what the manifest says of it."""
    alone = Corpus(corpus.folder, corpus.manifest | {"shards": [shard]})
    try:
        tables = list(alone.batches(part="all", columns=["sentence_id", "document_id", "held_out"]))
    except CorpusError as error:
        return error.what
    ids, documents, flags = (
        np.concatenate([table.column(name).to_numpy() for table in tables] or [np.empty(0)])
        for name in ("sentence_id", "document_id", "held_out")
    )
    if not np.array_equal(ids, np.arange(shard["n_sentences"]) + shard["first_sentence_id"]):
        return "its sentence ids are not those of the manifest"
    if int(np.count_nonzero(flags)) != shard["n_held_out"]:
        return "its held-out sentences are not as many as the manifest says"
    return "its document ids do not ascend" if (documents[1:] < documents[:-1]).any() else None


def _annotations(folder: Path) -> Iterator[Part]:
    for path in sorted(folder.glob("annotations/*/part-*.parquet")):
        name = path.relative_to(folder).as_posix()
        hint = f"Remove it, its sentences are tagged again: rm {quoted(path)}"
        yield file_part(folder, name, entry_by_name(path), hint=hint)
