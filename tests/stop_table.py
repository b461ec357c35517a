"""Ask a verb to stop (Ctrl-C) at chosen events of its work, go on, and compare with an undisturbed run.

``python -m tests.stop_table VERB SHARES FOLDER`` prints a line of JSON for every share of its events: which event
of how many (a forward pass, a file or folder about to be written or just written, progress), the exit status,
whether a traceback was shown, how many calls of the network were made twice, and what is not as an undisturbed
command leaves or says it.
"""

import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from neurolect.folders import atomic
from neurolect.model import Model
from neurolect.progress import LogTask
from tests.collector.kill_driver import start, wait
from tests.kill_table import ONLY_STOPPED, ROWS, afresh, contents, make_inputs

NETWORK = "network"
"""A call of it, or of its body within it."""
_TIMES = r'"seconds": [0-9.]+|\d\.\d\d \(\d\.\d\d-\d\.\d\d\)| in \d+ s\b'
"""How long a command took, and how fast a pruned model is."""


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
        call = PreTrainedModel.__call__

        def ran(model: Model, *given: Any, **how: Any) -> Any:
            happens("forward pass")
            return run(model, *given, **how)

        def called(network: PreTrainedModel, *given: Any, **how: Any) -> Any:
            happens(NETWORK)
            return call(network, *given, **how)

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
            (PreTrainedModel, "__call__", called),
        ]  # fmt: skip
        for owner, name, changed in places:
            setattr(owner, name, changed)


def begin(command: list[str], log: Path, events: Path, *, at: int) -> int:
    """Start the verb in a process that counts; what it says lies next to what it makes."""
    said = log.with_name("own") / "said.txt"
    said.unlink(missing_ok=True)
    return start(command, str(log), first=Events(at, events).watch, out=str(said))


def left_by(own: Path) -> dict[str, str]:
    """Give what a command left and said, without how long it took."""
    for each in (own / "said.txt", own / "out" / "summary.txt"):
        if each.is_file():
            each.write_text(re.sub(_TIMES, "", each.read_text(encoding="utf-8")), encoding="utf-8")
    return contents(own)


def go(verb: str, shares: list[float], folder: Path) -> None:
    """Stop once at each share of the events, with what was stopped before in place, then let it be."""
    given, own, log, events = folder / "given", folder / "own", folder / "log", folder / "events"
    os.environ["NEUROLECT_CACHE"] = str(folder / "cache")
    given.mkdir()
    make_inputs(given, for_verb=verb)
    row_of = ROWS | ONLY_STOPPED
    command = afresh(row_of[verb], given, own)
    status = wait(begin(command, log, events, at=0))
    if status:
        print(json.dumps({"failed": log.read_text(encoding="utf-8")}), flush=True)
        return
    undisturbed, kinds = left_by(own), events.read_text(encoding="utf-8").splitlines()
    for share in shares:
        command = afresh(row_of[verb], given, own)
        log.unlink(missing_ok=True)
        events.unlink(missing_ok=True)
        at = max(1, min(len(kinds), round(share * len(kinds))))
        status = wait(begin(command, log, events, at=at))
        said = log.read_text(encoding="utf-8")
        before = events.read_text(encoding="utf-8").splitlines()
        events.unlink()
        again = wait(begin(command, log, events, at=0))
        after = events.read_text(encoding="utf-8").splitlines() if events.exists() else []
        left = left_by(own)
        differ = sorted(name for name in undisturbed | left if undisturbed.get(name) != left.get(name))
        row = {"event": at, "of": len(kinds), "kind": kinds[at - 1], "status": status, "done": len(before)}
        row |= {"traceback": "Traceback" in said, "again": again, "done_again": len(after), "differ": differ}
        row |= {"calls": kinds.count(NETWORK), "calls_before": before.count(NETWORK)}
        row["calls_twice"] = before.count(NETWORK) + after.count(NETWORK) - kinds.count(NETWORK)
        row["kept"] = sorted(each.name for each in (folder / "cache").glob("unfinished/*"))
        if again or "Traceback" in said or status not in (0, 130):
            row["said"] = log.read_text(encoding="utf-8")[-3000:]
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    go(sys.argv[1], [float(each) for each in sys.argv[2].split(",")], Path(sys.argv[3]))
    os._exit(0)
