"""A small store of activations of random sentences."""

from pathlib import Path
from typing import Any

from neurolect.probing import ActivationsOptions, ActivationStore, read_activations
from tests.model.networks import tiny_model
from tests.probing.treebanks import sentences, write_treebank

FEW = {"min_train": 8, "min_test": 2}


def example_store(folder: Path, *, concept: str = "tags", **options: Any) -> ActivationStore:
    """Read a tiny model at the words of random sentences."""
    folder.mkdir(parents=True, exist_ok=True)
    data = write_treebank(folder / "treebank.jsonl", sentences(200))
    chosen = ActivationsOptions(**FEW | options)
    return read_activations(tiny_model("Bert"), data, out=folder / "acts", concept=concept, options=chosen)
