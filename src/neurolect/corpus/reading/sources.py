"""Find the files behind the sources a user names: a file, a folder, a glob, a dataset of the hub."""

import glob
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Literal, NamedTuple

from neurolect.errors import CorpusError, nearest
from neurolect.folders.remote import RemotePath, place

Format = Literal["text", "json", "csv", "parquet", "hub"]
FORMATS: dict[str, Format] = {
    ".txt": "text",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")


class Source(NamedTuple):
    """One file, or one dataset of the hub."""

    name: str
    """Path or URL of the file, or ``hf:NAME...``."""
    format: Format
    root: str
    """Folder the file was found under; its own folder if it was named itself."""

    @property
    def n_bytes(self) -> int | None:
        """Size of the file; None for the hub."""
        return None if self.format == "hub" else place(self.name).stat().st_size


def find_sources(sources: str | Path | Sequence[str | Path]) -> list[Source]:
    """Resolve sources to files.

    ``sources``: A file, a folder (searched to its depths), a glob, each here or at a URL, or
        ``hf:NAME[:CONFIG][:SPLIT]``.
    Returns: In the order given; the files of a folder or glob in the order of their paths; none twice.
    """
    return unique_sources(sources)[0]


def unique_sources(sources: str | Path | Sequence[str | Path]) -> tuple[list[Source], int]:
    """Resolve sources to files, and count those that were named more than once.

    ``sources``: As for :func:`find_sources`, which also says what is raised.
    """
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    if not given:
        what = "No source was given."
        raise CorpusError(what, hint="Name at least one file, folder, glob or hf:DATASET.")
    found: dict[str, Source] = {}
    repeated: set[str] = set()
    for each in given:
        for source in _resolve(str(each)):
            # one file may be named in several ways
            key = source.name if source.format == "hub" else str(place(source.name).resolve())
            if found.setdefault(key, source) is not source:
                repeated.add(key)
    return list(found.values()), len(repeated)


def _resolve(name: str) -> list[Source]:
    remote = place(name)
    if isinstance(remote, RemotePath):
        return _resolve_remote(name, remote)
    if name.startswith("hf:"):
        return [Source(name, "hub", "")]
    path = remote.expanduser()
    if path.is_dir():
        files = [each for each in sorted(path.rglob("*")) if _known(each) and each.is_file()]
        files = [each for each in files if not _hidden(each.relative_to(path))]
        if not files:
            what = f"The folder {name} holds no file that can be read."
            there = sorted(each.name for each in path.iterdir())
            hint = (
                f"It holds {', '.join(there[:5])}{' ...' if len(there) > 5 else ''}." if there else "It is empty."
            )
            raise CorpusError(what, expected="files named " + _readable(), hint=hint)
        return [Source(str(each), _format(each), str(path)) for each in files]
    if path.exists():
        return [Source(str(path), _format(path), str(path.parent))]
    if glob.has_magic(str(path)):
        # pathlib has no glob for a pattern that may be absolute.
        matches = [Path(each) for each in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        files = [each for each in matches if each.is_file()]
        if not files:
            what = f"No file matches {name}."
            raise CorpusError(what, hint="Check the pattern; ** searches folders to their depths.")
        root = str(Path(str(path).split("*", 1)[0]).parent)
        return [Source(str(each), _format(each), root) for each in files]
    raise _missing(path)


def _resolve_remote(name: str, remote: RemotePath) -> list[Source]:
    """Resolve a URL to files."""
    try:
        if remote.is_file():
            return [Source(str(remote), _format(remote), str(remote.parent))]
        if glob.has_magic(name):
            files = [each for each in remote.matches() if each.is_file()]
            root = RemotePath(name.split("*", 1)[0].rpartition("/")[0])
        else:
            files = [each for each in remote.files() if _known(each) and not _hidden(each.relative_to(str(remote)))]
            root = remote
    except OSError as error:
        what = f"{name} cannot be read: {error}."
        raise CorpusError(what, hint="Check the address and that you may read it.") from error
    if not files:
        what = f"There is no file at {name} that can be read."
        raise CorpusError(what, expected="a file, a folder or a pattern of files named " + _readable())
    return [Source(str(each), _format(each), str(root)) for each in files]


def _missing(path: Path) -> CorpusError:
    what = f"There is no file or folder {path}."
    folder = path.parent
    if folder.is_dir():
        names = sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
        if names:
            return CorpusError(what, hint=f"In {folder} there are: {nearest(path.name, names)}.")
        return CorpusError(what, hint=f"The folder {folder} is empty.")
    return CorpusError(what, hint=f"The folder {folder} does not exist either.")


def suffixes(path: Path | RemotePath) -> tuple[str, str]:
    """Split the end of a file name into format and compression, both lower case, ``""`` where there is none."""
    parts = [part.lower() for part in path.suffixes[-2:]]
    if parts and parts[-1] in COMPRESSIONS:
        return (parts[-2] if len(parts) > 1 else "", parts[-1])
    return (parts[-1] if parts else "", "")


def _known(path: Path | RemotePath) -> bool:
    return suffixes(path)[0] in FORMATS


def _hidden(path: PurePath) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _format(path: Path | RemotePath) -> Format:
    ending, _ = suffixes(path)
    if ending not in FORMATS:
        what = f"The format of {path} is not known by its name ({ending or 'no ending'})."
        hint = "Rename the file if it is one of these; a .json file with one object a line is a .jsonl file."
        raise CorpusError(what, expected="a file named " + _readable(), hint=hint)
    return FORMATS[ending]


def _readable() -> str:
    return ", ".join(FORMATS) + " (these also with " + ", ".join(COMPRESSIONS) + ")"
