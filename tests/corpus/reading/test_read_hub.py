import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from neurolect.corpus import PrepareOptions, prepare
from neurolect.corpus.reading.rows import read_hub
from neurolect.errors import CorpusError, MissingExtraError


class Streamed:
    features = {"text": object(), "label": SimpleNamespace(names=["neg", "pos"])}  # noqa: RUF012

    def __iter__(self) -> Iterator[dict[str, object]]:
        yield {"text": "A first sentence.", "label": 1}
        yield {"text": "A second sentence.", "label": -1}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Replace the library; the list holds what it was asked for."""
    calls: list[tuple[object, ...]] = []

    def load_dataset(path: str, name: str | None, *, split: str, streaming: bool) -> Streamed:
        calls.append((path, name, split, streaming))
        if split == "none":
            message = "Bad split: none"
            raise ValueError(message)
        return Streamed()

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    return calls


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("hf:imdb", ("imdb", None, "train", True)),
        ("hf:imdb:test", ("imdb", None, "test", True)),
        ("hf:user/set:en:test", ("user/set", "en", "test", True)),
    ],
)
def test_names_are_taken_apart_and_labels_named(
    asked: list[tuple[object, ...]], name: str, call: tuple[object, ...]
) -> None:
    assert [row["label"] for row in read_hub(name)] == ["pos", -1]
    assert asked == [call]


def test_a_dataset_becomes_a_corpus(asked: list[tuple[object, ...]], tmp_path: Path) -> None:
    corpus = prepare("hf:imdb", out=tmp_path / "corpus", options=PrepareOptions(held_out=0.0))
    assert corpus.n_sentences == len(asked) == 2
    assert corpus.manifest["sources"] == [{"name": "hf:imdb", "bytes": None, "n_documents": 2}]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf:imdb:none", "could not be opened: Bad split"),
        ("hf:", "does not name a dataset"),
        ("hf:a:b:c:d", "hf:NAME:SPLIT"),
    ],
)
def test_datasets_that_are_not_there(asked: list[tuple[object, ...]], name: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        list(read_hub(name))


def test_the_library_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\"datasets>="):
        list(read_hub("hf:imdb"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_a_local_folder_by_the_real_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    pytest.importorskip("datasets")
    (tmp_path / "set").mkdir()
    rows = [{"text": f"Sentence number {n}.", "topic": "x"} for n in range(3)]
    (tmp_path / "set" / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert list(read_hub(f"hf:{tmp_path / 'set'}")) == rows
