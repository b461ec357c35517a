"""What every step of the describe stage needs: the run, the options, where to report and to write."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pyarrow as pa

from neurolect.atomic import write_table
from neurolect.progress import Progress
from neurolect.signatures.options import DescribeOptions
from neurolect.store import Run

__all__ = ["Stage"]


class Stage(NamedTuple):
    """What every step of the stage needs."""

    run: Run
    options: DescribeOptions
    workers: int
    progress: Progress
    seconds: dict[str, float]

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time of a step to the account."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)

    def write(self, name: str, table: pa.Table) -> None:
        """Write one table of the run folder."""
        with self.timed("write"):
            # small row groups: a card reads one neuron
            write_table(self.run.folder / f"{name}.parquet", table, row_group_size=8192)
