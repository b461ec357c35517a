"""Fidelity: how well a signature predicts its neuron's activation on sentences it was not made from."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurolect.fidelity.agreement import stability
    from neurolect.fidelity.options import FidelityOptions
    from neurolect.fidelity.score import load_model_of, score_fidelity

__all__ = ["FidelityOptions", "load_model_of", "score_fidelity", "stability"]

_HOMES = {
    "FidelityOptions": "options",
    "load_model_of": "score",
    "score_fidelity": "score",
    "stability": "agreement",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the module protocol
    """Load the stage's entry points when they are first used."""
    if name in _HOMES:
        return getattr(import_module(f"neurolect.fidelity.{_HOMES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
