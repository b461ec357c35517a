"""Find the files behind the sources a user names: a file, a folder, a glob, a dataset of the hub."""

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import IO, Literal, NamedTuple
from urllib.parse import unquote

from neurolect.errors import CorpusError, OptionError, nearest
from neurolect.folders.formats import FORMATS as FOLDERS
from neurolect.folders.formats import format_of
from neurolect.folders.remote import RemotePath, place
from neurolect.progress import counted
from neurolect.visible import one_line

Format = Literal["text", "json", "csv", "parquet", "conll", "hub", "added"]
FORMATS: dict[str, Format] = {
    ".txt": "text",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".conll": "conll",
    ".conllu": "conll",
    ".conllup": "conll",
}
Read = Callable[[IO[bytes]], Iterator[dict[str, object]]]
"""From an open file to its rows: column name to value, the text and its metadata."""
READERS: dict[str, Read] = {}
"""By ending what reads files of others' formats."""
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")


# Folders of partitioned data: year=2020/lang=en/part-0.parquet.
PARTITION = re.compile(r"([^=]+)=(.*)\Z", re.DOTALL)
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def register_source(ending: str, read: Read) -> None:
    """Add a format of files to those that are read in this process.

    Parameters
    ----------
    ending : str
        Of the files' names, with its dot; a compression may follow it in a name. One that was added before is
        replaced.
    read : callable
        From the open file (bytes, decompressed) to its documents: dictionaries of column name to value. Of each the
        column ``text`` (or what ``prepare.text_column`` names) is the text, the others are metadata.

    Raises
    ------
    OptionError
        If the ending is that of a format of neurolect's own, or has no dot.
    """
    ending = ending.lower()
    if not ending.startswith(".") or (ending in FORMATS and ending not in READERS) or ending in COMPRESSIONS:
        what = f"Files that end in {ending!r} cannot be given another reader."
        raise OptionError(
            what, expected="an ending with its dot, such as .eml", hint=f"Taken: {', '.join(FORMATS)}."
        )
    FORMATS[ending], READERS[ending] = "added", read


def unregister_source(ending: str) -> None:
    """Take an added format away again.

    Parameters
    ----------
    ending : str
        One that was added; nothing happens with any other.
    """
    if READERS.pop(ending.lower(), None) is not None:
        del FORMATS[ending.lower()]


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


def folder_values(source: Source) -> dict[str, str | None]:
    """Read what the folders above a file say of its rows: column name to value, as partitioned data has it.

    Examples
    --------
    >>> folder_values(Source("data/year=2020/lang=pt%2Dbr/part-0.csv", "csv", "data"))
    {'year': '2020', 'lang': 'pt-br'}
    """
    folder = place(source.name).parent
    if source.format == "hub" or not folder.is_relative_to(source.root):
        return {}
    found = (PARTITION.match(part) for part in folder.relative_to(source.root).parts)
    pairs = [(unquote(each[1]), unquote(each[2])) for each in found if each]
    return {name: None if value == NO_VALUE else value for name, value in pairs}


def find_sources(sources: str | Path | Sequence[str | Path]) -> list[Source]:
    """Resolve sources to files.

    ``sources``: A file, a folder (searched to its depths), a glob, each here or at a URL, or
        ``hf:NAME[:CONFIG][:SPLIT]``.
    Returns: In the order given; the files of a folder or glob in the order of their paths; none twice.
    """
    return unique_sources(sources).sources


class Found(NamedTuple):
    """The files behind sources."""

    sources: list[Source]
    n_repeated: int
    """Files that were named more than once."""
    notices: list[str]
    """What lies in the folders and was left out."""


def unique_sources(sources: str | Path | Sequence[str | Path]) -> Found:
    """Resolve sources to files, count those that were named more than once, and say what was left out.

    ``sources``: As for :func:`find_sources`, which also says what is raised.
    """
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    if not given:
        what = "No source was given."
        raise CorpusError(what, hint="Name at least one file, folder, glob or hf:DATASET.")
    found: dict[str, Source] = {}
    repeated: set[str] = set()
    notices: dict[str, None] = {}
    for each in given:
        for source in _resolve(str(each), notices):
            # one file may be named in several ways
            key = source.name if source.format == "hub" else str(place(source.name).resolve())
            if found.setdefault(key, source) is not source:
                repeated.add(key)
    return Found(list(found.values()), len(repeated), list(notices))


def _resolve(name: str, notices: dict[str, None]) -> list[Source]:
    remote = place(name)
    if isinstance(remote, RemotePath):
        return _resolve_remote(name, remote, notices)
    if name.startswith("hf:"):
        return [Source(name, "hub", "")]
    path = remote.expanduser()
    try:
        path.lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # a name that is too long, or has a zero in it
        what = f"{shown(name)[:200]} cannot be a file or folder: {getattr(error, 'strerror', None) or error}."
        raise CorpusError(what, hint="Check the name.") from error
    if path.is_dir():
        return _resolve_folder(name, path, notices)
    if path.exists():
        return [Source(str(path), _format(path), str(path.parent))]
    if glob.has_magic(str(path)):
        # pathlib has no glob for a pattern that may be absolute.
        matches = [Path(each) for each in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        root = Path(str(path).split("*", 1)[0]).parent
        files = [each for each in matches if each.is_file() and not _in_own_folder(each, root, notices)]
        if not files:
            what = f"No file matches {shown(name)}."
            raise CorpusError(what, hint="Check the pattern; ** searches folders to their depths.")
        return [Source(str(each), _format(each), str(root)) for each in files]
    raise _missing(path)


def _resolve_folder(name: str, path: Path, notices: dict[str, None]) -> list[Source]:
    """List the files of a folder that can be read, to its depths, less what neurolect wrote there."""
    own = format_of(path)
    if own is not None:
        what = f"The source {shown(name)} is a {own.kind}: it was made from sources."
        raise CorpusError(what, hint=f"It goes to: {own.taken_by.format(folder=shown(path))}")
    files: list[Path] = []
    others: Counter[str] = Counter()
    for folder, folders, names in os.walk(path):
        kept = []
        for each in folders:
            own = None if each.startswith(".") else format_of(Path(folder) / each)
            if own is not None:
                notices[_left_out(Path(folder) / each, own.kind)] = None
            elif not each.startswith("."):
                kept.append(each)
        folders[:] = kept
        visible = [Path(folder) / each for each in names if not each.startswith(".")]
        files += [each for each in visible if _known(each) and each.is_file()]
        others.update(each.suffix.lower() or "no ending" for each in visible if not _known(each))
    if not files:
        what = f"The folder {shown(name)} holds no file that can be read."
        there = sorted(shown(each.name) for each in path.iterdir())
        hint = f"It holds {', '.join(there[:5])}{' ...' if len(there) > 5 else ''}." if there else "It is empty."
        raise CorpusError(what, expected="files named " + _readable(), hint=hint)
    if others:
        kinds = ", ".join(f"{shown(ending)}: {n:,}" for ending, n in others.most_common(5))
        one, many = "{} file of another kind was left out of", "{} files of other kinds were left out of"
        notices[f"{counted(others.total(), one, many)} {shown(name)} ({kinds})."] = None
    return [Source(str(each), _format(each), str(path)) for each in sorted(files)]


def _left_out(folder: Path | RemotePath, kind: str) -> str:
    return f"{shown(folder)} is a {kind} and was left out of the sources."


def _in_own_folder(path: Path, root: Path, notices: dict[str, None]) -> bool:
    """Tell whether a file lies in a folder that neurolect wrote, below the root of a pattern."""
    for folder in path.parents:
        if folder == root or not folder.is_relative_to(root):
            return False
        own = format_of(folder)
        if own is not None:
            notices[_left_out(folder, own.kind)] = None
            return True
    return False


def shown(name: object) -> str:
    r"""Write a name so that it stays on its line and drives no terminal.

    Examples
    --------
    >>> shown("two\nlines.txt")
    'two\\nlines.txt'
    """
    return one_line(str(name))


def _resolve_remote(name: str, remote: RemotePath, notices: dict[str, None]) -> list[Source]:
    """Resolve a URL to files."""
    try:
        if remote.is_file():
            return [Source(str(remote), _format(remote), str(remote.parent))]
        if glob.has_magic(name):
            files = [each for each in remote.matches() if each.is_file()]
            root = RemotePath(name.split("*", 1)[0].rpartition("/")[0])
        else:
            files = _without_own_folders(list(remote.files()), remote, notices)
            files = [each for each in files if _known(each) and not _hidden(each.relative_to(str(remote)))]
            root = remote
    except OSError as error:
        what = f"{name} cannot be read: {error}."
        raise CorpusError(what, hint="Check the address and that you may read it.") from error
    if not files:
        what = f"There is no file at {name} that can be read."
        raise CorpusError(what, expected="a file, a folder or a pattern of files named " + _readable())
    return [Source(str(each), _format(each), str(root)) for each in files]


def _without_own_folders(files: list[RemotePath], root: RemotePath, notices: dict[str, None]) -> list[RemotePath]:
    """Leave out what lies in folders that neurolect wrote."""
    own: list[str] = []
    for each in files:
        if each.name in {kind.file for kind in FOLDERS} and (kind := format_of(each.parent)) is not None:
            if str(each.parent) == str(root):
                what = f"The source {shown(root)} is a {kind.kind}: it was made from sources."
                raise CorpusError(what, hint=f"It goes to: {kind.taken_by.format(folder=shown(root))}")
            own.append(f"{each.parent}/")
            notices[_left_out(each.parent, kind.kind)] = None
    return [each for each in files if not str(each).startswith(tuple(own))] if own else files


def _missing(path: Path) -> CorpusError:
    what = f"There is no file or folder {shown(path)}."
    folder = path.parent
    if folder.is_dir():
        names = sorted(shown(each.name) for each in folder.iterdir() if not each.name.startswith("."))
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
        what = f"The format of {shown(path)} is not known by its name ({ending or 'no ending'})."
        hint = "Rename the file if it is one of these; a .json file with one object a line is a .jsonl file."
        raise CorpusError(what, expected="a file named " + _readable(), hint=hint)
    return FORMATS[ending]


def _readable() -> str:
    return ", ".join(FORMATS) + " (these also with " + ", ".join(COMPRESSIONS) + ")"
