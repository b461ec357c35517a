"""Files of several arrays, which an unfinished pass leaves; each member has a check sum of its own.

Each names the pass that wrote it, so that no run is resumed from another's file.
"""

import json
import shlex
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile

from neurolect.errors import RunFolderError
from neurolect.folders.atomic import replacing

OF = "of_pass"
"""The member that names the pass."""


def write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write what a pass leaves of itself, two folders down in the run folder; replace what is there when whole."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{OF: np.array(_pass_of(path)), **arrays})


@contextmanager
def opened_npz(path: Path) -> Iterator[NpzFile]:
    """Open what a pass left of itself in a folder of a run folder; say so where it is damaged or another's."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, NpzFile):
                raise zipfile.BadZipFile
            made_by, here = str(file[OF]) if OF in file.files else "", _pass_of(path)
            if made_by and here and made_by != here:
                raise _bad(path, "is of another run")
            yield file
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, OSError, NotImplementedError) as error:
        raise _bad(path, f"is damaged: {error or 'another kind of file'}") from error


def _pass_of(path: Path) -> str:
    """Name the pass of the run folder that a file is two folders down in; empty where it has no name."""
    try:
        manifest = json.loads((path.parents[1] / "manifest.json").read_text(encoding="utf-8"))
        return str(manifest["stages"]["collect"].get("id") or "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def _bad(path: Path, how: str) -> RunFolderError:
    what = f"{path}, which an unfinished pass left, {how}."
    again = f"Copy the folder again, or remove it and collect again: rm -r {shlex.quote(str(path.parents[1]))}"
    return RunFolderError(what, hint=again)
