"""Files appear whole or not at all."""

import errno
from pathlib import Path

import pytest

from neurolect.atomic import remove_leftovers, replacing, write_json, write_text
from neurolect.errors import NeurolectError


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


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with pytest.raises(NeurolectError, match=r"disk is full(.|\n)*Hint"):
        half_written(path, OSError(errno.ENOSPC, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(NeurolectError, match="No permission"):
        half_written(tmp_path / "file.txt", PermissionError(errno.EACCES, "denied"))


def test_a_place_that_cannot_be_is_told(tmp_path: Path) -> None:
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


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    gone = tmp_path / "deep" / ".table.parquet.999999999.tmp"  # beyond any process number
    alive = tmp_path / ".state.npz.1.tmp"
    own = tmp_path / "notes.1.tmp"
    for path in (gone, alive, own):
        path.write_text("half")
    assert remove_leftovers(tmp_path) == 1
    assert sorted(each.name for each in tmp_path.rglob("*.tmp")) == [alive.name, own.name]


def test_a_disk_that_is_full_in_the_middle_of_an_array_is_told(tmp_path: Path) -> None:
    with pytest.raises(NeurolectError, match=r"The disk is full: .*a\.npy"), replacing(tmp_path / "a.npy"):
        raise OSError("13517 requested and 4064 written")  # noqa: EM101 - as NumPy says it
    assert list(tmp_path.iterdir()) == []
