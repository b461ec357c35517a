"""Progress in log lines and in bars."""

import logging

import pytest

from neurolect.progress import LogProgress, LogTask, NullProgress, Progress, RichProgress


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


def test_bars_show_name_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    work(RichProgress())
    shown = capsys.readouterr().err
    assert "read" in shown
    assert "4/8" in shown
    assert "4 sentences were [too] short" in shown


def test_null_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    work(NullProgress())
    assert capsys.readouterr() == ("", "")
