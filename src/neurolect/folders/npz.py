"""Files of several arrays, which an unfinished pass leaves; each member has a check sum of its own."""

import shlex
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from neurolect.errors import RunFolderError


@contextmanager
def opened_npz(path: Path) -> Iterator[NpzFile]:
    """Open what a pass left of itself in a folder of a run folder; say so where it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, NpzFile):
                raise zipfile.BadZipFile
            yield file
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, OSError, NotImplementedError) as error:
        what = f"{path}, which an unfinished pass left, is damaged: {error or 'another kind of file'}."
        again = f"Copy the folder again, or remove it and collect again: rm -r {shlex.quote(str(path.parents[1]))}"
        raise RunFolderError(what, hint=again) from error
