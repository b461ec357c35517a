"""Corpora of windows, paragraphs and documents: what is cut where, what is counted, what is refused."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import Corpus, PrepareOptions, prepare
from neurolect.corpus.sentences.model_tokens import count_tokens
from neurolect.corpus.sentences.windows import windows_of
from neurolect.errors import CollectError, OptionError
from neurolect.model import ModelOptions, load_model
from neurolect.progress import NullProgress
from neurolect.verification import verify
from tests.command_line import succeed
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert
from tests.tiny_tokenizers import tokenizer_of

TEXT = (
    "The quick brown fox doesn't jump over 12,345 lazy dogs \u4eca\u5929\u5f88\u597d\u6771\u4eac\u3067\u306f "
    "unhappily, internationalisation. " * 6
).strip()


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_documents(tmp_path_factory.mktemp("source") / "a.jsonl", n_documents=20)


def texts(corpus: Corpus) -> list[str]:
    return [text for table in corpus.batches(part="all") for text in table["text"].to_pylist()]


@pytest.mark.parametrize("family", ["word piece", "byte-level", "unigram", "byte fallback"])
def test_windows_hold_every_word_and_no_more_tokens_than_asked(family: str, tmp_path: Path) -> None:
    tokenizer_of(family).save_pretrained(tmp_path)
    name = str(tmp_path)
    for n_tokens in (8, 30, 200):
        found = windows_of(TEXT, tokenizer=name, n_tokens=n_tokens, stride=n_tokens)
        assert "".join(found.texts).replace(" ", "") == TEXT.replace(" ", "")
        assert found.n_again == 0
        assert count_tokens(found.texts, tokenizer=name) == found.lengths
        assert max(found.lengths) <= n_tokens
    words = set(TEXT.split())
    assert {word for text in found.texts for word in text.split()} <= words  # 200 tokens: every word fits
    assert windows_of("", tokenizer=name, n_tokens=8, stride=8).texts == []


def test_windows_with_a_stride_overlap_and_add_something_each(bert: Path) -> None:
    words = [f"word{number}" for number in range(60)]
    found = windows_of(" ".join(words), tokenizer=str(bert), n_tokens=40, stride=20)
    cut = [text.split() for text in found.texts]
    assert all(words.index(one[0]) < words.index(two[0]) <= words.index(one[-1]) for one, two in pairwise(cut))
    assert all(words.index(one[-1]) < words.index(two[-1]) for one, two in pairwise(cut))
    assert all(" ".join(each) in " ".join(words) for each in cut)
    assert (cut[0][0], cut[-1][-1]) == (words[0], words[-1])
    assert found.n_again > 0


def test_a_corpus_of_windows_counts_what_overlaps(bert: Path, source: Path, tmp_path: Path) -> None:
    asked = PrepareOptions(unit="window", tokenizer=str(bert), window_tokens=32, window_stride=16)
    made = [prepare(source, out=tmp_path / f"w{n}", options=asked, workers=n) for n in (1, 2)]
    assert made[0].fingerprint == made[1].fingerprint
    table = made[0].take(made[0].sentence_ids("all"))
    assert max(count_tokens(table["text"].to_pylist(), tokenizer=str(bert))) <= 32
    assert table["position"].to_pylist()[:3] == [0, 1, 2]
    assert table["topic"].null_count == 0
    characters = dict(made[0].manifest["sums"]["characters"])
    assert characters["in two windows"] < 0
    assert characters.pop("read") == sum(characters.values())
    assert not verify(made[0].folder).damaged
    said = succeed("prepare", source, "--out", tmp_path / "c", "--unit", "window", "--tokenizer", bert)
    assert "windows in" in said


def test_paragraphs_and_documents(tmp_path: Path) -> None:
    text = "One is here. Two is\nwrapped here.\n\nThree is alone."
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}))
    asked = {unit: PrepareOptions(unit=unit, held_out=0.0) for unit in ("paragraph", "document")}
    made = {unit: prepare(tmp_path / "a.jsonl", out=tmp_path / unit, options=each) for unit, each in asked.items()}
    assert texts(made["paragraph"]) == ["One is here. Two is wrapped here.", "Three is alone."]
    assert texts(made["document"]) == ["One is here. Two is wrapped here. Three is alone."]


def test_windows_need_a_tokenizer_and_leave_no_gaps() -> None:
    with pytest.raises(OptionError, match=r"(?s)unit is window, and no model's tokens.*Hint: --tokenizer MODEL"):
        PrepareOptions(unit="window")
    with pytest.raises(OptionError, match=r"window_stride is 65, and windows have 64 tokens"):
        PrepareOptions(unit="window", tokenizer="minilm", window_stride=65)


def test_collect_looks_at_windows_before_it_reads(bert: Path, source: Path, tmp_path: Path) -> None:
    def corpus(name: str, n_tokens: int) -> Corpus:
        options = PrepareOptions(unit="window", tokenizer=name, window_tokens=n_tokens)
        return prepare(source, out=tmp_path / f"{Path(name).name}-{n_tokens}", options=options)

    model = load_model(str(bert))  # 64 tokens, two of them special
    few = CollectOptions(list_size=5, sides=("top",))
    with pytest.raises(CollectError, match=r"up to 63 tokens and 2 special ones; .* reads 64\.(?s:.*)=62"):
        collect(model, corpus(str(bert), 63), out=tmp_path / "run", options=few)
    assert not (tmp_path / "run").exists()
    run = collect(model, corpus(str(bert), 62), out=tmp_path / "run", options=few)
    assert not any("windows" in each for each in run.manifest["notices"])
    tokenizer_of("byte-level").save_pretrained(tmp_path / "other")
    short = load_model(str(bert), options=ModelOptions(max_tokens=32))
    other = corpus(str(tmp_path / "other"), 62)

    class Hears(NullProgress):
        def message(self, text: str) -> None:
            heard.append((text, len(list((tmp_path / "again").glob("lists/*")))))

    heard: list[tuple[str, int]] = []
    run = collect(short, other, out=tmp_path / "again", options=few, progress=Hears())
    (said,) = (each for each in run.manifest["notices"] if "another tokenizer" in each)
    assert (said, 0) in heard  # before anything is read
    assert "longer than its limit of 32" in said
