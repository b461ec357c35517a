"""Workers leave the caller's script alone, end with their parent, and say in one sentence that they died."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from neurolect.demo_data import documents_path
from neurolect.errors import CollectError, CorpusError
from neurolect.processes import in_order, meanwhile
from tests.tiny_corpora import write_documents

ROOT = Path(__file__).parents[1]


def square(n: int) -> int:
    return n * n


def late_square(n: int) -> int:
    time.sleep(0.05 if n % 3 == 0 else 0)
    return n * n


def die(n: int) -> None:
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)


def refuse(said: str) -> None:
    raise CorpusError(said)


def settings(_: int) -> tuple[str, ...]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TOKENIZERS_PARALLELISM")
    return (*(os.environ[name] for name in names), str(signal.getsignal(signal.SIGINT)))


def loaded(module: str) -> list[str]:
    __import__(module)
    return [name for name in ("torch", "spacy", "numba") if name in sys.modules]


def note(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(600)


def work(function: object, items: object, *, begin: object = None, workers: int = 2) -> list[object]:
    made: Iterator[object] = in_order(
        function,  # type: ignore[arg-type]
        items,  # type: ignore[arg-type]
        workers=workers,
        work="numbers were squared",
        error=CollectError,
        begin=begin,  # type: ignore[arg-type]
    )
    return list(made)


def is_alive(process: int) -> bool:
    """Say whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: object, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_results_come_in_order_and_items_are_taken_a_few_ahead() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for n in range(30):
            taken.append(n)
            yield n

    made = in_order(late_square, numbers(), workers=2, work="numbers were squared", error=CollectError)
    assert next(made) == 0
    assert len(taken) == 5
    assert list(made) == [n * n for n in range(1, 30)]


def test_a_worker_that_dies_is_reported() -> None:
    said = r"One of 2 worker processes died while numbers were squared\.\nHint: .*too little memory"
    with pytest.raises(CollectError, match=said):
        work(die, range(9))


def test_an_error_of_the_first_step_is_reported_as_it_is() -> None:
    with pytest.raises(CorpusError, match="no such tokenizer"):
        work(square, range(3), begin=partial(refuse, "no such tokenizer"))


def test_workers_have_one_thread_and_are_deaf_to_ctrl_c() -> None:
    before = dict(os.environ)
    assert work(settings, [0]) == [("1", "1", "1", "false", str(signal.SIG_IGN))]
    assert dict(os.environ) == before


@pytest.mark.parametrize("module", ["corpus.sentences.of_documents", "collector.feed.tokenize_pool"])
def test_workers_do_not_load_pytorch(module: str) -> None:
    assert work(loaded, [f"neurolect.{module}"], workers=1) == [[]]


def test_what_runs_meanwhile_ends_with_the_block(tmp_path: Path) -> None:
    path = tmp_path / "process"
    with meanwhile(partial(note, path)):
        assert wait_for(lambda: path.is_file() and path.read_text(), 20)
        assert is_alive(int(path.read_text()))
    assert not is_alive(int(path.read_text()))


CALLER = """
import os, sys
with open({count!r}, "a") as file:
    file.write("x")
from neurolect.processes import in_order
from neurolect.errors import CollectError
print(list(in_order(abs, [-1, -2, -3], workers=2, work="", error=CollectError)))
"""


@pytest.mark.parametrize("how", ["script", "-c", "stdin", "-m", "-m package", "no __file__"])
def test_the_callers_main_module_runs_once(tmp_path: Path, how: str) -> None:
    count = tmp_path / "count"
    code = CALLER.format(count=str(count))
    (tmp_path / "mine").mkdir()
    for path in ("script.py", "mine/__init__.py", "mine/__main__.py", "mine/part.py"):
        (tmp_path / path).write_text("" if path == "mine/__init__.py" else code)
    given = {
        "script": ["script.py"],
        "-c": ["-c", code],
        "stdin": ["-"],
        "-m": ["-m", "mine.part"],
        "-m package": ["-m", "mine"],
        "no __file__": ["-c", f"exec({code!r}, {{'__name__': '__main__'}})"],
    }[how]
    done = subprocess.run(
        [sys.executable, *given],
        cwd=tmp_path,
        input=code if how == "stdin" else None,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "[1, 2, 3]\n", done.stderr
    assert count.read_text() == "x"


LEFT = """
import os, time
from functools import partial
from neurolect.processes import in_order
from neurolect.errors import CollectError
from tests.test_processes import busy, note_and_sleep
kind = {{"in C code": busy}}.get({kind!r}, note_and_sleep)
def holding():
    yield from range(2)
    if {kind!r} == "with a fork" and os.fork() == 0:  # which holds the pipes to the workers open
        time.sleep(20)
        os._exit(0)
    yield from range(6)
list(in_order(partial(kind, {folder!r}), holding(), workers=2, work="", error=CollectError))
"""


def note_and_sleep(folder: str, n: int) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)


def busy(folder: str, n: int) -> None:
    """Compute for hours in C code that holds the interpreter's lock."""
    (Path(folder) / str(os.getpid())).touch()
    pow(3, 1 << 28)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["sleeping", "with a fork", "in C code"])
def test_workers_end_with_a_killed_parent(tmp_path: Path, kind: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", LEFT.format(kind=kind, folder=str(tmp_path))], cwd=ROOT)
    assert wait_for(lambda: len(list(tmp_path.iterdir())) == 2, 30)
    workers = [int(each.name) for each in tmp_path.iterdir()]
    assert all(map(is_alive, workers))
    process.kill()
    process.wait()
    assert wait_for(lambda: not any(map(is_alive, workers)), 5)


STOPPED = """
import os, signal
from neurolect.processes import in_order
from neurolect.errors import CollectError
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
def numbers():
    yield 1
    os.killpg(0, signal.SIGINT)  # the workers have only just been started
    yield 2
try:
    list(in_order(abs, numbers(), workers=2, work="", error=CollectError))
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no groups of processes")
def test_ctrl_c_is_answered_by_the_parent_alone() -> None:
    given = [sys.executable, "-c", STOPPED]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, start_new_session=True, check=True)
    assert (done.stdout, done.stderr) == ("stopped\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_command_leaves_no_process_and_the_next_removes_its_folder(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    line = [sys.executable, "-m", "neurolect", "prepare"]
    given = [*line, str(documents_path()), "--workers", "2", "--out", str(tmp_path / "one")]
    process = subprocess.Popen(given, stderr=subprocess.DEVNULL)
    assert wait_for(lambda: list(tmp_path.glob(".one.*.tmp/scratch/*")), 30)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 3  # one is multiprocessing's resource tracker
    process.kill()
    process.wait()
    assert wait_for(lambda: not any(is_alive(int(each)) for each in children), 5)
    assert [each.suffix for each in tmp_path.iterdir()] == [".tmp"]
    few = write_documents(tmp_path_factory.mktemp("few") / "documents.jsonl", n_documents=5)
    given = [*line, str(few), "--workers", "1", "--out", str(tmp_path / "two")]
    subprocess.run(given, capture_output=True, check=True)
    assert [each.name for each in tmp_path.iterdir()] == ["two"]
