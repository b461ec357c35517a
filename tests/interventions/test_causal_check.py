"""The causal check against single passes, one sentence and neuron at a time."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from neurolect.errors import ModelError, NeuronAddressError, RunFolderError
from neurolect.fidelity import FidelityOptions
from neurolect.fidelity.predict import predicted_scores
from neurolect.interventions import CauseOptions, cause, edit
from neurolect.interventions.causal_check import FEW, NAN, OUTPUT
from neurolect.interventions.effects import effects_of_pairs, references_of
from neurolect.interventions.matching import corrected, match_sentences
from neurolect.interventions.outcomes import Texts
from neurolect.interventions.resuming import tap_at
from neurolect.model import ModelOptions, load_model
from neurolect.pipeline import run
from neurolect.results import rank
from neurolect.signatures import DescribeOptions
from neurolect.store import Run, open_run
from neurolect.views.texts.interventions import cause_of_run, cause_text
from tests.command_line import command, succeed
from tests.documented_folder import check_folder
from tests.made_once import copy_of
from tests.test_disjoint import CONFIG
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny, write_tiny_bert

CHECK = import_module("neurolect.interventions.causal_check")
OPTIONS = CauseOptions(n_sentences=6, n_permutations=500, n_bootstrap=100)
FIDELITY = FidelityOptions(top_share=0.2, min_positives=2, n_bootstrap=20)


def write_scored(folder: Path) -> None:
    write_tiny_bert(folder / "bert")
    documents = write_documents(folder / "documents.jsonl", n_documents=60)
    options = replace(
        CONFIG,
        model=ModelOptions(sites=("hidden", "mlp")),
        describe=DescribeOptions(tagger="none", vectors="none"),
        fidelity=FIDELITY,
        prepare=replace(CONFIG.prepare, held_out=0.4),
    )
    run(str(folder / "bert"), [documents], out=folder / "run", config=options)


@pytest.fixture
def scored(tmp_path: Path) -> Run:
    copy_of(write_scored, tmp_path / "made")
    return open_run(tmp_path / "made" / "run")


def predicted_by(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Keep what signatures predict, as the check reads it."""
    kept: list[Any] = []

    def keep(stage: Any, lists: Any) -> Any:
        kept.append((lists, predicted_scores(stage, lists)))
        return kept[-1][1]

    monkeypatch.setattr(CHECK, "predicted_scores", keep)
    return kept


def distance(texts: Texts, row: int, address: str, value: float) -> float:
    inputs = texts.inputs(np.array([row]))
    with torch.no_grad():
        plain = texts.run(inputs)[0].mean(0)
        with edit(texts.model, {address: value}):
            edited = texts.run(inputs)[0].mean(0)
    return float(1 - functional.cosine_similarity(plain.double(), edited.double(), dim=0))


def test_effects_are_those_of_single_passes(scored: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = predicted_by(scored, monkeypatch)
    checked = cause(scored, model=str(tmp_path / "made" / "bert"), options=OPTIONS)
    assert check_folder(scored.folder, page="run_folder.md", below="cause")
    rows = {row["neuron_id"]: row for row in checked.table("cause/effects").to_pylist()}
    lists, predicted = kept[0]
    model = load_model(str(tmp_path / "made" / "bert"), options=ModelOptions(sites=("hidden", "mlp")))
    sentences = checked.table("held_out/sentences").column("text").to_pylist()
    texts = Texts(model, sentences)
    n_seen = 0
    for place, each in enumerate(lists.tolist()):
        neuron = each // len(checked.sides)
        address = checked.index.address(neuron)
        site, layer, column = address.split(".")
        row = rows[neuron]
        if (site, layer) == ("hidden", "2"):
            assert (row["refused"], row["times"]) == (OUTPUT, None)
            continue
        matched = match_sentences(
            predicted[place], texts.usable, n_tokens=texts.lengths, loss=np.full(len(sentences), np.nan), n=6
        )
        if len(matched.matched) < 5:
            assert row["refused"] == FEW
            continue
        if n_seen < 6:
            mean = references_of(texts, [tap_at(model, site, int(layer))], to="mean", seed=0)[0].mean[int(column)]
            for name, chosen in (("effect", matched.matched), ("effect_controls", matched.controls)):
                expected = [distance(texts, at, address, float(mean)) for at in chosen.tolist()]
                assert row[name] == pytest.approx(np.mean(expected), rel=2e-2, abs=1e-6)
            assert row["times_low"] <= row["times"] <= row["times_high"]
            assert row["p"] <= row["q"] <= 1
        n_seen += 1
    assert n_seen > 10


def test_it_is_ranked_shown_and_resumed(scored: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = str(tmp_path / "made" / "bert")
    with pytest.raises(RunFolderError, match="cause"):
        rank(scored, by="cause")
    n_calls = 0

    def broken(*given: Any, **named: Any) -> Any:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 2:
            msg = "the power failed"
            raise OSError(msg)
        return effects_of_pairs(*given, **named)

    monkeypatch.setattr(CHECK, "effects_of_pairs", broken)
    with pytest.raises(OSError, match="power"):
        cause(scored, model=model, options=OPTIONS)
    whole = cause(scored, model=model, options=OPTIONS)
    assert n_calls == 4  # hidden.1 once, mlp.1 twice, mlp.2 once
    table = whole.table("cause/effects")
    again = cause(scored, model=model, options=replace(OPTIONS, seed=1))
    assert not again.table("cause/effects").equals(table)
    monkeypatch.setattr(CHECK, "effects_of_pairs", effects_of_pairs)
    assert cause(scored, model=model, options=OPTIONS).table("cause/effects").equals(table)
    types = {name: f"{each.type}" for name, each in zip(table.column_names, table.schema, strict=True)}
    assert types == {each.name: f"{each.type}" for each in CHECK.SCHEMA}
    ranked = rank(scored.folder, by="cause", side="top")
    scores = ranked.column("score").to_pylist()
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == table.num_rows - table.column("times").null_count
    said = succeed("edit", "cause", scored.folder, "--model", model)
    assert "Checked:" in said
    assert "the model's output" in said


def test_a_decoder_is_read_at_the_peak(tmp_path: Path) -> None:
    import transformers

    write_tiny(tmp_path / "made", family="Llama")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "made")
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "made")
    documents = write_documents(tmp_path / "documents.jsonl", n_documents=60)
    options = replace(
        CONFIG,
        model=ModelOptions(sites=("mlp",), pooling="max"),
        describe=DescribeOptions(tagger="none", vectors="none"),
        fidelity=FIDELITY,
        prepare=replace(CONFIG.prepare, held_out=0.4),
    )
    made = run(str(tmp_path / "made"), [documents], out=tmp_path / "run", config=options)
    checked = cause(made, options=OPTIONS)
    assert checked.manifest["stages"]["cause"]["outcome"] == "next token"
    rows = [row for row in checked.table("cause/effects").to_pylist() if row["times"] is not None]
    assert rows
    assert all(row["loss"] is not None and row["effect"] >= 0 for row in rows)
    said = succeed("edit", "cause", made.folder, "--neurons", checked.index.address(rows[0]["neuron_id"]))
    assert f"Checked: {len(rows)} neurons" in said


def test_neurons_are_asked_for_one_by_one_as_ranges_and_as_layers(scored: Run, tmp_path: Path) -> None:
    model = str(tmp_path / "made" / "bert")
    checked = cause(scored, model=model, neurons=["mlp.1.2-4", "hidden.1", "mlp.2.0"], options=OPTIONS)
    ids = checked.table("cause/effects").column("neuron_id").to_pylist()
    width = sum(checked.index.address(each).startswith("hidden.1.") for each in range(checked.n_neurons))
    named = [f"hidden.1.{column}" for column in range(width)] + ["mlp.1.2", "mlp.1.3", "mlp.1.4", "mlp.2.0"]
    assert [checked.index.address(each) for each in ids] == named
    for odd in ("mlp.1.0-9999", "hidden.7", "attn.1", "mlp.1.4 - 5"):
        with pytest.raises(NeuronAddressError):
            cause(scored, model=model, neurons=[odd], options=OPTIONS)


def test_further_neurons_are_added(scored: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = str(tmp_path / "made" / "bert")
    first = cause(scored, model=model, neurons=["mlp.1.0-5", "hidden.1.3"], options=OPTIONS)
    before = {row["neuron_id"]: row for row in first.table("cause/effects").to_pylist()}
    both = cause(scored, model=model, neurons=["mlp.1.4-9", "mlp.2.0"], options=OPTIONS)
    after = {row["neuron_id"]: row for row in both.table("cause/effects").to_pylist()}
    named = ["hidden.1.3", *(f"mlp.1.{column}" for column in range(10)), "mlp.2.0"]
    assert [both.index.address(each) for each in after] == named
    of_all = {"q", "q_controls", "verdict"}
    for neuron, row in before.items():
        assert {name: after[neuron][name] for name in row if name not in of_all} == {
            name: value for name, value in row.items() if name not in of_all
        }
    p = np.array([row["p"] for row in after.values()], np.float64)
    assert np.allclose([row["q"] for row in after.values()], corrected(p), equal_nan=True)

    def nothing(*_given: Any, **_named: Any) -> Any:
        msg = "something was run"
        raise AssertionError(msg)

    with monkeypatch.context() as patched:
        for name in ("effects_of_pairs", "predicted_scores", "references_of"):
            patched.setattr(CHECK, name, nothing)
        patched.setattr(Texts, "run", nothing)
        again = cause(both, model=model, neurons=["mlp.1.2"], options=replace(OPTIONS, least_effect=5.0, neurons=3))
    verdicts = [row["verdict"] for row in again.table("cause/effects").to_pylist()]
    assert {each for each in verdicts if each} == {"little"}
    assert again.table("cause/effects").drop(["verdict"]).equals(both.table("cause/effects").drop(["verdict"]))


def test_what_was_made_otherwise_or_is_damaged_is_made_again(
    scored: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = str(tmp_path / "made" / "bert")
    whole = cause(scored, model=model, neurons=["mlp.1.0-3", "mlp.2.0-1"], options=OPTIONS)
    zero = cause(whole, model=model, neurons=["mlp.2.0"], options=replace(OPTIONS, to="zero"))
    assert "What 6 neurons did" in caplog.text
    assert [zero.index.address(each) for each in zero.table("cause/effects")["neuron_id"].to_pylist()] == [
        "mlp.2.0"
    ]
    assert not (zero.folder / "cause/parts/mlp.1.parquet").exists()
    part = zero.folder / "cause/parts/mlp.2.parquet"
    table = zero.table("cause/effects")
    part.write_bytes(part.read_bytes()[:-20])
    again = cause(zero, model=model, neurons=["mlp.2.0"], options=replace(OPTIONS, to="zero"))
    assert again.table("cause/effects").equals(table)


def test_sentences_that_give_nan_are_left_out_and_counted(
    scored: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, neurons = str(tmp_path / "made" / "bert"), ["mlp.1"]
    whole = cause(scored, model=model, neurons=neurons, options=OPTIONS).table("cause/effects").to_pylist()
    bad: set[int] = set()

    def broken(rest: Any, pairs: Any, **named: Any) -> Any:
        made = effects_of_pairs(rest, pairs, **named)
        bad.update(np.unique(pairs.text)[::12].tolist())
        return {name: np.where(np.isin(pairs.text, list(bad)), np.nan, values) for name, values in made.items()}

    monkeypatch.setattr(CHECK, "effects_of_pairs", broken)
    (tmp_path / "made/run/cause/parts/mlp.1.parquet").unlink()
    checked = cause(scored, model=model, neurons=neurons, options=OPTIONS)
    rows = checked.table("cause/effects").to_pylist()
    assert sum(row["n_nan"] or 0 for row in rows) == cause_of_run(checked)["n_nan"] > 0
    for row, before in zip(rows, whole, strict=True):
        if not row["n_nan"]:
            assert {**row, "q": 0, "q_controls": 0} == {**before, "q": 0, "q_controls": 0}
        elif row["refused"] is None:
            assert 5 <= row["n_sentences"] <= before["n_sentences"]
            assert all(np.isfinite(row[name]) for name in ("effect", "times", "p", "specificity", "p_controls"))
        else:
            assert (row["refused"], row["verdict"], row["p"]) == (NAN, None, None)
    assert "where what comes out is NaN" in cause_text(cause_of_run(checked))


def test_an_error_leaves_what_was_checked(scored: Run, tmp_path: Path) -> None:
    model = str(tmp_path / "made" / "bert")
    made = cause(scored, model=model, neurons=["mlp.1.0-3"], options=OPTIONS)
    fidelity = made.table("fidelity/neurons").to_pylist()
    refused = [row["neuron_id"] for row in fidelity if row["side"] == "top" and row["refused"] is not None]
    if refused:
        with pytest.raises(RunFolderError, match="was scored"):
            cause(made, model=model, neurons=[made.index.address(refused[0])], options=OPTIONS)
        assert open_run(made.folder).is_current("cause")
    with pytest.raises(NeuronAddressError):
        cause(made, model=model, neurons=["mlp.9.1"], options=OPTIONS)
    assert open_run(made.folder).is_current("cause")


def test_what_cannot_be_checked_is_refused(scored: Run, tmp_path: Path) -> None:
    write_tiny_bert(tmp_path / "other", seed=3)
    with pytest.raises(ModelError, match="not the model of"):
        cause(scored, model=str(tmp_path / "other"), options=OPTIONS)
    answer = command(
        "edit", "cause", scored.folder, "--neurons", "hidden.7.1", "--model", tmp_path / "made" / "bert"
    )
    assert answer.code == 1
    assert "hidden.7.1" in answer.err
