"""Files appear whole or not at all."""

import errno
from pathlib import Path

import pytest

from neurolect.atomic import replacing, write_json, write_text
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


def test_nan_is_refused_in_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"x": float("nan")})
