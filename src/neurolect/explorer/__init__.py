"""The explorer: runs as pages of a browser, served live or written as a site."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.explorer.answers.source import Answers
    from neurolect.explorer.options import ServeOptions
    from neurolect.explorer.server.running import serve
    from neurolect.explorer.site.export import export_folder
    from neurolect.explorer.site.report import write_report

__all__ = ["Answers", "ServeOptions", "export_folder", "serve", "write_report"]

_HOMES = {
    "Answers": "answers.source",
    "ServeOptions": "options",
    "export_folder": "site.export",
    "serve": "server.running",
    "write_report": "site.report",
}


def __getattr__(name: str) -> object:
    """Load what is asked for: the options are read without a model's libraries."""
    if name in _HOMES:
        return getattr(import_module(f"neurolect.explorer.{_HOMES[name]}"), name)
    msg = f"module 'neurolect.explorer' has no attribute {name!r}"
    raise AttributeError(msg)
