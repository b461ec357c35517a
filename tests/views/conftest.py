from pathlib import Path

import pytest

from neurolect.store import Run, open_run
from tests.example_run import write_example_run
from tests.relations.related_run import write_related_run


@pytest.fixture(scope="session")
def example_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return open_run(write_example_run(Path(tmp_path_factory.mktemp("run")) / "example"))


@pytest.fixture(scope="session")
def related_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_related_run(Path(tmp_path_factory.mktemp("related_for_plots")) / "run")
