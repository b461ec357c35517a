from pathlib import Path

import pytest

from neurolect.relations import RelateOptions, relate
from neurolect.store import Run
from tests.relations.related_run import write_described_run

QUICK = RelateOptions(n_draws=50, diversity_groups=(1, 2, 4), n_starts=2, n_neighbours=3, diversity_sentences=5)


@pytest.fixture(scope="session")
def described(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_described_run(Path(tmp_path_factory.mktemp("described")) / "run")


@pytest.fixture(scope="session")
def related(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = write_described_run(Path(tmp_path_factory.mktemp("related")) / "run")
    return relate(run, options=QUICK, workers=2)
