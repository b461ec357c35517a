"""The backend is chosen once and kept."""

import json
from pathlib import Path

import pytest

from neurolect.collector import CollectOptions, choose_backend, collect
from neurolect.collector.shard import Shard
from neurolect.corpus import Corpus
from neurolect.errors import CollectError
from neurolect.model import Model, ModelOptions, load_model
from neurolect.progress import NullProgress
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

OPTIONS = CollectOptions(list_size=20, chunk_sentences=64, token_budget=160, sample_size=90, limit=192)


class Told(NullProgress):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for OpenVINO, whose conversions take seconds: it is PyTorch by another name."""

    def use(model: Model) -> None:
        model.backend = "openvino"

    monkeypatch.setattr(Model, "use_openvino", use)
    monkeypatch.setattr(choose_backend, "openvino_there", lambda: True)


def used(out: Path) -> str:
    return str(json.loads((out / "manifest.json").read_text())["model"]["backend"])


def test_auto_takes_pytorch_for_few_sentences(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=OPTIONS)
    assert used(tmp_path / "run") == "torch"


@pytest.mark.usefixtures("openvino")
def test_auto_takes_openvino_for_many(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose_backend, "_WORTH_CONVERTING", 100)
    collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=OPTIONS)
    assert used(tmp_path / "run") == "openvino"
    # what was begun is gone on with
    monkeypatch.setattr(choose_backend, "_WORTH_CONVERTING", 1000)
    collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=OPTIONS)
    other = load_model(str(bert), options=ModelOptions(backend="torch"))
    with pytest.raises(CollectError, match=r"differs in model\.backend"):
        collect(other, corpus, out=tmp_path / "run", options=OPTIONS)


@pytest.mark.usefixtures("openvino")
@pytest.mark.parametrize("faster", ["torch", "openvino"])
def test_the_fastest_is_tried_told_and_kept(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faster: str
) -> None:
    monkeypatch.setattr(choose_backend, "_seconds", lambda model, batches: 1 + (model.backend != faster))
    told, options = Told(), ModelOptions(backend="fastest")
    collect(load_model(str(bert), options=options), corpus, out=tmp_path / "run", options=OPTIONS, progress=told)
    assert used(tmp_path / "run") == faster
    name = {"torch": "PyTorch", "openvino": "OpenVINO"}[faster]
    assert f"{name} runs the model: it was 2.00 times as fast in a trial of 3 rounds." in told.messages
    # no second trial, whatever it would say
    monkeypatch.setattr(choose_backend, "_seconds", lambda model, batches: 1 + (model.backend == faster))
    collect(load_model(str(bert), options=options), corpus, out=tmp_path / "run", options=OPTIONS)
    assert used(tmp_path / "run") == faster


def test_what_openvino_does_not_run_runs_in_pytorch(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "use_openvino", lambda model: "a BertModel does not run there")
    monkeypatch.setattr(choose_backend, "openvino_there", lambda: True)
    monkeypatch.setattr(choose_backend, "_WORTH_CONVERTING", 100)
    told = Told()
    collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=OPTIONS, progress=told)
    assert used(tmp_path / "run") == "torch"
    expected = "PyTorch runs the model: OpenVINO is installed, and a BertModel does not run there."
    assert expected in told.messages


def test_shards_do_not_try(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    model = load_model(str(bert), options=ModelOptions(backend="fastest"))
    with pytest.raises(CollectError, match=r"'fastest', and a shard .*\nHint: Name one for all shards"):
        collect(model, corpus, out=tmp_path / "run", options=OPTIONS, shard=Shard(0, 2))


def test_without_openvino_the_fastest_is_pytorch(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose_backend, "openvino_there", lambda: False)
    told, options = Told(), ModelOptions(backend="fastest")
    collect(load_model(str(bert), options=options), corpus, out=tmp_path / "run", options=OPTIONS, progress=told)
    assert used(tmp_path / "run") == "torch"
    assert any("OpenVINO is not installed" in message for message in told.messages)
