"""Which steps of the stage are done, and with what: an interrupted or changed stage makes only what is missing."""

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

from neurolect.store import Run
from neurolect.store.stages import StageRecord


class Steps:
    """The account of the stage's steps, kept in its record.

    Steps made from an earlier description of the run are made again.
    """

    def __init__(self, record: StageRecord) -> None:
        self._record = record
        entry = record.entry
        known = entry.get("steps", {}) if entry.get("steps_rest_on") == entry["rests_on"] else {}
        self._done: dict[str, dict[str, Any]] = known
        entry["steps"], entry["steps_rest_on"] = known, entry["rests_on"]

    def make(self, name: str, work: Callable[[], dict[str, Any]], *, files: list[str], settings: object) -> None:
        """Do a step unless it is done already with these settings (JSON-able) and its files are there."""
        key = hashlib.sha256(json.dumps([name, settings], sort_keys=True).encode()).hexdigest()[:16]
        folder = self._record.folder
        if self._done.get(name, {}).get("key") == key and all((folder / file).is_file() for file in files):
            return
        # files of an earlier description must not be taken for this one's while the step runs
        self._done.pop(name, None)
        self._record.write()
        start = time.perf_counter()
        counts = work()
        self._done[name] = {"key": key, "seconds": round(time.perf_counter() - start, 3), **counts}
        self._record.write()


def is_related(run: Run, *, step: str) -> bool:
    """Say whether a step such as ``alike`` is done for the run as it is."""
    return run.is_current("relate") and step in run.manifest["stages"]["relate"].get("steps", {})
