"""Files appear whole or not at all."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from neurolect.errors import CorpusError, NeurolectError
from neurolect.folders.atomic import (
    _computer,
    check_writable,
    remove_leftovers,
    replacing,
    replacing_folder,
    scratch_folder,
    write_json,
    write_text,
)


def half_written(path: Path, error: BaseException) -> None:
    """Fail in the middle of writing."""
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise error


def test_an_error_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError):
        half_written(path, ZeroDivisionError())
    assert path.read_text() == "old"
    assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with pytest.raises(NeurolectError, match=r"disk is full(.|\n)*Hint"):
        half_written(path, OSError(errno.ENOSPC, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NeurolectError, match="No permission"):
        half_written(tmp_path / "file.txt", PermissionError(errno.EACCES, "denied"))


def test_a_read_only_disk_is_reported_without_the_name_of_what_is_temporary(tmp_path: Path) -> None:
    of_arrow = OSError(errno.EROFS, f"Failed to open local file '{tmp_path}/.x.tmp'. Detail: [errno 30] Read-only")
    with pytest.raises(NeurolectError, match=r"^\S+file\.txt could not be written: Read-only file system\.\n"):
        half_written(tmp_path / "file.txt", of_arrow)


def test_a_place_is_tried_before_long_work_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file.txt").write_text("kept")
    for path in (tmp_path / "file.txt", tmp_path / "deep" / "down" / "x.html"):
        check_writable(path)
    with pytest.raises(NeurolectError, match=r"x\.html could not be written: Not a directory"):
        check_writable(tmp_path / "file.txt" / "x.html")

    def touch(_: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "touch", touch)
    with pytest.raises(
        NeurolectError, match=r"x\.html could not be written: Read-only file system(.|\n)*another --out"
    ):
        check_writable(tmp_path / "x.html")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"file.txt": "kept"}


def test_a_place_that_cannot_be_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(NeurolectError, match=r"x\.txt could not be written: (File exists|Not a directory)"):
        write_text(tmp_path / "file" / "x.txt", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NeurolectError, match=r"folder could not be written: Is a directory(.|\n)*another --out"):
        write_text(tmp_path / "folder", "x")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder"]


def test_nan_is_refused_in_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"x": float("nan")})


def hidden(folder: Path, name: str, process: int, *, kind: str = "tmp", computer: str | None = None) -> Path:
    return folder / f".{name}.{computer or _computer()}-{process}.{kind}"


def test_what_killed_processes_left_is_removed_by_the_next_writer(tmp_path: Path) -> None:
    gone = 999_999_999  # beyond any process number
    left = [hidden(tmp_path, "a.parquet", gone), hidden(tmp_path, "b.npy", os.getpid())]
    kept = [
        hidden(tmp_path, "c.npy", 1),  # alive
        hidden(tmp_path, "d.npy", gone, computer="0" * 8),
        tmp_path / ".somebody-elses.1.tmp",
    ]
    for path in (*left, *kept):
        path.write_text("half")
    folder = hidden(tmp_path, "corpus", gone)
    (folder / "scratch").mkdir(parents=True)
    (folder / "scratch" / "0.arrow").write_text("half")
    write_text(tmp_path / "x.txt", "x")
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "x.txt"])


def test_what_is_in_use_is_left(tmp_path: Path) -> None:
    with replacing_folder(tmp_path / "one", error=CorpusError) as one, replacing(tmp_path / "two") as two:
        two.write_text("2")
        with replacing_folder(tmp_path / "three", error=CorpusError):
            assert one.is_dir()
            assert two.is_file()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one", "three", "two"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    for n in (1, 2):
        with replacing_folder(folder, error=CorpusError) as temporary:
            (temporary / f"{n}.txt").write_text("x")
    with (
        pytest.raises(CorpusError, match=r"The disk is full: .*folder"),
        replacing_folder(folder, error=CorpusError),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert [str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*.*")] == ["deep/folder/2.txt"]


def test_a_folder_killed_between_two_renames_comes_back(tmp_path: Path) -> None:
    old = hidden(tmp_path, "corpus", 999_999_999, kind="old")
    old.mkdir()
    (old / "kept.txt").write_text("x")
    remove_leftovers(tmp_path)
    assert [str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*.*")] == ["corpus/kept.txt"]


def test_a_scratch_folder_of_a_killed_process_goes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    hidden(tmp_path, "neurolect-0", 999_999_999).mkdir()
    with scratch_folder() as folder:
        assert list(tmp_path.iterdir()) == [folder]
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_in_the_middle_of_an_array_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NeurolectError, match=r"The disk is full: .*a\.npy"), replacing(tmp_path / "a.npy"):
        raise OSError("13517 requested and 4064 written")  # noqa: EM101 - as NumPy says it
    assert list(tmp_path.iterdir()) == []
