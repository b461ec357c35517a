"""The variants stage: models to compare a model with, made from it."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.variants.finetune_options import FinetuneOptions
    from neurolect.variants.finetuned import FinetunedVariant, finetuned_variant
    from neurolect.variants.make import variant
    from neurolect.variants.random_weights import RandomVariant, random_variant

__all__ = ["FinetuneOptions", "FinetunedVariant", "RandomVariant", "finetuned_variant", "random_variant", "variant"]

_FILES = {
    "FinetuneOptions": "finetune_options",
    "FinetunedVariant": "finetuned",
    "RandomVariant": "random_weights",
    "finetuned_variant": "finetuned",
    "random_variant": "random_weights",
    "variant": "make",
}


def __getattr__(name: str) -> object:
    # Names are fetched when used: torch takes seconds to import.
    if name in _FILES:
        return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
