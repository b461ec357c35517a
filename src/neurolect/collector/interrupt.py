"""Notice Ctrl-C or a scheduler's SIGTERM, and stop between two batches."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["StopRequest", "stop_requests"]


class StopRequest:
    """Whether somebody asked to stop.

    Attributes
    ----------
    name : str or None
        ``SIGINT`` or ``SIGTERM`` once asked.
    """

    def __init__(self) -> None:
        self.name: str | None = None

    def ask(self, number: int, _frame: FrameType | None) -> None:
        """Remember the request; a second one stops at once.

        Parameters
        ----------
        number : int
            Signal number.

        Raises
        ------
        KeyboardInterrupt
            If it was asked before.
        """
        if self.name is not None:
            raise KeyboardInterrupt
        self.name = signal.Signals(number).name


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Catch SIGINT and SIGTERM while the block runs; the handlers before are put back.

    Yields
    ------
    StopRequest
        To look at between two batches. Outside the main thread nothing is caught.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
