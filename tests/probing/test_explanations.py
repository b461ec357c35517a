"""Formulas for a store's neurons: atoms as by hand, planted formulas found, held out, next to controls."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from neurolect.errors import OptionError, ProbingError
from neurolect.probing import ActivationStore, FormulaOptions, explain_neurons
from neurolect.probing.explanations import Atoms, _Active, _explained, _leaves, atoms_of
from neurolect.probing.labels import Parts
from neurolect.probing.rows import ArrayRows
from neurolect.probing.samples import Sample, draw_sample
from tests.command_line import command, succeed
from tests.probing.stores import example_store

SMALL = FormulaOptions(units=400, min_count=5, length=2, beam=3)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return example_store(tmp_path_factory.mktemp("store"))


def test_atoms_are_what_is_true_of_units(store: ActivationStore) -> None:
    sample = draw_sample(store, sizes=(400, 1, 200), seed=0)
    atoms = atoms_of(store, sample, min_count=5)
    rows = store.table().to_pylist()
    places = {(each["sentence_id"], each["word_index"]): each for each in rows}
    slow = {}
    for name in atoms.names:
        said = []
        for unit in sample.units.tolist():
            row = rows[unit]
            step = {"after": -1, "before": 1}.get(name.split()[0], 0)
            if name.startswith('"'):
                said.append(row["word"].lower() == name[1:-1])
            elif step:
                near = places.get((row["sentence_id"], row["word_index"] + step))
                said.append(near is not None and near["label"] == name.split(" ", 1)[1])
            elif name == "first word":
                said.append(row["word_index"] == 0)
            elif name == "capitalised":
                said.append(row["word"][:1].isupper())
            elif name == "with a digit":
                said.append(any(each.isdigit() for each in row["word"]))
            else:
                said.append(row["label"] == name)
        slow[name] = said
    for name, holds in zip(atoms.names, atoms.holds_AT, strict=True):
        assert holds.tolist() == slow[name], name
    assert set(store.classes) & set(atoms.names)
    assert all(open_ == name.startswith('"') for name, open_ in zip(atoms.names, atoms.is_open, strict=True))
    assert (atoms.holds_AT[:, sample.parts.train].sum(axis=1) >= 5).all()


def test_a_planted_formula_is_found_and_holds_on_other_units() -> None:
    drawn, n = np.random.default_rng(0), 3_000
    holds = drawn.random((6, n)) < 0.08
    own = (holds[1] | holds[4]) & ~holds[2]
    values = drawn.normal(size=(n, 2)).astype(np.float32)
    values[:, 0] += 10 * own
    parts = Parts(np.arange(2_000), np.arange(2_000, 2_001), np.arange(2_001, n))
    labels = np.zeros(n, np.int64)
    sample = Sample(ArrayRows(values), labels, ("a",), parts, np.arange(n), np.arange(n), {})
    atoms = Atoms([*"abcdef"], holds, np.array([False] * 4 + [True] * 2))
    share = float(own[:2_000].mean())
    options = FormulaOptions(units=2_000, share=share, length=3, open_atoms=1)
    found = _explained(sample, sample, np.arange(2), atoms, options)
    assert found[0]["formula"] in ("(b OR e) AND NOT c", "(e OR b) AND NOT c")
    assert found[0]["score"] > 0.95
    assert found[0]["atom"] in ("b", "e")
    assert found[0]["atom_score"] < 0.6
    assert found[0]["shuffled_score"] < 0.2
    assert found[0]["random_score"] == found[0]["score"]
    assert found[1]["score"] < 0.2


def test_each_neuron_has_the_closed_atoms_and_its_best_open_ones() -> None:
    active = np.array([[True, True, False, False], [False, False, True, False]])
    holds = np.array([[True, False, False, False], [True, True, False, False], [False, False, True, True]])
    leaves = _leaves(active, holds, np.array([False, True, True]), n_open=1)
    assert leaves.tolist() == [[True, True, False], [True, False, True]]


def test_permuted_units_are_as_many() -> None:
    active = _Active(np.random.default_rng(0).random((3, 50)) < 0.2, np.ones((3, 4), np.bool_))
    permuted = active.permuted(1)
    assert permuted.train.sum(axis=1).tolist() == active.train.sum(axis=1).tolist()
    assert not np.array_equal(permuted.train, active.train)


def test_the_verb_ranks_neurons_by_their_formulas(store: ActivationStore, tmp_path: Path) -> None:
    few = [f"--set=formulas.{each}" for each in ("units=400", "min_count=5", "length=2", "beam=3")]
    out = tmp_path / "formulas.parquet"
    itself = command("probing", "formulas", store.folder, "--random", store.folder, *few)
    assert "has the activations of" in itself.err
    wrong = command("probing", "formulas", store.folder, "--out", tmp_path / "formulas.txt", *few)
    assert "A ranking cannot be written as 'formulas.txt'" in wrong.err
    assert not wrong.out
    other = shutil.copytree(store.folder, tmp_path / "other")
    facts = json.loads((other / "manifest.json").read_text(encoding="utf-8"))
    facts["model"]["fingerprint"] = "of another model, with the same rows"
    (other / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")
    text = succeed("probing", "formulas", store.folder, "--random", other, "--limit=2", "--out", out, *few)
    assert text.startswith("Intersection over union with the highest 5.0% of the units, on test units; ")
    for part in ("best atom alone", "permuted units", "random weights", "hidden."):
        assert part in text
    rows = pq.read_table(out).to_pylist()
    assert sorted(each["address"] for each in rows) == sorted(store.addresses)
    assert all(each["random_score"] == each["score"] for each in rows)
    one = explain_neurons(store, neurons=["hidden.1.3", "hidden.2"], options=SMALL)
    assert len(one) == 1 + store.n_neurons // len({each.rpartition(".")[0] for each in store.addresses})
    assert one.column("random_score").null_count == len(one)
    answer = command("probing", "formulas", store.folder, "--neuron", "hidden.9.9")
    assert "has no neuron or layer 'hidden.9.9'" in answer.err


def test_what_has_no_formulas_is_refused(store: ActivationStore, tmp_path: Path) -> None:
    pairs = example_store(tmp_path / "pairs", concept="arcs")
    with pytest.raises(ProbingError, match=r"The units are pairs of words"):
        explain_neurons(pairs, options=SMALL)
    other = example_store(tmp_path / "other", seed=5)
    with pytest.raises(ProbingError, match=r"has other units, labels, parts or neurons(.|\n)*random weights"):
        explain_neurons(store, random=other, options=SMALL)
    with pytest.raises(ProbingError, match=r"Nothing is known of 100000 training units or more"):
        explain_neurons(store, options=FormulaOptions(min_count=100_000))
    with pytest.raises(OptionError, match=r"formulas\.share is 1"):
        FormulaOptions(share=1.0)
