"""Scores are right where the truth is known: a word's neuron, a field's, a length's, a constant one, noise."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect import pipeline
from neurolect.config import RunConfig
from neurolect.errors import OptionError, RunFolderError
from neurolect.fidelity import FidelityOptions, score_fidelity
from neurolect.fidelity.results import fitted
from neurolect.fidelity.score import compare_with_random
from neurolect.folders.atomic import write_npy
from neurolect.progress import NullProgress
from neurolect.store import Run, open_run, read_manifest, write_manifest
from neurolect.views.cards.numbers import card_fidelity, fidelity_lines
from neurolect.views.texts.fidelity import fidelity_of_run, fidelity_text
from tests.damaged import forget_sums
from tests.fidelity.scored_run import (
    CONSTANT,
    GOLDEN,
    LENGTH,
    NOISE,
    RECIPE,
    held_out,
    write_described_run,
    write_held_out,
)

OPTIONS = FidelityOptions(n_bootstrap=50)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_described_run(tmp_path_factory.mktemp("fidelity") / "run").folder


@pytest.fixture(scope="module")
def scored(described: Path) -> Run:
    return score_fidelity(Run(described), options=OPTIONS)


def scores_of(run: Run, neuron: int, side: str = "top") -> dict[str, dict[str, Any]]:
    rows = run.rows("fidelity/scores", neuron_id=neuron, side=side).to_pylist()
    return {row["evidence"]: row for row in rows}


def test_a_neuron_that_is_a_words_presence_is_explained_by_words(scored: Run) -> None:
    found = scores_of(scored, GOLDEN)
    share = sum("golden" in text for text in held_out()[0].column("text").to_pylist()) / 300
    assert share < 0.134  # the rest of the list's share of the sentences is noise
    assert found["words"]["auroc"] > 0.9
    assert found["all"]["auroc"] > 0.9
    assert found["words"]["auroc_low"] <= found["words"]["auroc"] <= found["words"]["auroc_high"]
    assert found["words"]["average_precision"] > 0.7
    assert found["words"]["balanced_average_precision"] >= found["words"]["average_precision"]


def test_a_fields_neuron_is_explained_by_metadata_and_a_lengths_by_length(scored: Run) -> None:
    assert scores_of(scored, RECIPE)["metadata"]["auroc"] > 0.85
    lengths = {side: scores_of(scored, LENGTH, side)["length"] for side in ("top", "bottom")}
    assert min(each["auroc"] for each in lengths.values()) > 0.85
    assert min(each["spearman"] for each in lengths.values()) > 0.8


def test_noise_is_explained_by_nothing(scored: Run) -> None:
    found = scores_of(scored, NOISE)
    assert 0.35 < found["all"]["auroc"] < 0.65
    assert found["all"]["auroc_low"] < 0.5 < found["all"]["auroc_high"]
    assert abs(found["all"]["spearman"]) < 0.2
    n = scored.rows("fidelity/neurons", neuron_id=NOISE, side="top").to_pylist()[0]
    assert found["all"]["average_precision"] < 2 * n["base_rate"]


def test_bottom_lists_of_lowest_values_are_scored_on_these(scored: Run, described: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(described, folder, ignore=shutil.ignore_patterns("fidelity"))
    manifest = read_manifest(folder)
    manifest["options"]["collect"]["bottom_by"] = "minimum"
    manifest["stages"].pop("fidelity", None)
    write_manifest(folder, manifest)
    forget_sums(folder)
    refused = score_fidelity(Run(folder), options=OPTIONS).table("fidelity/neurons").to_pylist()
    assert {each["refused"] for each in refused if each["side"] == "bottom"} == {"of lowest values"}
    # what is kept as lowest values decides, and nothing else: the pooled ones are now those of other sentences
    write_npy(folder / "held_out" / "lows.npy", held_out()[1])
    write_npy(folder / "held_out" / "activations.npy", np.ascontiguousarray(held_out()[1][:, ::-1]))
    again = score_fidelity(Run(folder), options=replace(OPTIONS, seed=1))
    usual, now = (scores_of(each, LENGTH, "bottom")["length"]["auroc"] for each in (scored, again))
    assert now == pytest.approx(usual)
    assert scores_of(again, LENGTH)["length"]["auroc"] < 0.7


def test_what_cannot_be_scored_says_so(scored: Run, described: Path, tmp_path: Path) -> None:
    row = scored.rows("fidelity/neurons", neuron_id=CONSTANT, side="top").to_pylist()[0]
    assert row["refused"] == "constant"
    assert scores_of(scored, CONSTANT) == {}
    copy = tmp_path / "few"
    shutil.copytree(described, copy)
    run = score_fidelity(open_run(copy), options=FidelityOptions(min_positives=151, n_bootstrap=10))
    reasons = run.table("fidelity/neurons").column("refused").to_pylist()
    assert reasons == ["few positives"] * 6 + ["constant"] * 2 + ["few positives"] * 2
    assert run.table("fidelity/scores").num_rows == 0
    text = fidelity_text(fidelity_of_run(run))
    assert "8 signatures not scored: few positives." in text
    assert "Of 300 held-out sentences 150 would count as a neuron's, and 151 are asked for" in text
    assert "hardly tell one held-out sentence from another" in text
    assert "AUROC" not in text  # no table without a row


def test_that_there_will_be_no_score_is_said_before_signatures_are_made(described: Path) -> None:
    said: list[str] = []

    class Reports(NullProgress):
        def message(self, text: str) -> None:
            said.append(text)

    for n, few in ((20, False), (151, True)):
        config = RunConfig(fidelity=FidelityOptions(min_positives=n))
        assert pipeline._can_be_scored(open_run(described), config, Reports())
        assert any("300 held-out sentences" in each and "prepare.held_out" in each for each in said) is few


def test_controls_are_next_to_the_score(scored: Run) -> None:
    rows = scored.table("fidelity/neurons").to_pylist()
    golden = rows[2 * GOLDEN]
    assert golden["n_positives"] == 40
    assert golden["n_positive_documents"] == 40
    assert golden["auroc_other"] < scores_of(scored, GOLDEN)["all"]["auroc"]
    assert golden["sister_id"] != GOLDEN
    assert golden["n_hard"] > 0
    text = fidelity_text(fidelity_of_run(scored))
    assert "another neuron's signature" in text
    assert "by words" in text


def test_results_depend_neither_on_threads_nor_on_a_second_start(
    scored: Run, described: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "again"
    shutil.copytree(described, copy)
    shutil.rmtree(copy / "fidelity")
    manifest = read_manifest(copy)
    manifest["stages"]["fidelity"]["status"] = "running"  # as if it had been killed
    write_manifest(copy, manifest)
    again = score_fidelity(open_run(copy), options=OPTIONS, workers=3)
    for name in ("scores", "neurons", "weights"):
        assert scored.table(f"fidelity/{name}").equals(again.table(f"fidelity/{name}"))
    finished = again.manifest["stages"]["fidelity"]["finished"]
    assert score_fidelity(again, options=OPTIONS).manifest["stages"]["fidelity"]["finished"] == finished


def test_weights_know_nothing_of_the_held_out_part(scored: Run, described: Path, tmp_path: Path) -> None:
    copy = tmp_path / "other"
    shutil.copytree(described, copy)
    write_held_out(copy, acts=-held_out()[1])
    other = score_fidelity(open_run(copy), options=FidelityOptions(n_bootstrap=51))
    assert scored.table("fidelity/weights").equals(other.table("fidelity/weights"))
    assert scores_of(other, GOLDEN)["all"]["auroc"] < 0.5
    features, weights = fitted(other)[:2]
    assert len(weights.together) == len(features.codes)


def test_sentences_without_an_activation_are_left_out(described: Path, tmp_path: Path) -> None:
    copy = tmp_path / "holes"
    shutil.copytree(described, copy)
    acts = held_out()[1]
    acts[:, :100] = np.nan
    write_held_out(copy, acts=acts)
    run = score_fidelity(open_run(copy), options=FidelityOptions(n_bootstrap=52))
    assert set(run.table("fidelity/neurons").column("n_sentences").to_pylist()) == {200}
    assert scores_of(run, LENGTH)["length"]["auroc"] > 0.85


def test_random_weights_are_noted_next_to_them(scored: Run, described: Path, tmp_path: Path) -> None:
    copy, control = tmp_path / "run", tmp_path / "control"
    for each in (copy, control):
        shutil.copytree(described, each)
        manifest = read_manifest(each)
        manifest["corpus"]["fingerprint"] = "same"
        write_manifest(each, manifest)
    run = compare_with_random(open_run(copy), open_run(control))
    assert run.table("fidelity/control").num_rows == scored.table("fidelity/scores").num_rows
    assert "same neurons, random weights" in fidelity_text(fidelity_of_run(run))
    manifest["corpus"]["fingerprint"] = "another"
    write_manifest(control, manifest)
    with pytest.raises(RunFolderError, match="have different corpora"):
        compare_with_random(open_run(copy), open_run(control))


def test_a_run_that_cannot_be_scored_is_reported_with_what_to_do(described: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bare"
    shutil.copytree(described, copy)
    shutil.rmtree(forget_sums(copy) / "held_out")
    manifest = read_manifest(copy)
    manifest["corpus"] |= {"n_sentences": 10, "n_mining": 9}
    write_manifest(copy, manifest)
    with pytest.raises(RunFolderError, match=r"no held-out sentences(.|\n)*neurolect fidelity .* --model MODEL"):
        score_fidelity(open_run(copy))
    manifest["corpus"] |= {"n_mining": 10}
    write_manifest(copy, manifest)
    with pytest.raises(RunFolderError, match=r"prepare\.held_out=0\.1"):
        score_fidelity(open_run(copy))
    manifest["stages"]["describe"]["status"] = "running"
    manifest["stages"]["fidelity"] = {"status": "running"}
    write_manifest(copy, manifest)
    with pytest.raises(RunFolderError, match=r"begun and not finished(.|\n)*neurolect describe"):
        score_fidelity(open_run(copy))
    with pytest.raises(RunFolderError, match=r"begun and not finished(.|\n)*neurolect describe"):
        compare_with_random(open_run(copy), open_run(copy))


@pytest.mark.parametrize(("name", "value"), [("top_share", 0.9), ("min_positives", 1), ("interval", 1.0)])
def test_options_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(OptionError, match=rf"fidelity\.{name} is {value}"):
        FidelityOptions(**{name: value})  # type: ignore[arg-type]


def test_a_card_says_how_true_its_signature_is(scored: Run) -> None:
    golden = card_fidelity(scored.neuron(scored.index.address(GOLDEN)), "top")
    assert golden is not None
    assert golden["evidence"][0]["auroc"] >= golden["evidence"][-1]["auroc"]
    first, of_name, second = fidelity_lines(golden)
    assert of_name.startswith(f"name alone {golden['of_name']['auroc']:.2f}")
    assert golden["of_name"]["auroc"] > 0.8 > 0.6 > golden["of_name"]["share"]
    assert f"fidelity {golden['auroc']:.2f}" in first
    assert "by words" in first
    assert "distinguishes its 40 from all 300 held-out sentences" in second
    constant = card_fidelity(scored.neuron(scored.index.address(CONSTANT)), "top")
    assert constant is not None
    assert "fidelity not scored: its activation does not tell" in fidelity_lines(constant)[0]
