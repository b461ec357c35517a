"""Names by a language model, next to the automatic ones and scored by the same judge on held-out sentences."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurolect.naming.cost import Cost, name_cost
    from neurolect.naming.exports import export_names
    from neurolect.naming.options import NameOptions
    from neurolect.naming.stage import name_neurons

__all__ = ["Cost", "NameOptions", "export_names", "name_cost", "name_neurons"]

_HOMES = {
    "Cost": "cost",
    "NameOptions": "options",
    "export_names": "exports",
    "name_cost": "cost",
    "name_neurons": "stage",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the module protocol
    """Load the stage's entry points when they are first used."""
    if name in _HOMES:
        return getattr(import_module(f"neurolect.naming.{_HOMES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
