"""Which steps of the stage are done, and with what: an interrupted or changed stage makes only what is missing."""

import hashlib
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from neurolect.errors import RunFolderError
from neurolect.store import Run, read_manifest, write_manifest
from neurolect.store.manifest import now

__all__ = ["Steps", "check_related", "is_related"]

STAGE = "relate"


class Steps:
    """The account of the stage's steps, kept in the manifest.

    Parameters
    ----------
    folder : Path
        The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        manifest = read_manifest(folder)
        stage = manifest["stages"].get(STAGE, {})
        now_on = _rests_on(manifest["stages"])
        # another pass, description or version makes all steps anew
        self._done: dict[str, dict[str, Any]] = stage.get("steps", {}) if stage.get("rests_on") == now_on else {}
        self._rests_on = [*now_on, version("neurolect")]
        self.n_made = 0

    def make(self, name: str, work: Callable[[], dict[str, Any]], *, files: list[str], settings: object) -> None:
        """Do a step unless it is done already.

        Parameters
        ----------
        name : str
            The step.
        work : callable
            Writes the step's files and gives its counts for the manifest.
        files : list of str
            Files of the run folder that the step writes, each of them whole or not at all.
        settings : JSON-able
            All that the step's results depend on, beside the run itself.
        """
        text = json.dumps([name, self._rests_on, settings], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        if self._done.get(name, {}).get("key") == key and all((self._folder / file).is_file() for file in files):
            return
        # files of an earlier description must not be taken for this one's while the step runs
        self._done.pop(name, None)
        self._write("running")
        start = time.perf_counter()
        counts = work()
        self._done[name] = {"key": key, "seconds": round(time.perf_counter() - start, 3), **counts}
        self.n_made += 1
        self._write("running")

    def finish(self, options: dict[str, Any]) -> None:
        """Say that all steps are done.

        Parameters
        ----------
        options : dict
            What they were done with.
        """
        self._write("complete", options)

    def _write(self, status: str, options: dict[str, Any] | None = None) -> None:
        manifest = read_manifest(self._folder)
        stage = manifest["stages"].get(STAGE, {})
        stage |= {"status": status, "steps": self._done, "rests_on": _rests_on(manifest["stages"])}
        if status == "complete":
            stage |= {"finished": now(), "seconds": round(sum(step["seconds"] for step in self._done.values()), 3)}
            manifest["options"][STAGE] = options
        else:
            stage.setdefault("started", now())
        manifest["stages"][STAGE] = stage
        write_manifest(self._folder, manifest)


def _rests_on(stages: dict[str, Any]) -> list[str | None]:
    """Say which pass and which description there are."""
    return [stages.get(name, {}).get("finished") for name in ("collect", "describe")]


def is_related(run: Run, *, step: str) -> bool:
    """Say whether a step is done, for the present description of a run.

    Parameters
    ----------
    run : Run
        A described run.
    step : str
        The step, e.g. ``"alike"``.

    Returns
    -------
    bool
        False as well where the run was described again since.
    """
    stage = run.manifest["stages"].get(STAGE, {})
    return step in stage.get("steps", {}) and bool(stage.get("rests_on") == _rests_on(run.manifest["stages"]))


def check_related(run: Run) -> None:
    """Refuse a run whose relations are missing, unfinished, or of an earlier description.

    Parameters
    ----------
    run : Run
        A run.

    Raises
    ------
    RunFolderError
        Says how to make them.
    """
    stage = run.manifest["stages"].get(STAGE)
    if stage is None:
        what = f"The neurons of {run.folder} have not been related."
    elif stage.get("rests_on") != _rests_on(run.manifest["stages"]):
        what = f"The relations in {run.folder} are of an earlier description of the run."
    elif stage["status"] != "complete":
        what = f"The relations in {run.folder} are unfinished."
    else:
        return
    raise RunFolderError(what, hint=f"neurolect relate {run.folder}")
