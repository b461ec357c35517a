"""Files and folders at URLs (``s3://``, ``gs://``, ``hdfs://``, ...), read and written through fsspec.

What is read once (documents, a corpus) is read where it lies. A run folder is worked on in a local copy, since its
files are replaced one by one and mapped into memory, and uploaded when a stage is whole, the manifest last.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple, ParamSpec, TypeVar, cast

from neurolect.errors import MissingExtraError, NeurolectError
from neurolect.folders.atomic import remove_leftovers, replacing_folder

P = ParamSpec("P")
T = TypeVar("T")

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
_ORIGIN = "origin.json"


class Size(NamedTuple):
    """What is asked of a file's status."""

    st_size: int


class RemotePath:
    """A file or folder at a URL, with those methods of :class:`pathlib.Path` that reading takes."""

    def __init__(self, url: str) -> None:
        self._system, self._path = _opened(url)

    def __str__(self) -> str:
        """Give the URL."""
        return str(self._system.unstrip_protocol(self._path))

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def __truediv__(self, name: str) -> "RemotePath":
        """Give a file or folder in this folder."""
        return self._at(f"{self._path.rstrip('/')}/{name}")

    def _at(self, path: str) -> "RemotePath":
        made = RemotePath.__new__(RemotePath)
        made._system, made._path = self._system, path
        return made

    @property
    def name(self) -> str:
        """Last part."""
        return PurePosixPath(self._path).name

    @property
    def suffixes(self) -> list[str]:
        """Endings of the name."""
        return PurePosixPath(self._path).suffixes

    @property
    def parent(self) -> "RemotePath":
        """The folder it lies in."""
        return self._at(str(PurePosixPath(self._path).parent))

    @property
    def parts(self) -> tuple[str, ...]:
        """Folders and name."""
        return PurePosixPath(self._path).parts

    def is_relative_to(self, root: str) -> bool:
        """Say whether it lies under a folder, given by URL."""
        return PurePosixPath(self._path).is_relative_to(_opened(root)[1])

    def relative_to(self, root: str) -> PurePosixPath:
        """Give the way to it from a folder, given by URL."""
        return PurePosixPath(self._path).relative_to(_opened(root)[1])

    def is_file(self) -> bool:
        """Say whether there is a file."""
        return bool(self._system.isfile(self._path))

    def is_dir(self) -> bool:
        """Say whether there is a folder."""
        return bool(self._system.isdir(self._path))

    def exists(self) -> bool:
        """Say whether there is anything."""
        return bool(self._system.exists(self._path))

    def stat(self) -> Size:
        """Ask for the size."""
        return Size(int(self._system.size(self._path)))

    def resolve(self) -> "RemotePath":
        """Give itself: a URL is whole."""
        return self

    def open(self, mode: str = "rb") -> IO[Any]:
        """Open the file."""
        return cast("IO[Any]", self._system.open(self._path, mode))

    def read_text(self, encoding: str = "utf-8") -> str:
        """Read the whole file as text."""
        return bytes(self._system.cat_file(self._path)).decode(encoding)

    def files(self) -> list["RemotePath"]:
        """List the files of the folder and of those in it, by path."""
        return [self._at(each) for each in sorted(self._system.find(self._path))]

    def matches(self) -> list["RemotePath"]:
        """List the files that match it, taken as a pattern, by path."""
        return [self._at(each) for each in sorted(self._system.glob(self._path))]

    def arrow_source(self) -> tuple[str, Any]:
        """Give path and file system as PyArrow takes them."""
        import pyarrow.fs

        return self._path, pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(self._system))


def is_url(name: str | Path) -> bool:
    """Say whether a place is named by a URL.

    Returns: True for ``protocol://...`` and fsspec's chains of such.

    Examples
    --------
    >>> is_url("s3://bucket/runs/bert"), is_url("runs/bert"), is_url("hf:ag_news")
    (True, False, False)
    """
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)", str(name)) is not None


def place(name: str | Path) -> Path | RemotePath:
    """Give the path of a place, here or at a URL."""
    if not is_url(name):
        return Path(name)
    if str(name).startswith("file://"):
        return Path(_opened(str(name))[1])
    return RemotePath(str(name))


def sibling(name: str | Path, suffix: str) -> str:
    """Name a place next to another.

    Examples
    --------
    >>> sibling("memory://runs/bert/", "-corpus"), sibling("runs/bert", "-corpus")
    ('memory://runs/bert-corpus', 'runs/bert-corpus')
    """
    return f"{str(name).rstrip('/')}{suffix}"


@contextmanager
def staged(folder: str | Path) -> Iterator[Path]:
    """Give the local folder to write a folder in; one at a URL is uploaded if the block succeeds.

    Yields: For a URL a copy of what is there in the cache folder, or what an interrupted command left in it.
    """
    here = place(folder)
    if isinstance(here, Path):
        yield here
        return
    copy = fetched(str(folder))
    yield copy
    publish(copy)


def uploading(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function that writes the folder ``out`` of this machine take a URL for it.

    Returns: The same; what it has written is uploaded once it is through.
    """

    @wraps(function)
    def writing(*given: P.args, **named: P.kwargs) -> T:
        with staged(cast("str | Path", named["out"])) as folder:
            named["out"] = folder
            return function(*given, **named)

    return writing


def fetched(url: str) -> Path:
    """Give a local copy of a folder at a URL.

    Returns: In ``NEUROLECT_CACHE`` (default: ``neurolect`` in the user's cache folder), the same for the same URL.
        It is fetched again when the manifest there is another; where there is none it is left as it is.
    """
    remote = place(url)
    if isinstance(remote, Path):
        return remote
    home = user_cache() / hashlib.blake2b(str(remote).encode(), digest_size=8).hexdigest()
    copy = home / (remote.name or "folder")
    home.mkdir(parents=True, exist_ok=True)
    for each in home.parent.iterdir():
        remove_leftovers(each)
    with _reading(url):
        manifest = (remote / "manifest.json").read_text() if (remote / "manifest.json").is_file() else None
    own = copy / "manifest.json"
    if manifest is not None and (not own.is_file() or own.read_text(encoding="utf-8") != manifest):
        _download(remote, copy)
    if not (home / _ORIGIN).is_file():
        _write_origin(home, str(remote), {})
    return copy


def publish(folder: Path) -> None:
    """Upload a local copy's new and changed files to where it was fetched from, the manifest last.

    ``folder``: From :func:`fetched`; any other folder is left alone. Checkpoints and hidden files stay here.
    """
    origin = folder.parent / _ORIGIN
    if not origin.is_file() or user_cache() not in folder.parents:
        return
    noted = json.loads(origin.read_text(encoding="utf-8"))
    remote, before = RemotePath(noted["url"]), noted["files"]
    names = [name for name in _names(folder) if name != "manifest.json"] + ["manifest.json"]
    try:
        for name in names:
            stamp = _stamp(folder / name)
            if before.get(name) != stamp:
                _upload(folder / name, remote / name)
                before[name] = stamp
    except OSError as error:
        what = f"{remote} could not be written: {error}."
        raise NeurolectError(what, hint=f"It lies whole in {folder}; the same command uploads it.") from error
    _write_origin(folder.parent, str(remote), before)


def _opened(url: str) -> tuple[Any, str]:
    """Find the file system of a URL, and the path in it."""
    import fsspec

    protocol = re.split(r"://|::", url)[0]
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        package = _PACKAGES.get(protocol)
        what = f"{url} cannot be read: {error}."
        hint = f"pip install {package}" if package else "Install the package that fsspec needs for it."
        raise MissingExtraError(what, hint=hint) from error
    except (ValueError, OSError) as error:
        what = f"{url} cannot be read: {error}."
        raise NeurolectError(what, expected="a URL as fsspec knows them: s3://, gs://, hdfs://, file://") from error
    return system, str(path)


def user_cache() -> Path:
    """Give the folder of what can be made again: local copies, and what was found of models."""
    own = os.environ.get("NEUROLECT_CACHE")
    users = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return (Path(own) if own else Path(users) / "neurolect").expanduser().absolute()


def _names(folder: Path) -> list[str]:
    """Name the files that belong to a folder's results."""
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [
        name.as_posix()
        for name in names
        if name.parts[0] != "checkpoint" and not any(part.startswith(".") for part in name.parts)
    ]


def _stamp(path: Path) -> list[int]:
    """Say when a file was written last."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _write_origin(home: Path, url: str, files: dict[str, list[int]]) -> None:
    (home / _ORIGIN).write_text(json.dumps({"url": url, "files": files}), encoding="utf-8")


@contextmanager
def _reading(url: str) -> Iterator[None]:
    """Say which URL could not be read."""
    try:
        yield
    except OSError as error:
        what = f"{url} could not be read: {error}."
        raise NeurolectError(what, hint="Check the address and that you may read it.") from error


def _download(remote: RemotePath, copy: Path) -> None:
    """Replace the local copy by what is there now."""
    with replacing_folder(copy, error=NeurolectError) as fresh, _reading(str(remote)):
        for each in remote.files():
            target = fresh / each.relative_to(str(remote))
            target.parent.mkdir(parents=True, exist_ok=True)
            with each.open() as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 22)
    _write_origin(copy.parent, str(remote), {name: _stamp(copy / name) for name in _names(copy)})


def _upload(path: Path, target: RemotePath) -> None:
    target._system.makedirs(target.parent._path, exist_ok=True)
    with path.open("rb") as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 22)
