"""The planted model and texts in its language, once for all tests here."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from neurolect.planted import Truth, planted_corpus, planted_model
from tests.planted.by_hand import ByHand


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return planted_model(tmp_path_factory.mktemp("planted") / "model")


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted_corpus(tmp_path_factory.mktemp("planted") / "texts", sentences=120, seed=7).documents


@pytest.fixture(scope="session")
def by_hand(truth: Truth, documents: Path) -> ByHand:
    return ByHand(truth.folder, pq.read_table(documents.with_name("labels.parquet")).to_pylist())
