"""What `cause` and `ablate` say of the planted model's neurons, against the truth."""

from pathlib import Path

import numpy as np
import pytest

from neurolect import collect, describe, load_model, open_run, prepare
from neurolect.collector import CollectOptions
from neurolect.corpus import PrepareOptions
from neurolect.fidelity import FidelityOptions, score_fidelity
from neurolect.interventions import CauseOptions, EditOptions, ablate, cause, prune
from neurolect.interventions.causal_check import LITTLE, MATCHES, RATE
from neurolect.model import ModelOptions
from neurolect.model.load import load_with_head
from neurolect.planted import Truth, planted_corpus
from neurolect.results import ranking_table
from neurolect.signatures import DescribeOptions
from neurolect.store import Run

LAYERS = (3, 4)


@pytest.fixture(scope="module")
def scored(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("verdicts")
    texts = planted_corpus(folder / "texts", sentences=1_500, seed=2)
    corpus = prepare([texts.documents], out=folder / "corpus", options=PrepareOptions(held_out=0.4), workers=1)
    model = load_model(str(truth.folder), options=ModelOptions(sites=("mlp",), layers=LAYERS))
    collect(model, corpus, out=folder / "run", options=CollectOptions(list_size=50, sample_size=500))
    describe(open_run(folder / "run"), options=DescribeOptions(tagger="none", vectors="none"), workers=1)
    options = FidelityOptions(top_share=0.05, n_bootstrap=20)
    return score_fidelity(folder / "run", options=options, workers=1)


def test_used_detectors_are_causal_and_decoys_and_ordinary_neurons_are_not(truth: Truth, scored: Run) -> None:
    planted = {each.address: each for each in truth.neurons if int(each.address.split(".")[1]) in LAYERS}
    ordinary = [f"mlp.{layer}.{column}" for layer in LAYERS for column in range(40)]
    ordinary = [each for each in ordinary if each not in planted]
    mlp = [each for each in planted if each.startswith("mlp")]
    run = cause(scored, neurons=[*mlp, *ordinary], options=CauseOptions(n_permutations=1_999), workers=1)
    rows = {run.index.address(row["neuron_id"]): row for row in run.table("cause/effects").to_pylist()}
    detectors = {each for each in mlp if planted[each].role in ("detector", "duplicate")}
    unused = {each for each in mlp if not planted[each].used}
    assert len(detectors) >= 7
    assert len(unused) >= 6
    for each in detectors:
        assert rows[each]["verdict"] == MATCHES, each
        assert rows[each]["loss"] > 0.1 or planted[each].concept in ("fox", "after_number"), each
        assert rows[each]["effect"] > 0.1, each
    more = {
        each for each, row in rows.items() if row["times"] is not None and row["times"] > 1 and row["q"] <= RATE
    }
    assert detectors <= more
    assert not unused & more
    # moved as far as they are, random neurons do as much: of those set to their mean nearly all did less
    assert len(more & set(ordinary)) < 0.4 * sum(rows[each]["times"] is not None for each in ordinary)
    for each in unused | set(ordinary):
        if rows[each]["times"] is not None:
            assert rows[each]["verdict"] == LITTLE, each
            assert rows[each]["effect"] < 0.001, each


def test_ablation_finds_what_is_used_and_an_always_active_neuron_only_by_zero(truth: Truth, scored: Run) -> None:
    planted = [each for each in truth.neurons if each.address.startswith("mlp.3")]
    texts = scored.table("held_out/sentences").column("text").to_pylist()[:80]
    neurons, made = [*(each.address for each in planted), "mlp.3.0-29"], {}
    for to in ("mean", "zero"):
        table = ablate(str(truth.folder), neurons, on=texts, each=True, options=EditOptions(to=to))
        made[to] = {row["address"]: row for row in table.to_pylist()}
    for each in planted:
        found = {to: rows[each.address] for to, rows in made.items()}
        if each.role in ("detector", "duplicate"):
            assert min(row["low"] for row in found.values()) > 0, each
        elif each.role == "doer":
            # it is always active: its mean is what it gives
            assert abs(found["mean"]["score"]) < 0.002, each
            assert found["zero"]["low"] > 0.05 or found["zero"]["high"] < -0.05, each
        elif not each.used:
            assert max(abs(row["score"]) for row in found.values()) < 0.002, each
    used = {each.address for each in planted if each.used}
    others = [abs(row["score"]) for address, row in made["zero"].items() if address not in used]
    assert np.max(others) < 0.01


def test_pruning_keeps_what_is_used_where_the_truth_ranks_it_first(truth: Truth, tmp_path: Path) -> None:
    texts = planted_corpus(tmp_path / "texts", sentences=300, seed=3)
    model = load_with_head(str(truth.folder))
    used = [each.address for each in truth.neurons if each.used and each.address.startswith("mlp")]
    width = model.taps_at(["mlp"], [1])[0][0].place.width
    every = [f"mlp.{layer}.{index}" for layer in range(1, model.n_layers + 1) for index in range(width)]
    order = [*used, *np.random.default_rng(0).permutation([each for each in every if each not in used]).tolist()]
    columns = {"address": order, "score": -np.arange(len(order), dtype=float)}
    ranking = ranking_table(columns, runs=[], method="truth")
    made = prune(
        model, ranking, keep=[0.5], on=texts.documents, out=tmp_path / "small", options=EditOptions(texts=40)
    )
    (row,) = made.table.to_pylist()
    assert row["change"] < row["random_low"]
