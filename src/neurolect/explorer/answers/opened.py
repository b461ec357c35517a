"""The folders that are shown: opened when first asked for, and again when something changed them."""

import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from neurolect.errors import OptionError
from neurolect.folders.formats import COMPARISON, JUDGEMENT, PROTOCOL, RUN, format_of
from neurolect.store import Run, open_run

KINDS = {RUN.name: "runs", JUDGEMENT.name: "judges", PROTOCOL.name: "protocols", COMPARISON.name: "comparisons"}
"""What is shown of which kind of folder."""
KEPT_BYTES = 128 << 20
"""Bytes of a run's tables that are kept as they were read."""
MOST_KEPT = 64
"""Arrays and tables of a run that are kept in memory."""


class OpenedRun:
    """A run, with what was computed of it; both are dropped when another process changes the run."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number = folder, number
        self._lock, self._making = threading.Lock(), threading.RLock()
        self._run: Run | None = None
        self._seen: tuple[int, int] | None = None
        self._kept: dict[Hashable, Any] = {}

    @property
    def state(self) -> tuple[int, int]:
        """What another making of a stage changes: time and size of the manifest."""
        try:
            about = (self.folder / "manifest.json").stat()
        except OSError:
            return (0, 0)
        return about.st_mtime_ns, about.st_size

    def run(self) -> Run:
        """Open the run, or give the one that is open; raises a NeurolectError where it is none."""
        with self._lock:
            state = self.state
            if self._run is None or state != self._seen:
                self._kept.clear()
                self._run, self._seen = open_run(self.folder), state
                self._run.keep_reads(KEPT_BYTES)
            return self._run

    def kept(self, key: Hashable, make: Callable[[Run], Any]) -> Any:  # noqa: ANN401 - whatever it makes
        """Compute something of the run once; what was not asked for longest is dropped."""
        run = self.run()
        found = self._found(key)
        if found is not None:
            return found
        with self._making:  # who asks for the same at the same time waits for the first
            found = self._found(key)
            if found is not None:
                return found
            made = make(run)
        with self._lock:
            if run is self._run:
                self._kept[key] = made
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return made

    def _found(self, key: Hashable) -> Any:  # noqa: ANN401
        with self._lock:
            if key not in self._kept:
                return None
            self._kept[key] = found = self._kept.pop(key)
            return found


class Opened:
    """All folders that are shown, by kind and number."""

    def __init__(self, folders: list[Path]) -> None:
        self.runs: list[OpenedRun] = []
        self.others: dict[str, list[Path]] = {kind: [] for kind in KINDS.values() if kind != "runs"}
        for folder in folders:
            kind = kind_of(folder)
            if kind == "runs":
                self.runs.append(OpenedRun(folder, len(self.runs)))
            else:
                self.others[kind].append(folder)


def kind_of(folder: Path) -> str:
    """Say what a folder is to be shown as; what does not say is taken for a run, which will say what is wrong."""
    if not folder.is_dir():
        what = f"There is no folder {folder}."
        raise OptionError(what, expected="a run folder, or one of `probing judge`, `probing all` or `compare`")
    found = format_of(folder)
    if found is not None and found.name not in KINDS:
        what = f"{folder} is a {found.kind}, which is not shown."
        raise OptionError(what, expected="a run folder, or one of `probing judge`, `probing all` or `compare`")
    return KINDS[RUN.name if found is None else found.name]
