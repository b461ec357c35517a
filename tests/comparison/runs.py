"""Runs to compare."""

import json
import shutil
from pathlib import Path
from typing import Any

from neurolect.store import Run, open_run


def runs_of(workshop: Path) -> list[Run]:
    return [open_run(workshop / "run-trained"), open_run(workshop / "run-random")]


def changed(run: Path, out: Path, **values: Any) -> Run:
    """Copy a run folder with another manifest: ``corpus__fingerprint="x"``."""
    shutil.copytree(run, out)
    manifest = json.loads((out / "manifest.json").read_text())
    for name, value in values.items():
        *path, last = name.split("__")
        at = manifest
        for key in path:
            at = at[key]
        at[last] = value
    (out / "manifest.json").write_text(json.dumps(manifest))
    return open_run(out)
