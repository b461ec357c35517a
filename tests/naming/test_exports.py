"""Files for other tools: every key that they read, of the right type, and the run's own numbers."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from neurolect.errors import NeurolectError, OptionError, RunFolderError
from neurolect.naming import export_names
from neurolect.naming.plan import make_plan
from neurolect.store import Run
from neurolect.tokens import read_tokens
from tests.fidelity.scored_run import RECIPE, write_described_run
from tests.naming.stub_server import by_word, sentences_of, serving
from tests.naming.test_stage import FAST, named, rows_of

OF_A_FEATURE = {
    *("feature_index", "neuron_alignment_indices", "neuron_alignment_values", "neuron_alignment_l1"),
    *("correlated_neurons_indices", "correlated_neurons_l1", "correlated_neurons_pearson"),
    *("correlated_features_indices", "correlated_features_l1", "correlated_features_pearson"),
    *("neg_str", "neg_values", "pos_str", "pos_values", "frac_nonzero", "freq_hist_data_bar_values"),
    *("freq_hist_data_bar_heights", "logits_hist_data_bar_heights", "logits_hist_data_bar_values"),
    *("n_prompts_total", "n_tokens_in_prompt", "dataset", "decoder_weights_dist", "activations", "vector"),
}
"""Keys of a feature in SAEDashboard's files."""
ADDRESSES = ["hidden.1.0", "hidden.1.1"]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "run"
    write_described_run(folder)
    return folder


@pytest.fixture
def folder(described: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(described, tmp_path / "run"))


def export(folder: Path, to: str, **more: Any) -> Path:
    out = folder.with_name(f"for-{to}")
    export_names(folder, to=to, out=out, options=FAST, **{"neurons": ADDRESSES} | more)
    return out


def test_batches_are_the_requests_that_a_server_gets(folder: Path) -> None:
    lines = [json.loads(line) for line in export(folder, "batch", model="m").read_text("utf-8").splitlines()]
    assert all(set(line) == {"custom_id", "method", "url", "body"} for line in lines)
    assert {(line["method"], line["url"]) for line in lines} == {("POST", "/v1/chat/completions")}
    ids = [line["custom_id"].rpartition(" ")[0] for line in lines]
    assert ids == ["hidden.1.0 top name", "hidden.1.1 top name"] + [
        f"{each} top automatic fit" for each in ADDRESSES
    ]
    with serving(by_word) as stub:
        named(folder, stub.url, neurons=ADDRESSES)
        asked = [json.dumps(each, sort_keys=True) for each in stub.asked]
    assert {json.dumps(line["body"], sort_keys=True) for line in lines} <= set(asked)


def test_delphi_gets_explanations_and_detection_scores(folder: Path) -> None:
    before = export(folder, "delphi")
    assert not (before / "scores").exists()
    name = json.loads((before / "explanations" / "hidden.1_latent0.txt").read_bytes())
    assert name == Run(folder).neuron("hidden.1.0").name("top")
    shutil.rmtree(before)
    with serving(by_word) as stub:
        rows = rows_of(named(folder, stub.url, neurons=ADDRESSES))
    out = export(folder, "delphi")
    assert json.loads((out / "explanations" / "hidden.1_latent0.txt").read_bytes()) == rows[RECIPE]["name"]
    path = out / "scores" / "detection" / "hidden.1_latent0.txt"
    assert int(path.stem.split("latent")[-1]) == 0  # as delphi reads the index
    found = json.loads(path.read_bytes())
    keys = {"str_tokens", "activations", "distance", "activating", "prediction", "probability", "correct"}
    assert all(set(each) == keys for each in found)
    assert all(len(each["str_tokens"]) == len(each["activations"]) == 1 for each in found)
    hits, passed = (
        [each["prediction"] is kind for each in found if each["activating"] is kind] for kind in (True, False)
    )
    score = (sum(hits) / len(hits) + sum(passed) / len(passed)) / 2
    assert score == pytest.approx(rows[RECIPE]["score"])
    assert all(each["correct"] is (each["prediction"] is each["activating"]) for each in found)


def test_dashboards_have_every_key_and_the_run_s_numbers(whole_run: Path) -> None:
    out = export(whole_run, "neuronpedia")
    batch = json.loads((out / "hidden.1" / "batch-0.json").read_bytes())
    assert set(batch) == {"model_id", "layer", "sae_set", "sae_id_suffix", "features"}
    assert (batch["layer"], batch["sae_set"]) == (1, "hidden")
    first = batch["features"][0]
    assert set(first) == OF_A_FEATURE
    neuron = Run(whole_run).neuron("hidden.1.0")
    assert (first["feature_index"], first["n_prompts_total"]) == (0, neuron.row["n"])
    assert sum(first["freq_hist_data_bar_heights"]) == neuron.run.array("histograms")[0].sum()
    listed = neuron.list("top", limit=20).to_pylist()
    assert ["".join(each["tokens"]) for each in first["activations"]] == [row["text"] for row in listed]
    assert [each["values"][0] for each in first["activations"]] == pytest.approx(
        [row["activation"] for row in listed], abs=1e-5
    )
    lines = (out / "hidden.1" / "explanations" / "batch-0.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["index"], row["explanationModelName"]) for row in rows] == [("0", "neurolect"), ("1", "neurolect")]
    assert {"id", "modelId", "layer", "index", "description", "authorId", "createdAt"} <= set(rows[0])


def test_dashboards_have_tokens_where_these_were_read(whole_run: Path) -> None:
    neuron = read_tokens(whole_run, neurons=["hidden.1.1"], n_sentences=3).neuron("hidden.1.1")
    out = export(whole_run, "neuronpedia", neurons=["hidden.1.1"])
    found = json.loads((out / "hidden.1" / "batch-0.json").read_bytes())["features"][0]["activations"]
    texts = neuron.list("top", limit=20).column("text").to_pylist()
    assert ["".join(each["tokens"]) for each in found] == texts
    assert all(len(each["tokens"]) == len(each["values"]) for each in found)
    assert max(len(each["tokens"]) for each in found[:3]) > 1


def test_bad_exports(folder: Path) -> None:
    with pytest.raises(OptionError, match=r"'delfi'(.|\n)*batch, delphi, neuronpedia(.|\n)*'delphi'"):
        export(folder, "delfi")
    export(folder, "delphi")
    with pytest.raises(RunFolderError, match="is there already"):
        export(folder, "delphi")
    with pytest.raises(NeurolectError, match="part of"):
        export_names(folder, to="batch", out=folder / "manifest.json", options=FAST)


def test_prompts_hold_the_sentences_of_the_list(folder: Path) -> None:
    run = Run(folder)
    plan = make_plan(run, model="m", neurons=["hidden.1.0"], options=FAST)
    shown = sentences_of(plan.lists[0].question.text)
    listed = run.neuron("hidden.1.0").list("top").column("text").to_pylist()
    assert shown[:8] == list(dict.fromkeys(listed))[:8]
    assert set(shown[8:]).isdisjoint(run.neuron("hidden.1.0").list("top").column("text").to_pylist())
