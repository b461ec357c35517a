"""Progress of long work: one protocol, three displays (none, log lines, bars).

Library code calls only the protocol; the display is chosen once, at the edge (the command line).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any, Protocol

from neurolect.visible import visible

__all__ = ["LogProgress", "NullProgress", "Progress", "RichProgress", "Task"]

logger = logging.getLogger(__name__)


class Task(Protocol):
    """One piece of work that advances."""

    def advance(self, n: float = 1) -> None:
        """Count ``n`` more units as done."""

    def resume(self, n: float) -> None:
        """Count ``n`` units as done before this start; no rate is computed from them."""

    def set_total(self, total: float) -> None:
        """Say, once it is known, how many units there are."""

    def note(self, text: str) -> None:
        """Show a short remark next to the bar, replacing the last one."""


class Progress(Protocol):
    """Where long work reports to."""

    @contextmanager
    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Open a task; it is closed when the ``with`` block ends."""
        yield NullTask()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Do something that cannot say how far it is; where it is long, how long it has taken is said meanwhile."""
        yield

    def message(self, text: str) -> None:
        """Tell the user something that outlives the bar, e.g. a count of dropped sentences."""


class NullTask:
    """Counts nothing, shows nothing."""

    def advance(self, n: float = 1) -> None:
        """Do nothing."""

    def resume(self, n: float) -> None:
        """Do nothing."""

    def set_total(self, total: float) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""


class NullProgress:
    """Show nothing; messages go to the log."""

    @contextmanager
    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Open a silent task."""
        yield NullTask()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Be silent."""
        yield

    def message(self, text: str) -> None:
        """Log the message."""
        logger.info("%s", visible(text))


class StoppableTask:
    """A task of :class:`StoppableProgress`."""

    def __init__(self, inner: Task, check: Callable[[], None]) -> None:
        self._inner, self._check = inner, check
        self.resume, self.set_total, self.note = inner.resume, inner.set_total, inner.note

    def advance(self, n: float = 1) -> None:
        """Count, or end the work."""
        self._check()
        self._inner.advance(n)


class StoppableProgress:
    """Reports to another, and ends work in threads once it is asked to: an interrupt reaches the main thread alone.

    Parameters
    ----------
    inner : Progress
        Where to report.
    """

    def __init__(self, inner: Progress) -> None:
        self._inner, self._stopped = inner, threading.Event()
        self.message = inner.message

    def stop(self) -> None:
        """Let whatever reports next, or begins something, raise CancelledError."""
        self._stopped.set()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise CancelledError

    @contextmanager
    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Open a task of the other."""
        self._check()
        with self._inner.task(name, total=total, unit=unit) as task:
            yield StoppableTask(task, self._check)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Open a step of the other."""
        self._check()
        with self._inner.step(name):
            yield


class LogTask:
    """Logs a line every few seconds: done, total, rate, remaining time."""

    def __init__(
        self, name: str, total: float | None, unit: str, *, every: float, heard: Callable[[], None] | None = None
    ) -> None:
        self._name, self._total, self._unit, self._every = name, total, unit, every
        self._heard = heard or (lambda: None)
        self._done = self._before = 0.0
        self._note = ""
        self._start = self._last = time.monotonic()

    def advance(self, n: float = 1) -> None:
        """Count, and log when the interval is over."""
        self._done += n
        if time.monotonic() - self._last >= self._every:
            self._heard()
            self.speak()

    def resume(self, n: float) -> None:
        """Count what was done before; the clock of the rate starts again, where nothing was done yet."""
        if self._done == self._before:
            self._start = time.monotonic()
        self._done += n
        self._before += n

    def speak(self) -> None:
        """Log a line now, and none for the interval after it."""
        self._last = time.monotonic()
        logger.info("%s", self.line_now())

    def line_now(self) -> str:
        """Compose the log line of this moment."""
        return self.line(time.monotonic() - self._start)

    def set_total(self, total: float) -> None:
        """Set the number of units."""
        self._total = total

    def note(self, text: str) -> None:
        """Keep the remark for the next line."""
        self._note = text

    def line(self, seconds: float) -> str:
        """Compose the log line after ``seconds`` of work."""
        done_now = self._done - self._before
        rate = done_now / seconds if seconds > 0 else 0.0
        so_far = f"{seconds:,.0f} s so far" if not done_now and seconds >= 1 else ""
        parts = [f"{self._name}: {self._done:,.0f}"]
        if self._total:
            parts[0] += f" of {self._total:,.0f} {self._unit}".rstrip()
        if self._unit and rate >= 1:
            parts.append(f"{rate:,.{0 if rate >= 10 else 1}f} {self._unit}/s")
        elif rate > 0:
            parts.append(f"{1 / rate:,.0f} s each")  # not "0 layers/s"
        if self._total and self._done < self._total and rate > 0:
            parts.append(f"{max(0.0, self._total - self._done) / rate:,.0f} s left")
        if so_far:
            parts.append(so_far)
        if self._note:
            parts.append(visible(self._note))
        return ", ".join(parts)


class _Silence:
    """How long nothing was said, and somebody who speaks when that is too long."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._last = time.monotonic()

    def heard(self) -> None:
        """Note that something was said now."""
        self._last = time.monotonic()

    @contextmanager
    def broken_by(self, speak: Callable[[], None]) -> Iterator[None]:
        """Let something be said whenever nothing was for so long, until the ``with`` block ends."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(max(0.1, self._last + self._every - time.monotonic())):
                if time.monotonic() - self._last >= self._every:
                    self.heard()
                    speak()

        # that something begins is not heard: silent steps one after the other are one silence
        watcher = threading.Thread(target=watch, name="neurolect-progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


class LogProgress:
    """Log lines at an interval: for batch jobs and terminals without a cursor.

    Parameters
    ----------
    every : float
        Seconds between two lines of a task.
    """

    def __init__(self, *, every: float = 10.0) -> None:
        self._every = every
        self._silence = _Silence(max(every, 1.0))

    @contextmanager
    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Open a task that logs, also while it does not advance."""
        task = LogTask(name, total, unit, every=self._every, heard=self._silence.heard)
        start = time.monotonic()
        with self._silence.broken_by(task.speak):
            yield task
        self._silence.heard()
        logger.info("%s (done in %.1f s)", task.line_now(), time.monotonic() - start)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Log how long a step has taken whenever nothing else was logged for so long."""
        start = time.monotonic()
        with self._silence.broken_by(lambda: logger.info("%s", _so_far(name, start))):
            yield

    def message(self, text: str) -> None:
        """Log the message."""
        self._silence.heard()
        logger.info("%s", visible(text))


def _so_far(name: str, start: float) -> str:
    return f"{visible(name)}: {time.monotonic() - start:,.0f} s so far"


class RichTask:
    """A bar of a :class:`RichProgress`."""

    def __init__(self, bars: Any, task_id: Any) -> None:  # noqa: ANN401 - Rich is imported when it is used
        self._bars, self._id = bars, task_id

    def advance(self, n: float = 1) -> None:
        """Advance the bar."""
        self._bars.advance(self._id, n)

    def resume(self, n: float) -> None:
        """Advance the bar by what was done before."""
        self._bars.update(self._id, advance=n)

    def set_total(self, total: float) -> None:
        """Give the bar its length."""
        self._bars.update(self._id, total=total)

    def note(self, text: str) -> None:
        """Show the remark at the end of the bar."""
        self._bars.update(self._id, note=visible(text))

    def close(self) -> None:
        """Stop the clock."""
        self._bars.stop_task(self._id)


class RichProgress:
    """Bars with rate and remaining time on standard error; tasks of several threads are shown together."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._silence = _Silence(10.0)
        self._lock, self._n_open = threading.Lock(), 0
        self._bars: Any = None

    @contextmanager
    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Open a task with a bar."""
        with self._lock:
            if self._bars is None:
                self._bars = self._new_bars()
                self._bars.start()
            bars, self._n_open = self._bars, self._n_open + 1
        task = RichTask(bars, bars.add_task(name, total=total, unit=unit, note=""))
        try:
            yield task
        finally:
            task.close()
            with self._lock:
                self._n_open -= 1
                if not self._n_open:
                    bars.stop()
                    self._bars = None
        self._silence.heard()

    def _new_bars(self) -> Any:  # noqa: ANN401
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bars

        columns = (
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=28),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        return Bars(*columns, console=self._console)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Print how long a step has taken, above the bars of others."""
        start = time.monotonic()
        with self._silence.broken_by(lambda: self._console.print(_so_far(name, start), markup=False)):
            yield

    def message(self, text: str) -> None:
        """Print the message above the bars."""
        self._console.print(visible(text), markup=False, highlight=False)


# Say a number of things in a sentence for people.
def counted(n: int, one: str, many: str) -> str:
    """Choose the form that fits a number and write the number into it.

    Examples
    --------
    >>> counted(1, "{} sentence was cut.", "{} sentences were cut.")
    '1 sentence was cut.'
    >>> counted(2300, "{} sentence was cut.", "{} sentences were cut.")
    '2,300 sentences were cut.'
    """
    return (one if n == 1 else many).format(f"{n:,}")
