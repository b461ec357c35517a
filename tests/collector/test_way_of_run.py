"""The backend is chosen once and kept."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.collector.feed.shards import Shard
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, OptionError
from neurolect.model import ModelOptions, load_model
from neurolect.model import choose_for_pass as for_pass
from neurolect.model.architecture.network import Network
from neurolect.model.options import BACKENDS
from neurolect.model.trials import openvino
from neurolect.model.ways.plain import Plain
from neurolect.model.ways.way import Backend, Way
from neurolect.progress import NullProgress
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

OPTIONS = CollectOptions(list_size=20, chunk_sentences=64, token_budget=160, sample_size=90, limit=192)


class Reports(NullProgress):
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


class ByAnotherName(Plain):
    """PyTorch, called OpenVINO, whose conversions take seconds."""

    backend = "openvino"


def stand_in(monkeypatch: pytest.MonkeyPatch, attempt: Callable[[Network], Way | str]) -> None:
    monkeypatch.setattr(openvino, "BACKEND", openvino.BACKEND._replace(there=lambda: True, attempt=attempt))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, lambda model: ByAnotherName())


def used(out: Path) -> str:
    return str(json.loads((out / "manifest.json").read_text())["model"]["backend"])


def test_auto_takes_pytorch_for_few_sentences(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=OPTIONS)
    assert used(tmp_path / "run") == "torch"


@pytest.mark.usefixtures("installed")
def test_auto_takes_openvino_for_many(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino, "_WORTH_CONVERTING", 100)
    collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=OPTIONS)
    assert used(tmp_path / "run") == "openvino"
    # what was started is resumed
    monkeypatch.setattr(openvino, "_WORTH_CONVERTING", 1000)
    collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=OPTIONS)
    other = load_model(str(bert), options=ModelOptions(backend="torch"))
    with pytest.raises(CollectError, match=r"differs in model\.backend"):
        collect(other, corpus, out=tmp_path / "run", options=OPTIONS)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("faster", ["torch", "openvino"])
def test_the_fastest_is_tried_reported_and_kept(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faster: str
) -> None:
    monkeypatch.setattr(for_pass, "_seconds", lambda model, way, batches: 1 + (way.backend != faster))
    reports, options = Reports(), ModelOptions(backend="fastest")
    collect(load_model(str(bert), options=options), corpus, out=tmp_path / "run", options=OPTIONS, progress=reports)
    assert used(tmp_path / "run") == faster
    name = {"torch": "PyTorch", "openvino": "OpenVINO"}[faster]
    assert f"{name} runs the model: it was 2.00 times as fast in a trial of 3 rounds." in reports.messages
    # no second trial, whatever it would say
    monkeypatch.setattr(for_pass, "_seconds", lambda model, way, batches: 1 + (way.backend == faster))
    collect(load_model(str(bert), options=options), corpus, out=tmp_path / "run", options=OPTIONS)
    assert used(tmp_path / "run") == faster


def test_what_openvino_does_not_run_runs_in_pytorch(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, lambda model: "a BertModel does not run there")
    monkeypatch.setattr(openvino, "_WORTH_CONVERTING", 100)
    reports = Reports()
    collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=OPTIONS, progress=reports)
    assert used(tmp_path / "run") == "torch"
    expected = "PyTorch runs the model: OpenVINO is installed, and a BertModel does not run there."
    assert expected in reports.messages


def test_shards_do_not_try(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    model = load_model(str(bert), options=ModelOptions(backend="fastest"))
    with pytest.raises(CollectError, match=r"'fastest', and a shard .*\nHint: Name one for all shards"):
        collect(model, corpus, out=tmp_path / "run", options=OPTIONS, shard=Shard(0, 2))


def test_without_openvino_the_fastest_is_pytorch(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino, "BACKEND", openvino.BACKEND._replace(there=lambda: False))
    reports, options = Reports(), ModelOptions(backend="fastest")
    collect(load_model(str(bert), options=options), corpus, out=tmp_path / "run", options=OPTIONS, progress=reports)
    assert used(tmp_path / "run") == "torch"
    assert any("OpenVINO is not installed" in message for message in reports.messages)


class Toy(Plain):
    """A backend that a plug-in brings: this class, its trial and one line in the registry."""

    backend = "toy"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("toy_trial")
    never: Callable[[Network, int], bool] = lambda model, n: False  # noqa: E731
    module.BACKEND = Backend("Toy", "pip install toy", lambda: True, never, lambda model: Toy())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toy_trial", module)
    monkeypatch.setitem(BACKENDS, "toy", "toy_trial")


@pytest.mark.usefixtures("toy")
def test_a_new_backend_is_a_way_a_trial_and_a_line(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(str(bert), options=ModelOptions(backend="toy"))
    assert isinstance(model.way, Toy)
    collect(model, corpus, out=tmp_path / "named", options=OPTIONS)
    assert used(tmp_path / "named") == "toy"
    monkeypatch.setattr(for_pass, "_seconds", lambda model, way, batches: 1 + (way.backend != "toy"))
    fastest = load_model(str(bert), options=ModelOptions(backend="fastest"))
    collect(fastest, corpus, out=tmp_path / "fastest", options=OPTIONS)
    assert used(tmp_path / "fastest") == "toy"
    with pytest.raises(OptionError, match=r"auto, torch, openvino, toy, fastest"):
        ModelOptions(backend="toys")
