"""Parts of long work are there again after a stop, only for the same work, and gone once it is done."""

import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from neurolect.folders import parts as module
from neurolect.folders.parts import Parts, digest_of, removed_last, unfinished
from neurolect.progress import LogTask


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEUROLECT_CACHE", str(tmp_path))
    return tmp_path / "unfinished"


def stopped(rests_on: list[object]) -> None:
    with pytest.raises(KeyboardInterrupt), unfinished("work", rests_on) as parts:  # noqa: PT012
        parts.keep("a", {"x": np.arange(3)})
        raise KeyboardInterrupt


def test_what_a_stop_left_is_there_for_the_same_work_alone_and_goes_with_its_end(cache: Path) -> None:
    stopped([1, "model"])
    for other in ([2, "model"], [1, "other"]):
        with unfinished("work", other) as parts:
            assert parts.read("a") is None
    with unfinished("other work", [1, "model"]) as parts:
        assert parts.read("a") is None
    with unfinished("work", [1, "model"]) as parts:
        assert parts.made("a", dict)["x"].tolist() == [0, 1, 2]
    assert not list(cache.iterdir())


def test_nothing_is_kept_of_work_that_has_no_name(cache: Path) -> None:
    with unfinished("work", None) as parts:
        parts.keep("a", {"x": np.arange(3)})
        assert parts.made("a", lambda: {"x": 5})["x"] == 5
        assert not parts.has("a")
    assert not cache.exists()


def test_parts_lie_until_results_were_handed_on(cache: Path) -> None:
    def finish(*, written: bool) -> None:
        with unfinished("work", [1], written=written) as parts:
            parts.keep("a", {"x": np.arange(3)})

    with removed_last():
        finish(written=False)
        assert list(cache.iterdir())
    assert not list(cache.iterdir())
    with removed_last():
        finish(written=True)
        assert not list(cache.iterdir())
    for end in (KeyboardInterrupt(), SystemExit(130)):
        with pytest.raises(type(end)), removed_last():  # noqa: PT012 - the block is what is stopped
            finish(written=False)
            raise end
        assert list(cache.iterdir())
    with pytest.raises(SystemExit), removed_last():  # noqa: PT012
        finish(written=False)
        raise SystemExit(0)
    assert not list(cache.iterdir())


def test_work_that_has_more_to_do_stays(cache: Path) -> None:
    with unfinished("work", [1]) as parts:
        parts.keep("a", {"x": 1})
        parts.more = True
    with unfinished("work", [1]) as parts:
        assert parts.has("a")


def test_what_nobody_resumed_goes(cache: Path) -> None:
    stopped([1])
    stopped([2])
    old = next(cache.iterdir())
    then = time.time() - 31 * 86_400
    os.utime(old, (then, then))
    with unfinished("work", [3]):
        assert len(list(cache.iterdir())) == 1
    assert not old.exists()


def test_a_damaged_part_is_made_again(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    parts.keep("a", {"x": np.arange(1000)})
    whole = (tmp_path / "a.npz").read_bytes()
    for damaged in (whole[:100], b"", whole[:300] + b"?" + whole[301:]):
        (tmp_path / "a.npz").write_bytes(damaged)
        assert parts.made("a", lambda: {"x": np.arange(2)})["x"].tolist() == [0, 1]


def test_a_place_that_cannot_be_written_to_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    parts = Parts(tmp_path / "file" / "parts")
    for own in (parts.of("some"), parts.of("others"), parts):
        for name in "ab":
            own.keep(name, {"x": 1})
    assert sum("A stop would lose" in each.message for each in caplog.records) == 1


def test_sums_resume_where_they_were(tmp_path: Path) -> None:
    steps = np.random.default_rng(0).random((6, 4))
    taken = []

    def of(step: int, *, stop_at: int = 9) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
        if step == stop_at:
            raise KeyboardInterrupt
        taken.append(step)
        return {"sum": steps[step], "n": np.array([1.0])}

    undisturbed = Parts().summed("s", range(6), of)
    taken.clear()
    task = LogTask("t", 12, "", every=1e9)
    with pytest.raises(KeyboardInterrupt):
        Parts(tmp_path).summed("s", range(6), lambda step: of(step, stop_at=4), task=task, size=lambda _: 2)
    assert task.line(1.0).startswith("t: 8 of 12")
    again = LogTask("t", 12, "steps", every=1e9)
    found = Parts(tmp_path).summed("s", range(6), of, task=again, size=lambda _: 2)
    assert taken == [0, 1, 2, 3, 4, 5]
    assert {name: each.tobytes() for name, each in found.items()} == {
        name: each.tobytes() for name, each in undisturbed.items()
    }
    # four of the twelve were done now
    assert "4.0 steps/s" in again.line(1.0)


def test_a_part_that_grows_is_kept_now_and_then_and_when_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, state = Parts(tmp_path), dict[str, int]()
    # a part is not written again before twenty times as long as that took
    for every, kept in ((1e9, None), (0.0, 1)):
        monkeypatch.setattr(module, "_EVERY", every)
        with parts.growing("a", lambda: state or None, whole=False) as grown:
            for state["n"] in (1, 2):
                grown()
        found = parts.read("a")
        assert (None if found is None else int(found["n"])) == kept
    with pytest.raises(KeyboardInterrupt), parts.growing("a", lambda: state):
        raise KeyboardInterrupt
    assert int((parts.read("a") or {})["n"]) == 2


def test_a_stop_while_a_part_is_written_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = module._write, []

    def stopped_once(path: Path, arrays: dict[str, object]) -> None:
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt
        write(path, arrays)

    monkeypatch.setattr(module, "_write", stopped_once)
    with pytest.raises(KeyboardInterrupt):
        Parts(tmp_path).keep("a", {"x": 7})
    assert int((Parts(tmp_path).read("a") or {})["x"]) == 7


def test_a_table_is_the_same_again(tmp_path: Path) -> None:
    columns = {"a": pa.array(["x", None]), "b": pa.array([[1, 2], []]), "c": pa.array([1.5, None], pa.float32())}
    table = pa.table(columns)
    assert Parts(tmp_path).table("t", lambda: table).equals(table)
    assert Parts(tmp_path).table("t", columns.clear).equals(table)  # it is not made again
    assert columns


def test_digests_tell_types_shapes_and_orders_apart() -> None:
    one = np.arange(4, dtype=np.int32)
    given: list[tuple[object, ...]] = [
        (one,),
        (one.astype(np.int64),),
        (one.reshape(2, 2),),
        (one, "a"),
        ("a", one),
    ]
    given += [(["a", "b"],), (["ab"],)]
    assert len({digest_of(*each) for each in given}) == len(given)
    assert digest_of(one, "a") == digest_of(one.copy(), "a")
