"""Make a folder once in a test run, and copy it wherever a test asks for one: a copy takes milliseconds."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any


def copy_of(make: Callable[..., object], folder: Path, **given: Any) -> Path:
    """Copy what ``make(folder, **given)`` writes to where a test may change it, and return that place."""
    return Path(shutil.copytree(_made(make, **given), folder, dirs_exist_ok=True))


@cache
def _made(make: Callable[..., object], **given: Any) -> Path:
    place = Path(tempfile.mkdtemp(prefix="neurolect-tests-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    make(place, **given)
    return place
