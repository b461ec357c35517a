"""Two models and their runs over one corpus."""

from pathlib import Path

import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.model import load_model
from neurolect.variants import random_variant
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``trained``, ``random`` and ``run-trained``, ``run-random``; nothing in it is changed."""
    folder = tmp_path_factory.mktemp("compared")
    model = write_tiny_bert(folder / "trained")
    random_variant(str(model), out=folder / "random")
    corpus = tiny_corpus(folder)
    for name in ("trained", "random"):
        options = CollectOptions(list_size=30)
        collect(load_model(str(folder / name)), corpus, out=folder / f"run-{name}", options=options)
    return folder
