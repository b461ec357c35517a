"""A decoder is read over a corpus of pairs: the target is the sentence, a field of the corpus its source."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect.collector import CollectOptions, collect, merge
from neurolect.corpus import Corpus, PrepareOptions, open_corpus, prepare
from neurolect.errors import InterruptedRunError, OptionError
from neurolect.model import Model, ModelOptions, load_model
from neurolect.store import open_run
from neurolect.tokens import read_tokens
from tests.collector.test_corpus_pass import Stopping, all_arrays
from tests.command_line import command, succeed
from tests.reference.top_lists import sorted_lists
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny

OPTIONS = CollectOptions(
    list_size=20, chunk_sentences=50, token_budget=300, sample_size=60, activation_sample_size=40
)
GIVEN = {"sites": ("decoder.hidden", "decoder.mlp"), "source": "field=english"}


def write_pairs(path: Path) -> Path:
    """Write targets and sources of several lengths; some have no source."""
    lines = write_documents(path.parent / "documents.jsonl", n_documents=40).read_text().splitlines()
    rows: list[dict[str, object]] = []
    for line in lines:
        document = json.loads(line)
        for sentence in document["text"].split(". "):
            words = sentence.split()
            english = None if len(rows) % 37 == 5 else " ".join(reversed(words[: 3 + len(rows) % 9]))
            rows.append(
                {"text": sentence, "english": english, "topic": document["topic"], "year": document["year"]}
            )
    path.write_text("\n".join(json.dumps(each) for each in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    write_tiny(folder / "bart", family="Bart")
    prepare([write_pairs(folder / "pairs.jsonl")], out=folder / "corpus", options=PrepareOptions(unit="document"))
    return folder


@pytest.fixture(scope="module")
def corpus(place: Path) -> Corpus:
    return open_corpus(place / "corpus")


def loaded(place: Path, **options: Any) -> Model:
    return load_model(str(place / "bart"), options=ModelOptions(**{**GIVEN, **options}))


def test_lists_are_those_of_targets_next_to_their_sources(place: Path, corpus: Corpus, tmp_path: Path) -> None:
    model = loaded(place)
    run = collect(model, corpus, out=tmp_path / "run", options=OPTIONS)
    mining = corpus.take(corpus.sentence_ids("mining"))
    there = [each for each in mining.to_pylist() if each["english"]]
    n_without = mining.num_rows - len(there)
    assert n_without > 0
    values = np.empty((len(there), model.neurons.n_neurons), np.float32)
    for row, each in enumerate(there):
        tokens = model.tokenize([each["text"]], [each["english"]])
        values[row] = model.read(model.pad(tokens, np.array([0]))).values
    ids = np.array([each["sentence_id"] for each in there])
    activations, sentences, *_ = sorted_lists(values, ids, list_size=20, side="top")
    lists = run.table("lists/top").to_pandas()
    np.testing.assert_allclose(lists["activation"], activations.ravel(), atol=2e-5)
    assert (lists["sentence_id"] == sentences.ravel()).mean() > 0.99  # rounding may swap two equal ones
    assert f"{n_without} sentences have no token this tokenizer knows, or no source: not fed." in " ".join(
        run.manifest["notices"]
    )
    # the source is kept and shown, and is no evidence
    first = run.neuron("decoder.hidden.2.3").list("top", limit=1).to_pylist()[0]
    source = {each["sentence_id"]: each["english"] for each in there}[first["sentence_id"]]
    assert first["english"] == source
    assert [each["name"] for each in run.manifest["corpus"]["fields"]] == ["topic", "year"]
    assert set(run.table("background/metadata").column("field").to_pylist()) == {"topic", "year"}


def test_a_stop_changes_nothing_with_sources(place: Path, corpus: Corpus, tmp_path: Path) -> None:
    options = CollectOptions(list_size=20, chunk_sentences=50, token_budget=300, checkpoint_seconds=0)
    model = loaded(place, pooling="max")
    collect(model, corpus, out=tmp_path / "whole", options=options)
    model.__class__ = Stopping
    assert isinstance(model, Stopping)
    model.passes_left, model.dies = 12, False
    with pytest.raises(InterruptedRunError):
        collect(model, corpus, out=tmp_path / "stopped", options=options)
    assert (tmp_path / "stopped" / "checkpoint" / "state.npz").is_file()
    collect(model, corpus, out=tmp_path / "stopped", options=options)
    assert all_arrays(tmp_path / "whole") == all_arrays(tmp_path / "stopped")


def test_batches_shards_and_workers_change_nothing(place: Path, corpus: Corpus, tmp_path: Path) -> None:
    model = loaded(place)
    whole = collect(model, corpus, out=tmp_path / "whole", options=OPTIONS)
    for number in range(2):
        collect(model, corpus, out=tmp_path / str(number), options=OPTIONS, shard=f"{number}/2")
    merged = merge([tmp_path / "0", tmp_path / "1"], out=tmp_path / "merged")
    other = CollectOptions(list_size=20, chunk_sentences=80, token_budget=90, sample_size=60, workers=2)
    again = collect(model, corpus, out=tmp_path / "again", options=other)
    tables = [each.table("lists/top").to_pandas() for each in (whole, merged, again)]
    for table in tables[1:]:
        np.testing.assert_allclose(table["activation"], tables[0]["activation"], atol=2e-5)
        assert (table["sentence_id"] == tables[0]["sentence_id"]).mean() > 0.99


def test_tokens_and_signatures_of_a_decoder(place: Path, tmp_path: Path) -> None:
    answer = succeed(
        *(
            "run",
            place / "bart",
            place / "corpus",
            "--out",
            tmp_path / "run",
            "--set",
            "model.source=field=english",
        ),
        *("--set", "model.sites=decoder.hidden", "--set", "describe.tagger=none", "--set", "collect.list_size=20"),
        *("--set", "fidelity.min_positives=2", "--set", "fidelity.top_share=0.2"),
    )
    assert "the encoder is given the field 'english'" in answer
    run = open_run(tmp_path / "run")
    read_tokens(run)  # pools again, and compares with the lists
    card = succeed("show", tmp_path / "run", "decoder.hidden.1.2")
    shown = run.neuron("decoder.hidden.1.2").list("top", limit=1).to_pylist()[0]
    assert f"{shown['english']} \u00b7 {shown['topic']}" in card
    assert "decoder.hidden.1.6" in succeed("find", tmp_path / "run", "--where", "topic=sport")


def test_sources_that_are_not_there_are_refused(place: Path, corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"'field=englisch', and the corpus has no such field(.|\n)*'english'"):
        collect(loaded(place, source="field=englisch"), corpus, out=tmp_path / "run", options=OPTIONS)
    with pytest.raises(OptionError, match=r"'field=year', and the corpus has no such field of texts"):
        collect(loaded(place, source="field=year"), corpus, out=tmp_path / "run", options=OPTIONS)
    assert not (tmp_path / "run").exists()
    line = ["collect", place / "bart", place / "corpus", "--out", tmp_path / "run"]
    answer = command(*line, "--set", "model.sites=decoder.hidden,hidden")
    assert answer.code
    assert "sites of an encoder and of a decoder" in answer.err
    answer = command(
        "prepare", place / "pairs.jsonl", "--out", tmp_path / "c", "--set", "prepare.text_column=german"
    )
    assert answer.code
    assert "has no column 'german'" in answer.err


def test_another_source_is_another_run(place: Path, corpus: Corpus, tmp_path: Path) -> None:
    collect(loaded(place), corpus, out=tmp_path / "run", options=OPTIONS)
    answer = command(
        *("collect", place / "bart", place / "corpus", "--out", tmp_path / "run"),
        *("--set", "model.sites=decoder.hidden,decoder.mlp", "--set", "model.source=same"),
    )
    assert answer.code
    assert "model.source" in answer.err
