"""The model stage: load a network, number its neurons, turn sentences into activations."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.model.batching import PaddedBatch, plan_batches
    from neurolect.model.finite import NonFinite, non_finite, raise_if_non_finite
    from neurolect.model.load import load_model
    from neurolect.model.model import Activations, Model
    from neurolect.model.neurons import NeuronIndex, SiteLayer
    from neurolect.model.options import ModelOptions
    from neurolect.model.tokens import TokenizedSentences

__all__ = [
    "Activations",
    "Model",
    "ModelOptions",
    "NeuronIndex",
    "NonFinite",
    "PaddedBatch",
    "SiteLayer",
    "TokenizedSentences",
    "load_model",
    "non_finite",
    "plan_batches",
    "raise_if_non_finite",
]

_FILES = {
    "Activations": "model",
    "Model": "model",
    "ModelOptions": "options",
    "NeuronIndex": "neurons",
    "NonFinite": "finite",
    "PaddedBatch": "batching",
    "SiteLayer": "neurons",
    "TokenizedSentences": "tokens",
    "load_model": "load",
    "non_finite": "finite",
    "plan_batches": "batching",
    "raise_if_non_finite": "finite",
}


def __getattr__(name: str) -> object:
    # Names are fetched when used: torch takes seconds to import, and most of the package does without.
    if name in _FILES:
        return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
