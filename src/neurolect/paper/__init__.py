"""The papers' findings, replicated: one command from a model and a corpus to a table of what was found."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.paper.options import PaperOptions
    from neurolect.paper.reproduce import reproduce_paper

__all__ = ["PaperOptions", "reproduce_paper"]

_FILES = {"PaperOptions": "options", "reproduce_paper": "reproduce"}


def __getattr__(name: str) -> object:
    # Names are fetched when used: a machine that only collects has neither spaCy nor matplotlib.
    if name in _FILES:
        return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
