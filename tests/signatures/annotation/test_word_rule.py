"""Words of two rules are not mixed without a word."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import neurolect
from neurolect.collector import record
from neurolect.collector.record import _notices_of_corpus
from neurolect.corpus import open_corpus
from neurolect.corpus.sentences.words import WORD_RULE
from neurolect.errors import RunFolderError
from neurolect.fidelity.stage import check_ready
from neurolect.signatures.annotation.word_rule import background_notice, check_same_rule, words_cut_otherwise
from neurolect.store import open_run

FIRST = Path(__file__).parents[2] / "fixtures" / "0.1.0"


def test_words_that_only_an_earlier_rule_gives() -> None:
    words = ["dog", "mr.", "n't", "o'brien", "caf\u00e9", "n\u2019t", "\u094d", "l'homme", "cafe\u0301", "\u201c"]
    assert words_cut_otherwise(pa.chunked_array([words])) == words[5:]


def edited(tmp_path: Path, word: str) -> Path:
    """Copy the run of 0.1.0 with one of its words changed."""
    folder = tmp_path / "run"
    shutil.copytree(FIRST / "run", folder)
    for name in ("index/words", "background/words"):
        table = pq.read_table(folder / f"{name}.parquet")
        words = table.column("word").to_pylist()
        words[-1] = word
        pq.write_table(table.set_column(0, "word", pa.array(words)), folder / f"{name}.parquet")
    return folder


def test_a_run_of_plain_words_is_searched_and_described_as_ever(tmp_path: Path) -> None:
    run = open_run(FIRST / "run")
    assert background_notice(run) is None
    check_same_rule(run, doing="anything")
    assert neurolect.find(run, word="he").num_rows


def test_a_run_of_an_earlier_rule_is_not_searched_by_todays(tmp_path: Path) -> None:
    run = open_run(edited(tmp_path, "n\u2019t"))
    assert neurolect.find(run, word="he").num_rows
    with pytest.raises(RunFolderError, match=r"word rule 1; the search for .* 1 of its words differ") as caught:
        neurolect.find(run, word="\u0939\u093f\u0928\u094d\u0926\u0940")
    assert caught.value.hint == f"Describe it again: neurolect describe {run.folder}"
    with pytest.raises(RunFolderError, match="word rule 1; scores"):
        check_ready(run)
    notice = background_notice(run)
    assert notice is not None
    assert notice.startswith("1 of the ")


def test_a_corpus_of_an_earlier_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = open_corpus(FIRST / "corpus")
    assert _notices_of_corpus(corpus) == []  # its words are plain
    monkeypatch.setattr(record, "count_words", lambda text: len(text) % 2)
    (notice,) = _notices_of_corpus(corpus)
    assert "by rule 1, this run counts by rule 2: of its first 171 sentences" in notice
    (tmp_path / "a.txt").write_text("They go there now.\n" * 20, encoding="utf-8")
    made = neurolect.prepare([tmp_path / "a.txt"], out=tmp_path / "corpus")
    assert made.manifest["word_rule"] == WORD_RULE
    assert _notices_of_corpus(made) == []
