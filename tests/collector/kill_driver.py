"""Give one collect command again and again, killing it at seeded moments, until it has been killed often enough.

``python -m tests.collector.kill_driver MODEL`` imports everything once, that model's classes too, and forks for
each start, so a start costs no import. It reads lines of JSON, ``[signal, seed, n_kills, run, log, arguments]``,
and answers each with one: the exit status of every start (negative: the signal that ended it), the one that ran
to the end last. Most starts are killed some time after their first checkpoint, a few anywhere. What they say on
standard error goes to the log.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import neurolect.collector.checkpoint
import neurolect.collector.corpus_pass
import neurolect.config
from neurolect.cli import main
from neurolect.collector.lists.moments import Moments, choose_bins
from neurolect.collector.lists.top_lists import TopLists
from neurolect.model import load_model


def load_kernels() -> None:
    """Have the compiled kernels in memory before the fork."""
    values = np.zeros((2, 3), dtype=np.float32)
    lists = TopLists(3, 1)
    lists.update(values, sentence_ids=np.arange(2))
    lists.to_arrays()
    moments = Moments(np.zeros(3), bins=choose_bins(values, n_bins=4))
    moments.update(values)


def start(arguments: list[str], log: str, *, first: Callable[[], None] | None = None, out: str = os.devnull) -> int:
    """Fork a child that gives the command as a user would, after something else done first."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        for number, place in ((1, out), (2, log)):
            os.dup2(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        # as a shell starts it, whatever the tests were started by
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sys.argv = ["neurolect", *arguments]
        if first is not None:
            first()
        main()
        status = 0
    except SystemExit as leave:
        status = int(leave.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait(child: int) -> int:
    """Wait for a child; give its exit status."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def saved(checkpoint: Path) -> int:
    """Say when the checkpoint was written."""
    return checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0


def await_save(child: int, checkpoint: Path, before: int) -> None:
    """Wait until the child has written a checkpoint, or is no more."""
    while saved(checkpoint) in (0, before):
        # a look that leaves the child waitable
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.001)


def run(name: str, seed: int, n_kills: int, out: str, log: str, arguments: list[str]) -> list[int]:
    """Start and kill, then start once more and let it be."""
    choose, number = random.Random(seed), signal.Signals[name]
    arguments = [*arguments, "--out", out]
    checkpoint = Path(out) / "checkpoint" / "state.npz"
    ends = []
    for _ in range(n_kills):
        before = saved(checkpoint)
        child = start(arguments, log)
        if number is signal.SIGTERM or choose.random() < 0.8:
            await_save(child, checkpoint, before)
        time.sleep(choose.uniform(0.0, 0.15))
        os.kill(child, number)
        ends.append(wait(child))
    ends.append(wait(start(arguments, log)))
    return ends


if __name__ == "__main__":
    torch.set_num_threads(1)
    load_kernels()
    load_model(sys.argv[1])
    # a checkpoint before every batch, whatever it costs: most kills then fall into one
    neurolect.collector.checkpoint._MAX_COST = float("inf")
    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line))), flush=True)
    os._exit(0)  # what PyTorch does to leave takes a second
