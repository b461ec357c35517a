"""Keep the finished parts of long work, so that the same command resumes after a stop.

They lie in a run folder; those of work that has none lie in the user's cache folder, under a name made of all that
the work rests on, so that other options, another model or other data find nothing there.
"""

import hashlib
import json
import logging
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import NeurolectError
from neurolect.folders.atomic import replacing, write_json
from neurolect.folders.formats import neurolect_version
from neurolect.folders.remote import user_cache
from neurolect.progress import NullTask, Task

logger = logging.getLogger(__name__)

Arrays = dict[str, NDArray[Any]]
Step = TypeVar("Step")
_DONE = "n_done"
_EVERY = 30.0
"""Seconds after which a part that grows is written again."""
_DAYS = 30
"""Age at which what nobody resumed is removed."""
_DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)
_until_the_end: list[list[Path]] = []


def begin_parts(folder: Path, key: dict[str, Any]) -> None:
    """Keep the parts in a folder if they are parts of the work of a key; else start an empty one for it."""
    plan = folder / "plan.json"
    if plan.is_file() and plan.read_bytes().split() == json.dumps(key, indent=2).encode().split():
        return
    if folder.exists():
        shutil.rmtree(folder)
    write_json(plan, key)


class Parts:
    """Named parts of one piece of work in a folder, which is made when the first is kept; without one none is."""

    def __init__(self, folder: Path | None = None, *, within: "Parts | None" = None) -> None:
        self._folder = folder
        self._all: Parts = self if within is None else within._all
        self._lost = False
        self.more = False
        """Whether there is more to do when the work ends, so that what there is stays."""

    def of(self, name: str) -> "Parts":
        """Give those of a part of the work."""
        return Parts(None if self._folder is None else self._folder / name, within=self)

    def has(self, name: str) -> bool:
        """Say whether a part is there."""
        return self._folder is not None and (self._folder / f"{name}.npz").is_file()

    def read(self, name: str) -> Arrays | None:
        """Give a part as it was kept; None where there is none, or it is damaged and has to be made again."""
        if self._folder is None:
            return None
        path = self._folder / f"{name}.npz"
        with suppress(*_DAMAGED), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {each: arrays[each] for each in arrays.files}
        return None

    def keep(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Keep a part; where nothing can be written that is said once, and the work goes on without."""
        if self._folder is None or self._all._lost:
            return
        path = self._folder / f"{name}.npz"
        try:
            try:
                _write(path, arrays)
            except KeyboardInterrupt:  # what a stop meets while it is written is kept too
                _write(path, arrays)
                raise
        except NeurolectError as error:
            self._all._lost = True
            logger.warning("A stop would lose what was computed: %s", error.what)

    def made(self, name: str, make: Callable[[], Mapping[str, Any]], *, task: Task | None = None) -> Arrays:
        """Give a part as it was kept, or make and keep it; a step of the task either way."""
        found, task = self.read(name), task or NullTask()
        if found is not None:
            task.resume(1)
            return found
        found = {each: np.asarray(values) for each, values in make().items()}
        self.keep(name, found)
        task.advance(1)
        return found

    def table(self, name: str, make: Callable[[], pa.Table], *, task: Task | None = None) -> pa.Table:
        """Give a table as it was kept, or make and keep it."""
        packed = self.made(name, lambda: {"table": _packed(make())}, task=task)["table"]
        return pa.ipc.open_stream(pa.py_buffer(packed)).read_all()

    def summed(
        self,
        name: str,
        steps: Sequence[Step],
        of: Callable[[Step], Mapping[str, Any]],
        *,
        task: Task | None = None,
        size: Callable[[Step], int] = lambda _: 1,
    ) -> Arrays:
        """Add up the arrays that each step gives; those that were added before a stop are not taken again."""
        known = self.read(name) or {}
        n_done = int(known.pop(_DONE, np.array(0)))
        state: Arrays | None = None
        if task is not None and n_done:
            task.resume(sum(map(size, steps[:n_done])))
        with self.growing(name, lambda: state) as grown:
            for number, step in enumerate(steps[n_done:], start=n_done + 1):
                more = of(step)
                known = {each: known[each] + values if known else values for each, values in more.items()}
                state = {**known, _DONE: np.array(number)}
                grown()
                if task is not None:
                    task.advance(size(step))
        return known

    def drop(self, name: str) -> None:
        """Remove a part that is no more needed."""
        if self._folder is not None:
            (self._folder / f"{name}.npz").unlink(missing_ok=True)

    @contextmanager
    def growing(
        self, name: str, state: Callable[[], Mapping[str, Any] | None], *, whole: bool = True
    ) -> Iterator[Callable[[], None]]:
        """Keep a part that grows: now and then, when what is given is called, and when the block is stopped.

        ``state`` gives the part as it is at any moment, or None where there is nothing yet. ``whole``: Whether it
            is kept too when the block ends. Large parts are written less often: in a twentieth of the time at most.
        """
        next_time = time.monotonic() + _EVERY

        def perhaps() -> None:
            nonlocal next_time
            start = time.monotonic()
            if start >= next_time and (now := state()) is not None:
                self.keep(name, now)
                next_time = start + max(_EVERY, 20.0 * (time.monotonic() - start))

        try:
            yield perhaps
        except BaseException:
            if (now := state()) is not None:
                self.keep(name, now)
            raise
        if whole and (now := state()) is not None:
            self.keep(name, now)


def _write(path: Path, arrays: Mapping[str, Any]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _packed(table: pa.Table) -> NDArray[np.uint8]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


@contextmanager
def unfinished(work: str, rests_on: Sequence[object] | None, *, written: bool = False) -> Iterator[Parts]:
    """Give the parts of work without a folder of its own that stops left; they are removed once the block succeeds.

    ``rests_on``: All that its results depend on, as JSON; None: nothing is kept. ``written``: Whether the block
        writes its results; else the parts may have to lie until that is done (:func:`removed_last`).
    """
    if rests_on is None:
        yield Parts()
        return
    home = user_cache() / "unfinished"
    _remove_old(home)
    key = json.dumps([neurolect_version(), work, rests_on], sort_keys=True, default=_plain)
    folder = home / f"{work}-{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"
    if folder.is_dir():
        logger.info("Resuming from what a stopped command left in %s.", folder)
    parts = Parts(folder)
    yield parts
    if parts.more:
        return
    if _until_the_end and not written:
        _until_the_end[-1].append(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def removed_last() -> Iterator[None]:
    """Let parts of finished work lie until the block has handed on what was made of them, and has ended well."""
    folders: list[Path] = []
    _until_the_end.append(folders)
    try:
        yield
    except SystemExit as left:
        if left.code:
            raise
        _remove(folders)
        raise
    else:
        _remove(folders)
    finally:
        _until_the_end.remove(folders)


def _plain(value: object) -> str:
    """Spell a path; anything else might be spelled as another one is."""
    if isinstance(value, Path):
        return str(value)
    msg = f"{type(value).__name__} in what work rests on"
    raise TypeError(msg)


def _remove(folders: Sequence[Path]) -> None:
    for each in folders:
        shutil.rmtree(each, ignore_errors=True)


def _remove_old(home: Path) -> None:
    """Remove what nobody resumed."""
    with suppress(OSError):
        for each in home.iterdir():
            if time.time() - each.stat().st_mtime > _DAYS * 86_400:
                shutil.rmtree(each, ignore_errors=True)


def digest_of(*values: object) -> str:
    """Name arrays, texts and plain values in 32 digits."""
    digest = hashlib.blake2b(digest_size=16)
    for each in values:
        given = [str(each.dtype), each.shape] if isinstance(each, np.ndarray) else each
        digest.update(json.dumps(given, sort_keys=True, default=_plain).encode())
        if isinstance(each, np.ndarray):
            digest.update(np.ascontiguousarray(each).tobytes())
    return digest.hexdigest()
