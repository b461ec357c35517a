"""The kinds of folders that neurolect writes, and one rule of their versions.

A JSON file in the folder says what the folder is (``format``), in which version (``schema_version``), and which
neurolect wrote it. A newer version is refused; every older one opens. tests/fixtures has folders of past versions.
"""

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from neurolect.errors import (
    CorpusError,
    FormatVersionError,
    NeurolectError,
    ProbingError,
    RunFolderError,
    VariantError,
)
from neurolect.folders.remote import RemotePath
from neurolect.folders.schema import misfit


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFormat:
    """A kind of folder."""

    name: str
    """``format`` in its file."""

    version: int
    """``schema_version`` that is written; this and all before it are read."""

    kind: str
    """What people call it."""

    made_by: str
    """The command that makes one."""

    taken_by: str
    """The command that takes one."""

    error: type[NeurolectError]
    """What is raised where there is none."""

    file: str = "manifest.json"
    """Where it says what it is."""


CORPUS = FolderFormat(
    name="neurolect-corpus",
    version=1,
    kind="corpus folder",
    made_by="neurolect prepare SOURCE... --out {folder}",
    taken_by="neurolect collect MODEL {folder} --out RUN",
    error=CorpusError,
)
RUN = FolderFormat(
    name="neurolect-run",
    version=1,
    kind="run folder",
    made_by="neurolect run MODEL SOURCE... --out {folder}",
    taken_by="neurolect show {folder} NEURON",
    error=RunFolderError,
)
COMPARISON = FolderFormat(
    name="neurolect-comparison",
    version=2,
    kind="comparison folder",
    made_by="neurolect compare RUN RUN --out {folder}",
    taken_by="neurolect compare {folder}",
    error=RunFolderError,
)
VARIANT = FolderFormat(
    name="neurolect-variant",
    version=1,
    kind="variant's folder",
    made_by="neurolect variant MODEL random --out {folder}",
    taken_by="neurolect collect {folder} CORPUS --out RUN",
    error=VariantError,
    file="variant.json",
)
PROBE = FolderFormat(
    name="neurolect-probe",
    version=1,
    kind="probe's folder",
    made_by="neurolect probing fit ACTS --method linear --out {folder}",
    taken_by="neurolect.probing.open_probe('{folder}')",
    error=ProbingError,
    file="probe.json",
)
ACTIVATIONS = FolderFormat(
    name="neurolect-activations",
    version=1,
    kind="store of activations",
    made_by="neurolect probing activations MODEL LABELLED --concept CONCEPT --out {folder}",
    taken_by="neurolect verify {folder}",
    error=ProbingError,
)
JUDGEMENT = FolderFormat(
    name="neurolect-judgement",
    version=1,
    kind="judge's folder",
    made_by="neurolect probing judge ACTS RANKING... --out {folder}",
    taken_by="neurolect verify {folder}",
    error=ProbingError,
    file="judge.json",
)
PROTOCOL = FolderFormat(
    name="neurolect-protocol",
    version=1,
    kind="protocol's folder",
    made_by="neurolect probing all MODEL LABELLED --concept CONCEPT --out {folder}",
    taken_by="neurolect probing compare {folder} FOLDER",
    error=ProbingError,
)
FEATURES = FolderFormat(
    name="neurolect-features",
    version=1,
    kind="folder of features",
    made_by="neurolect probing transfer MODEL LABELLED --concept CONCEPT --out {folder}",
    taken_by="neurolect.probing.load_features('{folder}')",
    error=ProbingError,
    file="features.json",
)
# Endings of what people ask for; nothing is read from such a file again.
_NO_PARTS = frozenset({".html", ".svg", ".png", ".pdf", ".csv"})
FORMATS = (CORPUS, RUN, COMPARISON, VARIANT, ACTIVATIONS, PROBE, JUDGEMENT, PROTOCOL, FEATURES)


def read_manifest(folder: Path | RemotePath, expected: FolderFormat) -> dict[str, Any]:
    """Read what a folder says of itself; refuse what is missing, damaged, of another kind or newer."""
    manifest = _read(folder, expected)
    version = manifest.get("schema_version")
    if type(version) is not int or not 1 <= version <= expected.version:
        written = manifest.get("neurolect", "a newer version")
        what = f"The {expected.kind} {folder} has schema version {version!r}, written by neurolect {written}."
        reads = "1" if expected.version == 1 else f"1 to {expected.version}"
        raise FormatVersionError(
            what, expected=reads, hint=f"Update neurolect, which is {neurolect_version()} here."
        )
    return manifest


def check_types(
    folder: Path | RemotePath, manifest: dict[str, Any], expected: FolderFormat, declared: type
) -> None:
    """Refuse a manifest with an entry that is missing or of another type than declared (a ``TypedDict``)."""
    found = misfit(manifest, declared)
    if found is not None:
        what = f"{folder / expected.file} was changed by hand or is damaged: {found[0]}."
        hint = f"Copy the folder again, or make a new one: {expected.made_by.format(folder='NEW')}"
        raise expected.error(what, expected=found[1], hint=hint)


def format_of(folder: Path | RemotePath) -> FolderFormat | None:
    """Say what kind of folder there is; None where it does not say one that this neurolect knows."""
    for each in FORMATS:
        try:
            found = json.loads((folder / each.file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and found.get("format") == each.name:
            return each
    return None


def check_no_part(path: Path) -> None:
    """Refuse to write a result over a file that a folder of neurolect's consists of."""
    if path.suffix.lower() in _NO_PARTS or not path.is_file():
        return
    for folder in (*path.absolute().parents, *path.resolve().parents):
        own = format_of(folder)
        if own is not None:
            what = f"{path} is a file of the {own.kind} {folder}; it is left as it is."
            raise own.error(what, expected="a file that is no part of such a folder", hint="Give another --out.")


def _read(folder: Path | RemotePath, expected: FolderFormat) -> dict[str, Any]:
    path = folder / expected.file
    not_one = f"{folder} is not a {expected.kind}"
    other = format_of(folder)
    if other is not None and other is not expected:
        what = f"{not_one}: it is a {other.kind} (format {other.name!r})."
        raise expected.error(
            what, expected=f"format {expected.name!r}", hint=_right_command(folder, other, expected)
        )
    if not path.is_file():
        there = f"it has no {expected.file}" if folder.is_dir() else "there is no such folder"
        what = f"{not_one}: {'it is a file' if folder.is_file() else there}."
        raise expected.error(what, hint=_how_made(folder, expected))
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON, of UTF-8
        what = f"{path} cannot be read as JSON ({error})."
        raise expected.error(what, hint="The folder is damaged. " + _how_made(folder, expected)) from error
    found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
    if found != expected.name:
        what = f"{not_one}: its {expected.file} has the format {found!r}."
        raise expected.error(what, expected=f"format {expected.name!r}", hint=_how_made(folder, expected))
    return dict(manifest)


def _how_made(folder: Path | RemotePath, expected: FolderFormat) -> str:
    # where something is, nothing is written
    return "Make one: " + expected.made_by.format(folder="NEW" if folder.exists() else folder)


def _right_command(folder: Path | RemotePath, found: FolderFormat, expected: FolderFormat) -> str:
    """Say what to do with a folder of another kind."""
    if (found, expected) == (RUN, CORPUS):
        corpus = json.loads((folder / RUN.file).read_text(encoding="utf-8")).get("corpus")
        if isinstance(corpus, dict) and "path" in corpus:
            return f"The corpus it was collected from: {corpus['path']}"
    return f"A {found.kind} goes to: {found.taken_by.format(folder=folder)}"


# Which neurolect this is.
def package_version(name: str) -> str:
    """Give the version of an installed package; ``unknown`` of one that runs from its source tree."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def neurolect_version() -> str:
    """Give the version of neurolect."""
    return package_version("neurolect")
