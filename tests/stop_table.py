"""Ask a verb to stop (Ctrl-C) at chosen events of its work, go on, and compare with an undisturbed run.

``python -m tests.stop_table VERB SHARES FOLDER`` prints a line of JSON for every share of its events: which event
of how many (a forward pass, a file or folder about to be written or just written, progress), the exit status,
whether a traceback was shown, and what of the verb was unfinished but shown as current; then ``{"same": true}``.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from neurolect.folders import atomic
from neurolect.model import Model
from neurolect.progress import LogTask
from tests.collector.kill_driver import start, wait
from tests.kill_table import ROWS, afresh, contents, make_inputs


class Events:
    """Counts what happens, and asks this process to stop at the n-th; the kinds are kept in a file."""

    def __init__(self, at: int, log: Path) -> None:
        self._at, self._log, self._n = at, log, 0

    def happens(self, kind: str) -> None:
        self._n += 1
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{kind}\n")
        if self._n == self._at:
            os.kill(os.getpid(), signal.SIGINT)

    def watch(self) -> None:
        """Put this into the places where something happens."""
        run, advance, hidden, happens = Model.run, LogTask.advance, atomic._hidden, self.happens

        def ran(model: Model, *given: Any, **how: Any) -> Any:
            happens("forward pass")
            return run(model, *given, **how)

        def advanced(task: LogTask, n: float = 1) -> None:
            happens("progress")
            advance(task, n)

        @contextlib.contextmanager
        def wrote(path: Path, **how: Any) -> Iterator[Path]:
            happens(f"before {path.name}")
            with hidden(path, **how) as place:
                yield place
                happens(f"within {path.name}")
            happens(f"after {path.name}")

        places: list[tuple[Any, str, Callable[..., Any]]] = [
            (Model, "run", ran), (LogTask, "advance", advanced), (atomic, "_hidden", wrote),
        ]  # fmt: skip
        for owner, name, changed in places:
            setattr(owner, name, changed)


def begin(command: list[str], log: Path, events: Path, *, at: int) -> int:
    """Start the verb in a process that counts."""
    return start(command, str(log), first=Events(at, events).watch)


def go(verb: str, shares: list[float], folder: Path) -> None:
    """Stop once at each share of the events, with what was stopped before in place, then let it be."""
    given, own, log, events = folder / "given", folder / "own", folder / "log", folder / "events"
    given.mkdir()
    make_inputs(given, for_verb=verb)
    command = afresh(ROWS[verb], given, own)
    status = wait(begin(command, log, events, at=0))
    if status:
        print(json.dumps({"failed": log.read_text(encoding="utf-8")}), flush=True)
        return
    undisturbed, kinds = contents(own), events.read_text(encoding="utf-8").splitlines()
    for share in shares:
        command = afresh(ROWS[verb], given, own)
        log.unlink(missing_ok=True)
        events.unlink(missing_ok=True)
        at = max(1, min(len(kinds), round(share * len(kinds))))
        status = wait(begin(command, log, events, at=at))
        said = log.read_text(encoding="utf-8")
        before = len(events.read_text(encoding="utf-8").splitlines())
        events.unlink()
        again = wait(begin(command, log, events, at=0))
        after = len(events.read_text(encoding="utf-8").splitlines()) if events.exists() else 0
        left = contents(own)
        differ = sorted(name for name in undisturbed | left if undisturbed.get(name) != left.get(name))
        row = {"event": at, "of": len(kinds), "kind": kinds[at - 1], "status": status, "done": before}
        row |= {"traceback": "Traceback" in said, "again": again, "done_again": after, "differ": differ}
        if again or "Traceback" in said or status not in (0, 130):
            row["said"] = log.read_text(encoding="utf-8")[-3000:]
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    go(sys.argv[1], [float(each) for each in sys.argv[2].split(",")], Path(sys.argv[3]))
    os._exit(0)
