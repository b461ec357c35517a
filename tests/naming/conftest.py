"""A whole run, with histograms and a model: what cards and dashboards need; and one whose lists are known."""

import shutil
from pathlib import Path

import pytest

from tests.command_line import succeed
from tests.fidelity.scored_run import write_described_run
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    model = write_tiny_bert(folder / "bert")
    documents = write_documents(folder / "documents.jsonl", n_documents=60)
    settings = ("describe.tagger=none", "describe.vectors=none", "collect.list_size=20", "prepare.held_out=0.4")
    given = [f"--set={each}" for each in (*settings, "fidelity.after_describe=false")]
    succeed("run", model, documents, "--out", folder / "run", "--workers=1", *given)
    return folder / "run"


@pytest.fixture
def whole_run(made_run: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made_run, tmp_path / "whole"))


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("named") / "run"
    write_described_run(folder)
    return folder


@pytest.fixture
def folder(described: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(described, tmp_path / "run"))
