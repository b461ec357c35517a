"""The manifest of a corpus folder: what it holds, what it was made from, what was dropped."""

import hashlib
import json
from pathlib import Path
from typing import TypedDict, cast

from neurolect.corpus.shards import ShardEntry
from neurolect.errors import CorpusError, FormatVersionError
from neurolect.remote import RemotePath

__all__ = ["FORMAT", "SCHEMA_VERSION", "FieldEntry", "Manifest", "SourceEntry", "fingerprint", "read_manifest"]

FORMAT = "neurolect-corpus"
SCHEMA_VERSION = 1


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

    Parameters
    ----------
    shards : list of ShardEntry
        Their hashes count.
    fields : list of FieldEntry
        Names and kinds count.

    Returns
    -------
    str
        BLAKE2b, 16 bytes, hexadecimal.
    """
    content = [SCHEMA_VERSION, [shard["blake2b"] for shard in shards], [[f["name"], f["kind"]] for f in fields]]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def read_manifest(folder: Path | RemotePath) -> Manifest:
    """Read the manifest of a corpus folder.

    Parameters
    ----------
    folder : Path or RemotePath
        A corpus folder.

    Returns
    -------
    Manifest
        Of this schema version.

    Raises
    ------
    CorpusError
        If the folder is missing or is no corpus folder.
    FormatVersionError
        If it was written by a newer neurolect.
    """
    path = folder / "manifest.json"
    if folder.is_file():
        what = f"{folder} is a file, not a corpus folder."
        raise CorpusError(what, hint=f"Make the folder first: neurolect prepare {folder} --out CORPUS")
    if not folder.is_dir():
        what = f"There is no corpus folder {folder}."
        raise CorpusError(what, hint=f"Make one: neurolect prepare SOURCE... --out {folder}")
    hint = "Give the folder that `neurolect prepare` wrote."
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        what = f"{folder} is no corpus folder: it has no manifest.json."
        raise CorpusError(what, hint=hint) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        what = f"The manifest of {folder} is damaged: {error}."
        raise CorpusError(what, hint="Prepare the corpus again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        what = f"{folder} is no corpus folder: its manifest does not say format {FORMAT!r}."
        if isinstance(manifest, dict) and manifest.get("format") == "neurolect-run":
            hint = f"It is a run folder; the corpus it was collected from: {_corpus_of(manifest)}"
        raise CorpusError(what, hint=hint)
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        what = f"The corpus {folder} is of schema version {version}; this neurolect reads {SCHEMA_VERSION}."
        raise FormatVersionError(what, hint="Update neurolect, or prepare the corpus again with this one.")
    return cast("Manifest", manifest)


def _corpus_of(run: dict[str, object]) -> object:
    """Name the corpus a run was collected from, as its manifest does."""
    corpus = run.get("corpus")
    return corpus.get("path", "unknown") if isinstance(corpus, dict) else "unknown"
