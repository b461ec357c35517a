"""The filter of short sentences by a model's tokens: [E]'s, by option."""

import json
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request

import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import Corpus, PrepareOptions, prepare
from neurolect.corpus.sentences.model_tokens import at_hand, count_tokens
from neurolect.errors import CorpusError, ModelError
from neurolect.model import Model, ModelOptions, load_model
from neurolect.signatures import DescribeOptions, describe
from neurolect.verification import verify
from tests.command_line import succeed
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_documents(tmp_path_factory.mktemp("source") / "a.jsonl", n_documents=20)
    rows = [{"text": "Film. Go on? The team. ? ! ? Bank price!", "topic": "film", "year": 1990}] * 2
    path.write_text(path.read_text() + "\n" + "\n".join(map(json.dumps, rows)))
    return path


def texts(corpus: Corpus) -> list[str]:
    return [text for table in corpus.batches(part="all") for text in table["text"].to_pylist()]


def test_tokens_are_those_of_the_model(bert: Path) -> None:
    tokenizer = load_model(str(bert)).tokenizer
    given = ["The team of the bank.", "", "Zxqv!", "word " * 700]
    counted = count_tokens(given, tokenizer=str(bert))
    assert counted == [len(tokenizer([each], add_special_tokens=False)["input_ids"][0]) for each in given]
    assert count_tokens([], tokenizer="no such model") == []


@pytest.mark.parametrize("least", [1, 3, 9])
def test_sentences_of_fewer_tokens_are_dropped(bert: Path, source: Path, tmp_path: Path, least: int) -> None:
    everything = prepare(source, out=tmp_path / "all", options=PrepareOptions(min_words=1))
    asked = PrepareOptions(tokenizer=str(bert), min_tokens=least)
    made = [prepare(source, out=tmp_path / f"w{n}", options=asked, workers=n) for n in (1, 2)]
    assert made[0].fingerprint == made[1].fingerprint
    n_tokens = count_tokens(texts(everything), tokenizer=str(bert))
    expected = [text for text, n in zip(texts(everything), n_tokens, strict=True) if n >= least]
    assert texts(made[0]) == expected
    assert len(made[0].manifest["tokenizer"]) == 32
    assert not verify(made[0].folder).damaged
    if least > 1:
        assert any("with too few tokens" in each for each in made[0].manifest["notices"])


def test_the_verb_takes_a_tokenizer_and_a_sample(bert: Path, source: Path, tmp_path: Path) -> None:
    succeed("prepare", source, "--out", tmp_path / "c", "--tokenizer", bert, "--sample", 9, "--workers", 1)
    manifest = json.loads((tmp_path / "c" / "manifest.json").read_text())
    assert manifest["options"]["tokenizer"] == str(bert)
    assert manifest["n_documents"] == manifest["options"]["sample"] == 9


def test_a_tokenizer_that_is_not_there_is_named(source: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"(?s)tokenizer of .*empty.*Hint: .*tokenizer\.json"):
        prepare(source, out=tmp_path / "c", options=PrepareOptions(tokenizer=str(tmp_path / "empty")))
    (tmp_path / "empty" / "tokenizer.json").write_text("{}")
    with pytest.raises(CorpusError, match="holds no tokenizer"):
        prepare(source, out=tmp_path / "c", options=PrepareOptions(tokenizer=str(tmp_path / "empty")))
    with pytest.raises(ModelError, match="no model folder"):
        prepare(source, out=tmp_path / "c", options=PrepareOptions(tokenizer="./none"))
    assert not (tmp_path / "c").exists()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What is asked of a hub that does not answer; its cache is empty."""
    asked: list[str] = []

    def no_answer(request: Request, **_: object) -> None:
        asked.append(request.full_url)
        raise URLError(OSError("Name or service not known"))

    monkeypatch.setattr("neurolect.corpus.sentences.model_tokens.urlopen", no_answer)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *given: asked.append(str(given)))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return asked


def test_a_hub_that_does_not_answer_is_asked_once(asked: list[str]) -> None:
    assert not at_hand("no-model-of-this-name")
    assert not at_hand("./no/folder")
    assert asked == []
    with pytest.raises(CorpusError, match="Name or service not known"):
        count_tokens(["A word."], tokenizer="no-model-of-this-name")
    assert len(asked) == 1


def test_a_model_in_memory_is_read_without_its_tokenizers_file(
    bert: Path, source: Path, tmp_path: Path, asked: list[str]
) -> None:
    given = load_model(str(bert), options=ModelOptions(pooling="max"))
    named = Model(
        given.network, given.tokenizer, name="my-network", options=given.options, max_tokens=given.max_tokens
    )
    corpus = prepare(source, out=tmp_path / "corpus", options=PrepareOptions(min_words=1))
    run = collect(named, corpus, out=tmp_path / "run", options=CollectOptions(list_size=5))
    run = describe(run, options=DescribeOptions(tagger="none", vectors="none"))
    assert "Firing words are left out" in run.manifest["notices"][-1]
    describe(run)
    assert asked == []
