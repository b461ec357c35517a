"""Notice Ctrl-C or a scheduler's SIGTERM, and stop between two batches."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether somebody asked to stop.

    ``patient``: Whether a second signal is as good as the first. A worker is told to stop by the process that
        started it, and often by the terminal or the scheduler too.
    ``name``: ``SIGINT`` or ``SIGTERM`` once asked, or who else asked.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self.name: str | None = None
        self._patient = patient

    def ask(self, number: int, _frame: FrameType | None) -> None:
        """Remember the request; a second one stops at once unless this one is patient."""
        if self.name is not None and not self._patient:
            raise KeyboardInterrupt
        self.name = self.name or signal.Signals(number).name


@contextmanager
def stop_requests(*, patient: bool = False) -> Iterator[StopRequest]:
    """Catch SIGINT and SIGTERM while the block runs; the handlers before are put back.

    ``patient``: Whether a second signal is as good as the first.
    Yields: To look at between two batches. Outside the main thread nothing is caught.
    """
    request = StopRequest(patient=patient)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
