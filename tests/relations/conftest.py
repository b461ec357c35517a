from pathlib import Path

import pytest

from neurolect.store import Run
from tests.relations.related_run import write_described_run, write_related_run


@pytest.fixture(scope="session")
def described(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_described_run(Path(tmp_path_factory.mktemp("described")) / "run")


@pytest.fixture(scope="session")
def related(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_related_run(Path(tmp_path_factory.mktemp("related")) / "run")
