"""What every step of the describe stage needs: the run, the options, where to report and to write."""

from contextlib import AbstractContextManager
from typing import NamedTuple

import pyarrow as pa

from neurolect.atomic import write_table
from neurolect.progress import Progress
from neurolect.signatures.options import DescribeOptions
from neurolect.store import Run
from neurolect.store.stages import StageRecord


class Stage(NamedTuple):
    """What every step of the stage needs."""

    run: Run
    options: DescribeOptions
    workers: int
    progress: Progress
    record: StageRecord

    def timed(self, name: str) -> AbstractContextManager[None]:
        """Add the time of a step to the account."""
        return self.record.timed(name)

    def write(self, name: str, table: pa.Table) -> None:
        """Write one table of the run folder."""
        with self.timed("write"):
            # small row groups: a card reads one neuron
            write_table(self.run.folder / f"{name}.parquet", table, row_group_size=8192)
