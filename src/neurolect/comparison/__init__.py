"""The comparison stage: runs of several models over one corpus, side by side."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.comparison.folder import Comparison, open_comparison
    from neurolect.comparison.options import CompareOptions
    from neurolect.comparison.stage import compare

__all__ = ["CompareOptions", "Comparison", "compare", "open_comparison"]

_FILES = {"CompareOptions": "options", "Comparison": "folder", "compare": "stage", "open_comparison": "folder"}


def __getattr__(name: str) -> object:
    # Names are fetched when used: torch takes seconds to import.
    if name in _FILES:
        return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
