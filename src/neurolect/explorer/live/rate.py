"""How often the model is run, whoever asks."""

import threading
import time
from collections import deque

from neurolect.errors import NeurolectError


class TooOftenError(NeurolectError):
    """The model was asked more often than is allowed."""


class Rate:
    """So many requests in any minute, of all visitors together."""

    def __init__(self, a_minute: int) -> None:
        self._limit = a_minute
        self._times: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self, *, now: float | None = None) -> None:
        """Count a request, or refuse it."""
        now = time.monotonic() if now is None else now
        with self._lock:
            while self._times and now - self._times[0] >= 60:
                self._times.popleft()
            if len(self._times) >= self._limit:
                what = f"The model was asked {self._limit:,} times within a minute."
                hint = "Wait a moment, or serve with a larger serve.model_requests."
                raise TooOftenError(what, hint=hint)
            self._times.append(now)
