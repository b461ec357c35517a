"""The backends that ``model.backend`` can name besides PyTorch. Importing this imports none of them."""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from neurolect.model.model import Model
    from neurolect.model.ways.way import Way

BACKENDS = {
    "openvino": "neurolect.model.trials.openvino",
}
"""Names, and the module of each whose ``BACKEND`` tries it: a new backend is a line here."""


class Backend(NamedTuple):
    """How to get a way to run networks that PyTorch does not run."""

    title: str
    """What people call it."""
    install: str
    """The command that installs it."""
    there: Callable[[], bool]
    """Whether it is installed, without importing it."""
    worth: Callable[["Model", int], bool]
    """Whether setting it up pays for so many sentences; then ``auto`` takes it."""
    attempt: Callable[["Model"], "Way | str"]
    """Set it up and try it; else why it cannot be, as the end of "... and ..."."""


def backend(name: str) -> Backend:
    """Give one of the backends."""
    made: Backend = importlib.import_module(BACKENDS[name]).BACKEND
    return made
