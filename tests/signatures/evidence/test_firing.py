"""Planted neurons: what is said of their firing tokens is true, and shown, searched and scored like the rest."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import open_corpus, prepare
from neurolect.errors import OptionError, RunFolderError
from neurolect.fidelity import FidelityOptions, score_fidelity
from neurolect.finding import find
from neurolect.model import ModelOptions, load_model
from neurolect.planted import Truth, planted_corpus, planted_model
from neurolect.planted.grammar import CLASSES
from neurolect.signatures import DescribeOptions, describe
from neurolect.signatures.evidence.collected import kept_sentences
from neurolect.signatures.evidence.registry import kind_named
from neurolect.store import Run, open_run
from neurolect.views import card, card_text

OPTIONS = DescribeOptions(tagger="none", vectors="none", pattern_length=1, max_senses=1)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return planted_model(tmp_path_factory.mktemp("model") / "planted", noise=0.0)


@pytest.fixture(scope="module")
def run(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("firing tokens")
    texts = planted_corpus(folder / "texts", sentences=400, seed=1)
    corpus = prepare([texts.documents], out=folder / "corpus")
    model = load_model(str(truth.folder), options=ModelOptions(sites=("mlp",), layers=(1, 4), pooling="max"))
    options = CollectOptions(list_size=30, held_out_size=60, bottom_by="pooled")
    return describe(collect(model, corpus, out=folder / "run", options=options), options=OPTIONS)


def of_classes(truth: Truth, run: Run) -> dict[str, tuple[str, ...]]:
    """Neurons of the run that detect a class of words, and its words."""
    return {
        each.address: CLASSES[each.concept]
        for each in truth.neurons
        if each.role in ("detector", "decoy") and each.concept in CLASSES and each.address in run.index.addresses()
    }


def test_detectors_are_strongest_at_their_words(truth: Truth, run: Run) -> None:
    detectors = of_classes(truth, run)
    assert len(detectors) >= 4
    for address, words in detectors.items():
        rows = run.neuron(address).rows("signatures/firing_words", side="top")
        assert set(rows.column("label").to_pylist()) <= set(words)
        assert pc.sum(rows.column("n_list")).as_py() >= 24  # words of fewer than three entries are not counted
        summary = run.neuron(address).rows("signatures/summary", side="top").to_pylist()[0]
        assert summary["name"].startswith('at "')
        assert all(each["label"] in words for each in summary["name_conditions"] if each["part"] == 0)


def test_counts_equal_those_of_a_plain_loop(truth: Truth, run: Run) -> None:
    sentences = run.sentences()
    text_of = dict(
        zip(sentences.column("sentence_id").to_pylist(), sentences.column("text").to_pylist(), strict=True)
    )
    spans = {row["sentence_id"]: row for row in run.table("token_spans").to_pylist()}
    rows = run.table("signatures/firing_words").to_pylist()
    for address in list(of_classes(truth, run))[:3]:
        neuron = run.neuron(address)
        counts: dict[str, int] = {}
        for entry in neuron.list("top").to_pylist():
            own = spans[entry["sentence_id"]]
            start, end = own["starts"][entry["token"]], own["ends"][entry["token"]]
            word = text_of[entry["sentence_id"]][start:end].strip().lower()
            counts[word] = counts.get(word, 0) + 1
        found = {row["label"]: row["n_list"] for row in rows if row["neuron_id"] == neuron.neuron_id}
        assert found == {word: n for word, n in counts.items() if word in found}
        assert {word for word, n in counts.items() if n >= 3} <= set(found)


def test_the_background_is_the_samples_tokens(run: Run) -> None:
    sample = set(run.table("sample/sentences").column("sentence_id").to_pylist())
    words = [
        word.lower()
        for row in run.table("annotations").to_pylist()
        if row["sentence_id"] in sample
        for word in row["words"]
    ]
    for row in run.table("signatures/firing_words").slice(0, 50).to_pylist():
        assert row["n_background"] == words.count(row["label"])
        assert row["share_background"] == pytest.approx(words.count(row["label"]) / len(words))


def test_the_bottom_list_has_no_firing_tokens(run: Run) -> None:
    assert set(run.table("signatures/firing_words").column("side").to_pylist()) == {"top"}


def test_cards_mark_the_firing_token(truth: Truth, run: Run) -> None:
    address, words = next(iter(of_classes(truth, run).items()))
    made = card(run.neuron(address))
    top = made["sides"][0]
    for each in top["examples"]:
        ((start, end, weight),) = each["activating"]
        assert each["text"][start:end].lower() in words
        assert weight == 1
    assert top["evidence"]["firing_words"]
    assert "\u2039" in card_text(made)
    assert all(each["activating"] is None for each in made["sides"][1]["examples"])


def test_it_is_searched_and_scored(truth: Truth, run: Run, tmp_path: Path) -> None:
    address = next(iter(of_classes(truth, run)))
    label = run.neuron(address).rows("signatures/firing_words", side="top").column("label")[0].as_py()
    row = run.neuron(address).rows("signatures/firing_words", side="top").to_pylist()[0]
    found = {each["address"]: each for each in find(run, has=f"firing_words={label}", limit=500).to_pylist()}
    assert found[address]["n_list"] == row["n_list"]
    assert found[address]["share_background"] == pytest.approx(row["share_background"])
    with pytest.raises(RunFolderError, match="among their evidence"):
        find(run, has="firing_words=nosuchword")
    copied = tmp_path / "run"
    shutil.copytree(run.folder, copied)
    scored = score_fidelity(copied, options=FidelityOptions(top_share=0.2, min_positives=5))
    rows = scored.neuron(address).rows("fidelity/scores", side="top").to_pylist()
    assert next(row["auroc"] for row in rows if row["evidence"] == "firing_words") > 0.7


def test_sentences_hold_the_labels(run: Run) -> None:
    sentences = kept_sentences(run)
    for name in ("firing_words", "firing_context", "firing_tags"):
        table = run.table(f"signatures/{name}")
        labels = list(dict.fromkeys(table.column("label").to_pylist()))[:40]
        made = kind_named(name).features(labels, sentences)
        assert len(made.offsets) == sentences.coded.n_sentences + 1
        assert (np.bincount(made.codes, minlength=len(labels)) > 0).all() or name == "firing_tags"


def test_without_the_tokenizer_the_rest_is_described(run: Run, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run.folder, copied)
    manifest = copied / "manifest.json"
    manifest.write_text(manifest.read_text().replace(run.manifest["model"]["name"], str(tmp_path / "gone")))
    made = describe(open_run(copied), options=DescribeOptions(tagger="none", vectors="none", pattern_length=2))
    assert "are left out" in made.manifest["stages"]["describe"]["notice"]
    assert not made.has("token_spans")
    assert not made.has("signatures/firing_words")
    assert made.has("signatures/words")
    seen = made.manifest["stages"]["describe"]["finished"]
    assert describe(made).manifest["stages"]["describe"]["finished"] == seen  # not again each time
    manifest.write_text(manifest.read_text().replace(str(tmp_path / "gone"), run.manifest["model"]["name"]))
    assert describe(open_run(copied)).has("signatures/firing_words")


def test_another_tokenizer_is_refused(run: Run, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run.folder, copied)
    manifest = copied / "manifest.json"
    known = run.manifest["model"]["tokenizer"]
    manifest.write_text(manifest.read_text().replace(known, "0" * len(known)))
    with pytest.raises(RunFolderError, match="is not the one that"):
        describe(open_run(copied), options=DescribeOptions(tagger="none", vectors="none", pattern_length=2))


def test_a_run_of_one_side_is_shown(truth: Truth, run: Run, tmp_path: Path) -> None:
    model = load_model(str(truth.folder), options=ModelOptions(sites=("mlp",), layers=(2,), pooling="max"))
    options = CollectOptions(list_size=30, held_out_size=0, sides=("top",))
    corpus = run.manifest["corpus"]["path"]
    one = describe(collect(model, open_corpus(corpus), out=tmp_path / "one", options=options), options=OPTIONS)
    made = card(one.neuron("mlp.2.3"))
    assert [side["side"] for side in made["sides"]] == ["top"]
    assert "BOTTOM" not in card_text(made)
    with pytest.raises(OptionError, match="has no bottom lists"):
        card(one.neuron("mlp.2.3"), sides=("bottom",))
