"""The clock of a pass on a GPU: from its first launch, the device being idle, until all is taken in.

The host asks for work ahead of the device, so that what it sees between two sentences tells no rate.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from neurolect.collector.chunk_pass import Aside, Launched


class PassClock:
    """When a pass began and was through, in seconds of ``time.perf_counter``; nan before."""

    begun, through = float("nan"), float("nan")

    @property
    def seconds(self) -> float:
        return self.through - self.begun


def now() -> float:
    """Give the time at which the device is through with all it was asked for."""
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            torch.cuda.synchronize(number)
    return time.perf_counter()


@contextmanager
def clocked_pass() -> Iterator[PassClock]:
    """Time the pass of a collect inside the ``with``; that of the held-out part before it is not in it."""
    clock, launch, end = PassClock(), Launched.__init__, Aside.end

    def begin(self: Launched, *args: Any, **keywords: Any) -> None:
        if math.isnan(clock.begun):
            clock.begun = now()
        launch(self, *args, **keywords)

    def finish(self: Aside) -> None:
        end(self)
        clock.through = now()

    Launched.__init__, Aside.end = begin, finish  # type: ignore[method-assign]
    try:
        yield clock
    finally:
        Launched.__init__, Aside.end = launch, end  # type: ignore[method-assign]
