"""One pass over a corpus: the sentences that move every neuron most, samples, moments, background."""

from typing import TYPE_CHECKING, Any

from neurolect.collector.options import CollectOptions

if TYPE_CHECKING:
    from neurolect.collector.corpus_pass import collect

__all__ = ["CollectOptions", "collect"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the module protocol
    """Load the collector, and with it torch and numba, when it is first asked for."""
    if name == "collect":
        from importlib import import_module

        return import_module("neurolect.collector.corpus_pass").collect
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
