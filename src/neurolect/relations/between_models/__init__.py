"""Relations between models: the same corpus through several of them."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.relations.between_models.comparison import Comparison, compare
    from neurolect.relations.between_models.options import CompareOptions

__all__ = ["CompareOptions", "Comparison", "compare"]

_FILES = {"CompareOptions": "options", "Comparison": "comparison", "compare": "comparison"}


def __getattr__(name: str) -> object:
    # Names are fetched when used: torch takes seconds to import.
    if name in _FILES:
        return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
