"""A sub-corpus: half a uniform choice, half what the lists need most; a corpus like any other."""

from pathlib import Path

import numpy as np
import pytest

from neurolect import CollectOptions, collect, open_corpus
from neurolect.corpus import Corpus
from neurolect.corpus.extract import extract
from neurolect.errors import CorpusError, OptionError, RunFolderError
from neurolect.finding import subset
from neurolect.finding.subset import greedy
from neurolect.results.list_entries import ListEntries, read_list_entries
from neurolect.store import Run
from tests.command_line import succeed
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Corpus]:
    home = tmp_path_factory.mktemp("subset")
    corpus = tiny_corpus(home)
    options = CollectOptions(list_size=20, held_out_size=0)
    return collect(str(write_tiny_bert(home / "bert")), corpus, out=home / "run", options=options), corpus


def test_each_sentence_is_the_one_that_adds_most() -> None:
    random = np.random.default_rng(0)
    lists = [random.choice(30, size=8, replace=False) for _ in range(12)]
    starts = np.arange(0, 97, 8)
    entries = ListEntries(starts, np.concatenate(lists).astype(np.int32))
    chosen = greedy([entries], n_sentences=30, first=np.array([4]), n=6)
    taken = [4]

    def worth(rows: list[int]) -> float:
        return sum(
            float(np.sqrt(sum(1 / np.log2(2 + rank) for rank, row in enumerate(own) if row in rows)))
            for own in lists
        )

    for row in chosen.tolist():
        gains = [worth([*taken, each]) if each not in taken else 0.0 for each in range(30)]
        assert gains[row] == pytest.approx(max(gains))
        taken.append(row)
    everything = greedy([entries], n_sentences=40, first=np.empty(0, np.int64), n=40)
    assert sorted(everything.tolist()) == sorted({int(each) for own in lists for each in own})


def test_it_keeps_more_of_the_lists_than_a_random_choice(made: tuple[Run, Corpus], tmp_path: Path) -> None:
    run, whole = made
    corpus = subset(run, out=tmp_path / "sub", sentences=60)
    assert (corpus.n_mining, corpus.n_held_out) == (60, whole.n_held_out)
    assert corpus.manifest["notices"] == [
        f"60 of {whole.n_mining:,} sentences of {whole.location}, chosen by neurolect subset."
    ]
    texts = set(corpus.take(corpus.sentence_ids("mining"), columns=["text"]).column("text").to_pylist())
    table = run.table("sentences", columns=["sentence_id", "text"])
    entries = read_list_entries(run, "top", sentence_ids=table.column("sentence_id").to_numpy())
    kept = np.array([text in texts for text in table.column("text").to_pylist()])[entries.positions].mean()
    assert kept > 1.5 * 60 / whole.n_mining
    again = subset(run, out=tmp_path / "again", sentences=60)
    assert again.fingerprint == corpus.fingerprint
    assert subset(run, out=tmp_path / "other", sentences=60, seed=1).fingerprint != corpus.fingerprint


def test_a_sub_corpus_is_a_corpus(made: tuple[Run, Corpus], tmp_path: Path) -> None:
    run, whole = made
    said = succeed("subset", run.folder, "--out", tmp_path / "sub", "--sentences", 50)
    assert said.startswith(f"50 sentences in {tmp_path / 'sub'}, and {whole.n_held_out} held out.")
    corpus = open_corpus(tmp_path / "sub")
    corpus.verify()
    assert corpus.fields == whole.fields
    ids = corpus.sentence_ids("all")
    rows = corpus.take(ids, columns=["text", "document_id", "topic"]).to_pylist()
    known = {
        row["text"]: row
        for row in whole.take(whole.sentence_ids("all"), columns=["text", "document_id", "topic"]).to_pylist()
    }
    assert all(known[row["text"]] == row for row in rows)
    assert corpus.manifest["n_documents"] == len({row["document_id"] for row in rows})
    small = CollectOptions(list_size=5, held_out_size=0)
    again = collect(str(run.folder.parent / "bert"), corpus, out=tmp_path / "run", options=small)
    assert again.n_neurons == run.n_neurons


def test_what_cannot_be_chosen(made: tuple[Run, Corpus], tmp_path: Path) -> None:
    run, whole = made
    with pytest.raises(OptionError, match=r"99,999 sentences were asked for(.|\n)*2 to "):
        subset(run, out=tmp_path / "sub", sentences=99_999)
    other = tiny_corpus(tmp_path, n_documents=9)
    with pytest.raises(RunFolderError, match=r"is not the corpus of(.|\n)*--corpus FOLDER"):
        subset(run, out=tmp_path / "sub", sentences=9, corpus=other.location)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "a").write_text("")
    with pytest.raises(CorpusError, match=r"is there already(.|\n)*another --out"):
        extract(whole, whole.sentence_ids("mining"), out=tmp_path / "taken", notices=[])
