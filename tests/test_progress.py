"""Progress in log lines and in bars."""

import logging
import re
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from neurolect.progress import LogProgress, LogTask, NullProgress, Progress, RichProgress, StoppableProgress


def work(progress: Progress) -> None:
    with progress.task("read", total=4, unit="sentences") as task:
        task.advance(1)
        task.set_total(8)
        task.note("half way")
        task.advance(3)
    progress.message("4 sentences were [too] short")


def test_lines_have_rate_and_rest(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="neurolect"):
        work(LogProgress(every=0.0))
    first, *_, last, message = [record.message for record in caplog.records]
    assert first.startswith("read: 1 of 4 sentences, ")
    assert " sentences/s, " in first
    assert " s left" in first
    assert "read: 4 of 8 sentences" in last
    assert "half way" in last
    assert "(done in " in last
    assert message == "4 sentences were [too] short"


@pytest.mark.parametrize(("seconds", "shown"), [(0.1, "40 maps/s"), (2.0, "2.0 maps/s"), (104.0, "26 s each")])
def test_the_rate_of_slow_work_is_the_time_of_each(seconds: float, shown: str) -> None:
    task = LogTask("maps", 6, "maps", every=1e9)
    task.advance(4)
    assert shown in task.line(seconds)
    assert "/s" not in LogTask("maps", 6, "maps", every=1e9).line(seconds)


def test_what_was_done_before_has_no_part_in_the_rate() -> None:
    task = LogTask("collect", 3_000, "sentences", every=1e9)
    task.resume(1_100)
    assert task.line(10.0) == "collect: 1,100 of 3,000 sentences, 10 s so far"
    task.advance(100)
    assert task.line(10.0) == "collect: 1,200 of 3,000 sentences, 10 sentences/s, 180 s left"


def test_short_steps_one_after_the_other_are_no_long_silence(caplog: pytest.LogCaptureFixture) -> None:
    progress = LogProgress(every=0.0)  # nothing said for a second is too long
    with caplog.at_level(logging.INFO, logger="neurolect"):
        for number in range(4):
            with progress.step(f"step {number}"):
                time.sleep(0.6)
    said = [record.message for record in caplog.records]
    assert 1 <= len(said) <= 3
    assert said[0].startswith("step 1")


def test_bars_show_name_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    work(RichProgress())
    shown = capsys.readouterr().err
    assert "read" in shown
    assert "4/8" in shown
    assert "4 sentences were [too] short" in shown


def test_what_does_not_say_how_far_it_is_says_how_long_it_takes(caplog: pytest.LogCaptureFixture) -> None:
    progress = LogProgress(every=0.0)  # nothing said for a second is too long
    with caplog.at_level(logging.INFO, logger="neurolect"):
        with progress.step("train [vectors]"):
            time.sleep(1.3)
        with progress.task("words", total=9, unit="lists"), progress.step("compile"):
            time.sleep(1.3)
        with progress.step("short"):
            pass
    said = [record.message for record in caplog.records]
    assert said[0] == "train [vectors]: 1 s so far"
    assert [each for each in said[1:-1] if each.startswith(("words: 0 of 9 lists", "compile: "))]
    assert not any("short" in each for each in said)


def test_a_step_above_bars_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    progress = RichProgress()
    monkeypatch.setattr(progress._silence, "_every", 0.2)
    with progress.step("train"):
        time.sleep(0.5)
    assert "train: 0 s so far" in capsys.readouterr().err


def test_bars_of_two_threads_are_shown_together(capsys: pytest.CaptureFixture[str]) -> None:
    progress, both = RichProgress(), threading.Barrier(2, timeout=10)

    def count(name: str) -> None:
        with progress.task(name, total=2, unit=f"{name}s") as task:
            both.wait()
            task.advance(2)
            both.wait()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(count, ["word", "tag"]))
    shown = capsys.readouterr().err
    assert re.search(r"word .*2/2 words", shown)
    assert re.search(r"tag .*2/2 tags", shown)
    work(progress)  # a new display
    assert "4/8" in capsys.readouterr().err


def test_work_in_threads_ends_when_it_reports_after_a_stop() -> None:
    said = list[str]()

    class Said(NullProgress):
        def message(self, text: str) -> None:
            said.append(text)

    progress = StoppableProgress(Said())
    with progress.step("read"), progress.task("count", total=3) as task:
        task.resume(1)
        task.advance()
        progress.stop()
        with pytest.raises(CancelledError):
            task.advance()
    with pytest.raises(CancelledError), progress.step("write"):
        pass
    with pytest.raises(CancelledError), progress.task("write"):
        pass
    progress.message("stopped")
    assert said == ["stopped"]


def test_null_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    work(NullProgress())
    assert capsys.readouterr() == ("", "")
