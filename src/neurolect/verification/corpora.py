"""Verify a corpus folder: its shards, their numbers, and the annotations that are kept with it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neurolect.corpus.folder import Corpus, fingerprint, read_manifest
from neurolect.corpus.shards import ShardEntry, file_hash
from neurolect.errors import CorpusError
from neurolect.verification.outcome import GOOD, UNKNOWN, Part
from neurolect.verification.reading import file_part, unreadable

_AGAIN = "Copy the folder again, or prepare it again: neurolect prepare SOURCE... --out NEW"


def corpus_parts(folder: Path) -> list[Part]:
    """Check all of a corpus folder."""
    corpus = Corpus(folder, read_manifest(folder))
    manifest = corpus.manifest
    parts = [_shard(folder, corpus, shard) for shard in manifest["shards"]]
    first = 0
    wrong = []
    for shard in manifest["shards"]:
        if shard["first_sentence_id"] != first:
            wrong.append(f"{shard['file']} does not go on at sentence {first}")
        first = shard["first_sentence_id"] + shard["n_sentences"]
    held_out = sum(shard["n_held_out"] for shard in manifest["shards"])
    counts = (manifest["n_sentences"], manifest["n_held_out"], manifest["n_mining"])
    if counts != (first, held_out, first - held_out):
        wrong.append("its numbers of sentences are not those of its shards")
    if manifest["fingerprint"] != fingerprint(manifest["shards"], manifest["fields"]):
        wrong.append("its fingerprint is not that of shards and fields")
    parts += [Part("manifest.json", "damaged", how, _AGAIN) for how in wrong]
    return [*parts, *_annotations(folder)]


def _shard(folder: Path, corpus: Corpus, shard: ShardEntry) -> Part:
    name, path = shard["file"], folder / shard["file"]
    if not path.is_file():
        return Part(name, "missing", "it is missing", _AGAIN)
    if path.stat().st_size != shard["bytes"] or file_hash(path) != shard["blake2b"]:
        return Part(name, "damaged", "its content is another", _AGAIN)
    how = unreadable(path) or _wrong_numbers(corpus, shard)
    return Part(name, GOOD) if how is None else Part(name, "damaged", how, _AGAIN)


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
        hint = f"Remove {path}: its sentences are tagged again."
        part = file_part(folder, name, None, hint=hint)
        yield part._replace(state="readable") if part.state == UNKNOWN else part
