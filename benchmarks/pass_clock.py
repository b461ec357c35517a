"""The clock of a pass on a GPU: from its first launch, the device being idle, until all is taken in.

The host asks for work ahead of the device, so that what it sees between two sentences tells no rate.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch

from neurolect.collector.chunk_pass import Aside, Launched
from neurolect.collector.state import CollectState


class PassClock:
    """When a pass began and was through, in seconds of ``time.perf_counter``; nan before.

    ``taken``: Sentences taken into the state, and when the device was done with them, in seconds since it began.
    """

    begun, through = float("nan"), float("nan")

    def __init__(self) -> None:
        self.first: Any = None
        self._marks: list[tuple[int, Any]] = []

    @property
    def seconds(self) -> float:
        return self.through - self.begun

    def mark(self, n: int) -> None:
        """Remember that so many more sentences are taken in."""
        self._marks.append((n, event()))

    @property
    def taken(self) -> list[tuple[int, float]]:
        found, n = [], 0
        for more, done in self._marks:
            n += more
            found.append((n, self.first.elapsed_time(done) / 1e3))
        return found

    def by_tenths(self) -> list[float]:
        """Sentences a second, of each tenth of the sentences."""
        taken = [(0, 0.0), *self.taken]
        ends = [min(taken, key=lambda each: abs(each[0] - k * taken[-1][0] / 10)) for k in range(11)]
        return [(b[0] - a[0]) / max(1e-9, b[1] - a[1]) for a, b in pairwise(ends)]


def event() -> Any:
    """Mark where the device is in what this thread asked it for."""
    made: Any = torch.cuda.Event(enable_timing=True)
    made.record()
    return made


def now() -> float:
    """Give the time at which the device is through with all it was asked for."""
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            torch.cuda.synchronize(number)
    return time.perf_counter()


@contextmanager
def clocked_pass() -> Iterator[PassClock]:
    """Time the pass of a collect inside the ``with``; that of the held-out part before it is not in it."""
    clock, launch, end, update = PassClock(), Launched.__init__, Aside.end, CollectState.update

    def begin(self: Launched, *args: Any, **keywords: Any) -> None:
        if math.isnan(clock.begun):
            clock.begun, clock.first = now(), event()
        launch(self, *args, **keywords)

    def take(self: CollectState, *args: Any, **keywords: Any) -> None:
        update(self, *args, **keywords)
        clock.mark(len(keywords["sentence_ids"]))

    def finish(self: Aside) -> None:
        end(self)
        clock.through = now()

    changed: Any = [(Launched, "__init__", begin, launch), (Aside, "end", finish, end)]
    changed.append((CollectState, "update", take, update))
    for owner, name, other, _ in changed:
        setattr(owner, name, other)
    try:
        yield clock
    finally:
        for owner, name, _, usual in changed:
            setattr(owner, name, usual)
