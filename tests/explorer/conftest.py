from pathlib import Path

import pytest

from tests.example_run import write_example_run


@pytest.fixture(scope="session")
def example_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example_run(Path(tmp_path_factory.mktemp("explorer")) / "example")
