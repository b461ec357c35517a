"""The planted model: a network in which it is known what neurons read and do, and texts in its language.

For tests of methods that look for neurons, ours and others': docs/planted.md.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.planted.corpus import PlantedCorpus, planted_corpus
    from neurolect.planted.make import planted_model
    from neurolect.planted.truth import PlantedNeuron, Truth, read_truth

__all__ = ["PlantedCorpus", "PlantedNeuron", "Truth", "planted_corpus", "planted_model", "read_truth"]

_FILES = {
    "PlantedCorpus": "corpus",
    "PlantedNeuron": "truth",
    "Truth": "truth",
    "planted_corpus": "corpus",
    "planted_model": "make",
    "read_truth": "truth",
}


def __getattr__(name: str) -> object:
    # Names are fetched when used: torch takes seconds to import.
    if name in _FILES:
        return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
