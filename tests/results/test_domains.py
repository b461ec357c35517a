"""Statistics of a corpus are those of its sentences, counted plainly."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from neurolect.corpus import Corpus
from neurolect.errors import OptionError
from neurolect.model import load_model
from neurolect.results import corpus_statistics, provenance
from neurolect.store import open_run
from neurolect.views.texts.domains import domains_text
from tests.command_line import succeed
from tests.example_run import write_example_run
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


def grouped(rows: list[dict[str, Any]], field: str) -> dict[Any, list[dict[str, Any]]]:
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row[field]].append(row)
    return groups


def test_counts_and_means_of_a_corpus(corpus: Corpus, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("neurolect.results.domains._AT_ONCE", 7)
    bert = write_tiny_bert(tmp_path / "bert")
    tokenizer = load_model(str(bert)).tokenizer
    made = corpus_statistics(corpus, tokenizer=str(bert)).to_pylist()
    rows = corpus.take(corpus.sentence_ids("all")).to_pylist()
    groups = {(None, None): rows} | {("topic", value): of for value, of in grouped(rows, "topic").items()}
    assert [(row["field"], row["value"]) for row in made] == sorted(groups, key=lambda key: -len(groups[key]))
    for row in made:
        own = groups[row["field"], row["value"]]
        assert row["n_sentences"] == len(own)
        assert row["n_documents"] == len({each["document_id"] for each in own})
        assert row["share"] == pytest.approx(len(own) / len(rows))
        assert row["words"] == pytest.approx(sum(each["n_words"] for each in own) / len(own))
        n_tokens = sum(len(tokenizer(each["text"], add_special_tokens=False)["input_ids"]) for each in own)
        assert row["tokens"] == pytest.approx(n_tokens / len(own))
        assert row["noun"] is None
    years = corpus_statistics(corpus.folder, field="year").to_pylist()
    assert {row["value"] for row in years[1:]} == {str(year) for year in range(1990, 1997)}
    assert years[0]["tokens"] is None


def test_parts_of_speech_of_a_run(tmp_path: Path) -> None:
    example_run = open_run(write_example_run(tmp_path / "run"))
    table = corpus_statistics(example_run)
    rows = example_run.table("sentences").to_pylist()
    tags = example_run.table("annotations").column("tags").to_pylist()
    for row in table.to_pylist():
        if row["field"] in (None, "domain"):
            own = [n for n, each in enumerate(rows) if row["field"] is None or each["domain"] == row["value"]]
            words = [tag for n in own for tag in tags[n]]
            assert row["n_sentences"] == len(own)
            for name, letter in (("noun", "N"), ("verb", "V"), ("adjective", "J")):
                assert row[name] == pytest.approx(sum(tag[0] == letter for tag in words) / len(words))
    assert provenance(table).method == "corpus"
    text = domains_text(table)
    assert "by domain" in text
    assert "nouns" in text
    assert "tokens  " not in text


def test_a_field_that_is_not_there_is_named(corpus: Corpus) -> None:
    with pytest.raises(OptionError, match=r"no field 'topc'(.|\n)*Nearest: 'topic'"):
        corpus_statistics(corpus, field="topc")


def test_the_verb_prints_and_writes(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "domains.json"
    printed = succeed("corpus", corpus.folder, "--format", "json", "--out", out)
    assert json.loads(out.read_text()) == json.loads(printed)
    assert [row["value"] for row in json.loads(printed)["rows"]].count(None) == 1
    assert succeed("corpus", corpus.folder, "--format", "csv").startswith("field,value,n_documents,")
    assert "by topic" in succeed("corpus", corpus.folder)
