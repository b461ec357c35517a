"""The folders of the planted model and its texts: the same for the same seed, read as any, refused when odd."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from neurolect import collect, describe, load_model, open_run, prepare
from neurolect.collector import CollectOptions
from neurolect.errors import ModelError, OptionError
from neurolect.model import ModelOptions
from neurolect.planted import Truth, planted_corpus, planted_model, read_truth
from neurolect.planted.grammar import CLASSES, CONCEPTS
from neurolect.signatures import DescribeOptions
from tests.planted.by_hand import ByHand


def test_the_same_seed_gives_the_same_files(truth: Truth, tmp_path: Path) -> None:
    again = planted_model(tmp_path / "again")
    names = sorted(path.name for path in truth.folder.iterdir())
    assert names == sorted(path.name for path in again.folder.iterdir())
    assert {"config.json", "model.safetensors", "planted.json", "tokenizer.json"} <= set(names)
    for name in names:
        assert (truth.folder / name).read_bytes() == (again.folder / name).read_bytes(), name
    assert again._replace(folder=truth.folder) == truth == read_truth(truth.folder)


def test_neurolect_reads_what_hugging_face_computes(truth: Truth, by_hand: ByHand) -> None:
    model = load_model(str(truth.folder), head="lm", options=ModelOptions(sites=("hidden", "mlp")))
    assert model.neurons.n_neurons == 4 * 2 * 128
    assert model.notices == []
    texts = [" ".join(each["tokens"]) for each in by_hand.sentences]
    got = dict(zip(model.addresses, model.activations(texts).T, strict=True))
    lengths = [len(each["tokens"]) for each in by_hand.sentences]
    for each in truth.neurons:
        words = np.split(by_hand.values(each.address), np.cumsum(lengths)[:-1])
        expected = [values.mean() for values in words]
        scale = max(1.0, float(np.abs(expected).max()))
        # the hidden state of the last block is the one after the last norm
        close = 5e-3 if each.address.startswith("hidden.4") else 1e-4
        np.testing.assert_allclose(got[each.address] / scale, np.array(expected) / scale, atol=close)


def test_texts_and_labels_are_of_the_same_words(documents: Path, tmp_path: Path) -> None:
    rows = pq.read_table(documents.with_name("labels.parquet")).to_pylist()
    texts = [json.loads(line) for line in documents.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 120
    assert {each["topic"] for each in texts} == {"kitchen", "workshop", "forest"}
    read = " ".join(each["text"] for each in texts).lower().replace(".", " .").split()
    assert read == [word for row in rows for word in row["tokens"]]
    assert set(CONCEPTS) < set(rows[0])
    for row in rows:
        assert all(word in CLASSES[name] for word, name in zip(row["tokens"], row["word_class"], strict=True))
        assert {len(row[name]) for name in CONCEPTS} == {len(row["tokens"])}
    longer = planted_corpus(tmp_path / "longer", sentences=150, seed=7)
    assert pq.read_table(longer.labels).slice(0, 120).to_pylist() == rows
    assert longer.n_sentences == 150
    other = planted_corpus(tmp_path / "other", sentences=120, seed=8)
    assert pq.read_table(other.labels).to_pylist() != rows


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"noise": -0.1}, r"planted\.noise is -0\.1"),
        ({"noise": float("nan")}, r"planted\.noise is nan"),
        ({"seed": -1}, r"planted\.seed is -1"),
    ],
)
def test_odd_numbers_are_refused(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=message):
        planted_model(tmp_path / "model", **given)
    assert list(tmp_path.iterdir()) == []


def test_no_sentences_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"planted\.sentences is 0"):
        planted_corpus(tmp_path / "texts", sentences=0)


def test_what_is_there_is_not_overwritten(truth: Truth, documents: Path) -> None:
    with pytest.raises(ModelError, match=r"is there already; nothing is overwritten"):
        planted_model(truth.folder)
    with pytest.raises(ModelError, match=r"is there already; nothing is overwritten"):
        planted_corpus(documents.parent)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (None, r"has no planted\.json"),
        ("{", r"cannot be read"),
        ("{}", r"cannot be read"),
        ('{"format": "neurolect-planted", "schema_version": 2}', r"in version 2\.(.|\n)*make it again"),
    ],
)
def test_a_truth_that_cannot_be_read_is_named(written: str | None, message: str, tmp_path: Path) -> None:
    if written is not None:
        (tmp_path / "planted.json").write_text(written, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        read_truth(tmp_path)


@pytest.mark.slow
def test_signatures_name_what_detectors_fire_for(truth: Truth, tmp_path: Path) -> None:
    texts = planted_corpus(tmp_path / "texts", sentences=3_000, seed=3)
    corpus = prepare([str(texts.documents)], out=tmp_path / "corpus", workers=1)
    model = load_model(str(truth.folder), options=ModelOptions(sites=("mlp",)))
    collect(model, corpus, out=tmp_path / "run", options=CollectOptions(list_size=100, sample_size=1_000))
    describe(open_run(tmp_path / "run"), options=DescribeOptions(tagger="none", vectors="none"), workers=1)
    run = open_run(tmp_path / "run")
    words = {name: set(CLASSES[name]) for name in CLASSES} | {"fox": {"fox"}, "bread": {"bread"}}
    found = {}
    for each in truth.neurons:
        if each.role in ("detector", "decoy", "duplicate", "switch") and each.concept in words and each.sign > 0:
            table = run.neuron(each.address).signature("top")["words"].sort_by("rank_relative")
            found[each.address] = str(each.concept), table["word"].to_pylist()[0]
    assert len(found) > 15
    # not all: a number is always before a plural, for one, so that the words of either describe both
    first = [word in words[concept] for concept, word in found.values()]
    assert np.mean(first) > 0.8, found
