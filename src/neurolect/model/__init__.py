"""The model stage: load a network, number its neurons, turn sentences into activations."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.model.batching import PaddedBatch, plan_batches
    from neurolect.model.language_model import Activations, Model
    from neurolect.model.load import load_model
    from neurolect.model.neurons import NeuronIndex, NonFinite, SiteLayer, non_finite, raise_if_non_finite
    from neurolect.model.options import (
        ModelOptions,
        register_backend,
        register_site,
        unregister_backend,
        unregister_site,
    )
    from neurolect.model.tokens import TokenizedSentences
    from neurolect.model.ways.way import Backend

__all__ = [
    "Activations",
    "Backend",
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
    "register_backend",
    "register_site",
    "unregister_backend",
    "unregister_site",
]

_FILES = {
    "Activations": "language_model",
    "Backend": "ways.way",
    "Model": "language_model",
    "ModelOptions": "options",
    "NeuronIndex": "neurons",
    "NonFinite": "neurons",
    "PaddedBatch": "batching",
    "SiteLayer": "neurons",
    "TokenizedSentences": "tokens",
    "load_model": "load",
    "non_finite": "neurons",
    "plan_batches": "batching",
    "raise_if_non_finite": "neurons",
    "register_backend": "options",
    "register_site": "options",
    "unregister_backend": "options",
    "unregister_site": "options",
}


def __getattr__(name: str) -> object:
    # Names are fetched when used: torch takes seconds to import, and most of the package does without.
    if name in _FILES:
        return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
