"""Interventions: neurons of the running model are set, and what that changes is measured."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.interventions.editing import EditReport, edit

__all__ = ["EditReport", "edit"]

_HOMES = {"EditReport": "editing", "edit": "editing"}


def __getattr__(name: str) -> object:
    """Load what is asked for: torch takes seconds to import."""
    if name in _HOMES:
        return getattr(import_module(f"neurolect.interventions.{_HOMES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
