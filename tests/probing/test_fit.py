"""Probes of a store: saved, opened again, and compared with what is trivial."""

import json
from pathlib import Path

import numpy as np
import pytest

from neurolect.errors import OptionError, ProbingError
from neurolect.probing import ProbeOptions, fit_forest, fit_probe, open_probe
from neurolect.probing.fit import of_type, types_of
from neurolect.probing.labels import Parts
from neurolect.probing.samples import draw_sample
from tests.command_line import succeed
from tests.probing.stores import example_store

SMALL = ProbeOptions(units=400, trees=5, picks=4, gap=0.05)


@pytest.mark.parametrize("method", ["linear", "gaussian", "forest"])
def test_a_probe_is_saved_and_opened_with_the_same_accuracy(method: str, tmp_path: Path) -> None:
    store = example_store(tmp_path)
    made = fit_probe(store, method=method, out=tmp_path / "probe", options=SMALL)
    probe = open_probe(tmp_path / "probe")
    sample = draw_sample(store, sizes=(400, 100, 100), seed=0)
    assert probe.classes == tuple(store.classes)
    for name, part in sample.parts._asdict().items():
        assert probe.accuracy(sample.rows, sample.labels, part) == made["accuracy"][name]
    truth = sample.labels[sample.parts.test]
    majority = np.bincount(sample.labels[sample.parts.train]).argmax()
    assert made["majority"] == float((truth == majority).mean())
    assert made["of_type"] > made["majority"]  # tags of these data are of the words
    assert made["selectivity"] == made["accuracy"]["test"] - made["control"]
    facts = json.loads((tmp_path / "probe" / "probe.json").read_text(encoding="utf-8"))
    assert facts["kind"] == method
    assert facts["rests_on"]["report"] == json.loads(json.dumps(made))


def test_a_folder_without_a_probe_says_what_makes_one(tmp_path: Path) -> None:
    store = example_store(tmp_path)
    with pytest.raises(ProbingError, match="Hint: Make one: neurolect probing fit") as refused:
        open_probe(tmp_path / "probe")
    command = str(refused.value.hint).partition("neurolect ")[2].replace("ACTS", str(store.folder))
    succeed(*command.split(), "--set", "probe.units=300")
    assert open_probe(tmp_path / "probe").classes == tuple(store.classes)


def test_the_saved_trees_predict_as_the_forest() -> None:
    drawn = np.random.default_rng(2)
    labels = np.arange(240) % 3
    values = (drawn.normal(size=(240, 6)) + labels[:, None] * [1, 0, 0, 2, 0, 0]).astype(np.float32)
    found = fit_forest(values, labels, train=np.arange(160), dev=np.arange(160, 240), n_trees=7)
    assert found.trees.accuracy(values, labels, np.arange(160, 240)) == found.accuracy
    assert (found.trees.predict(values, np.arange(160)) == labels[:160]).mean() > 0.95


def test_the_most_frequent_class_of_a_word() -> None:
    labels = np.array([0, 0, 1, 1, 1, 2, 0])
    types = ["a", "b", "b", "b", "c", "a", "new"]
    parts = Parts(np.arange(5), np.arange(0), np.array([5, 6]))
    assert of_type(types, labels, parts).tolist() == [0, 1]


def test_pairs_sentences_and_numbers_have_their_own_comparisons(tmp_path: Path) -> None:
    pairs = example_store(tmp_path / "pairs", concept="arcs")
    types = types_of(pairs, np.arange(5))
    assert types is not None
    assert all(each.count("\t") == 1 for each in types)
    topic = example_store(tmp_path / "topic", concept="topic")
    assert types_of(topic, np.arange(2)) is None
    made = fit_probe(topic, method="linear", out=tmp_path / "a", options=SMALL)
    assert made["control"] is None
    assert 0 <= made["permuted"] <= 1
    numbers = example_store(tmp_path / "numbers", concept="position")
    made = fit_probe(numbers, method="linear", out=tmp_path / "b", options=SMALL)
    assert made["majority"] is None
    with pytest.raises(OptionError, match=r"The labels are numbers, and forest probes are of classes"):
        fit_probe(numbers, method="forest", out=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_what_does_not_fit_is_refused_and_the_verb_prints(tmp_path: Path) -> None:
    store = example_store(tmp_path)
    with pytest.raises(OptionError, match=r"There is no probe 'linar'(.|\n)*'linear'"):
        fit_probe(store, method="linar", out=tmp_path / "a")
    with pytest.raises(ProbingError, match=r"is no probe; nothing is overwritten"):
        fit_probe(store, method="linear", out=store.folder)
    few = ("--set=probe.units=400", "--set=probe.gap=0.05")
    text = succeed("probing", "fit", store.folder, "--method=linear", "--out", tmp_path / "p", *few)
    assert text.startswith("linear probe for tags, from ")
    for part in (
        "duality gap ",
        "accuracy, test",
        "most frequent class of the word",
        "control task",
        "selectivity",
    ):
        assert part in text
