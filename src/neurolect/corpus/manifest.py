"""The manifest of a corpus folder: what it holds, what it was made from, what was dropped."""

import hashlib
import json
from pathlib import Path
from typing import TypedDict, cast

from neurolect.corpus.shards import ShardEntry
from neurolect.errors import CorpusError
from neurolect.folders import formats
from neurolect.remote import RemotePath


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
    misfits: dict[str, int]
    notices: list[str]
    fields: list[FieldEntry]
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
        raise CorpusError(what, hint=f"Make the folder first: neurolect prepare {folder} --out CORPUS")
    return cast("Manifest", formats.read_manifest(folder, formats.CORPUS))
