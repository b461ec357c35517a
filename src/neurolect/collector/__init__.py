"""One pass over a corpus: the sentences that activate every neuron most, samples, moments, background."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from neurolect.collector.options import CollectOptions

if TYPE_CHECKING:
    from neurolect.collector.engines.merging import merge
    from neurolect.collector.stage import collect

__all__ = ["CollectOptions", "collect", "merge"]

_HOMES = {"collect": "stage", "merge": "engines.merging"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the module protocol
    """Load the collector, and with it torch and numba, when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(f"neurolect.collector.{_HOMES[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
