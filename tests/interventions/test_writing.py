"""Output directions against a plain loop over tokens and neurons, and against the running network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.errors import ModelError, NeuronAddressError, OptionError
from neurolect.interventions import writes
from neurolect.interventions.resuming import tap_at
from neurolect.interventions.writing import N_TOKENS, unembedding_of
from neurolect.model import Model
from neurolect.results import provenance, read_ranking
from tests.command_line import command, succeed
from tests.interventions.test_editing import decoder
from tests.model.networks import tiny_model
from tests.tiny_models import write_tiny_bert


def directions_of(model: Model, layer: int) -> torch.Tensor:
    module: Any = tap_at(model, "mlp", layer).module
    weight: torch.Tensor = module.weight.detach()
    return weight if weight.shape[1] == tap_at(model, "mlp", layer).place.width else weight.T


@pytest.mark.parametrize("family", ["Llama", "Qwen2", "GPT2", "GPTNeoX", "OPT"])
def test_scores_are_those_of_a_plain_loop(family: str) -> None:
    model = decoder(family)
    table = writes(model, ["mlp.2"])
    unembedding = unembedding_of(model)
    assert unembedding.centred == (family not in ("Llama", "Qwen2"))
    columns = directions_of(model, 2).T
    if unembedding.centred:
        columns = columns - columns.mean(1, keepdim=True)
    scores = (columns @ unembedding.weight.T).numpy().astype(np.float64)  # neurons by tokens
    z = (scores - scores.mean(0)) / scores.std(0)
    by_address = {row["address"]: row for row in table.to_pylist()}
    thresholds = provenance(table).details["layers"][0]["thresholds"]
    for column in range(len(z)):
        row = by_address[f"mlp.2.{column}"]
        peaks = (z[column].max(), (-z[column]).max())
        assert row["score"] == pytest.approx(max(p / t for p, t in zip(peaks, thresholds, strict=True)), rel=1e-3)
        for sign, name, threshold in ((1, "promotes", thresholds[0]), (-1, "suppresses", thresholds[1])):
            order = np.argsort(-sign * z[column], kind="stable")[:N_TOKENS]
            expected = [each for each in order.tolist() if sign * z[column][each] > threshold]
            assert len(row[name]) == len(expected)
            assert row[f"{name}_z"] == pytest.approx([sign * z[column][each] for each in expected], rel=1e-3)


@pytest.mark.parametrize("family", ["Llama", "GPT2"])
def test_the_gain_is_that_of_the_running_network(family: str) -> None:
    """A small direction added to a state changes the scores of tokens as the unembedding says, up to scale."""
    model = decoder(family)
    unembedding = unembedding_of(model)
    network: Any = model.network
    norm = network.base_model.norm if family == "Llama" else network.base_model.ln_f
    torch.manual_seed(0)
    width = unembedding.weight.shape[1]
    state, direction = torch.randn(width), 1e-3 * torch.randn(width)
    if unembedding.centred:
        state, direction = state - state.mean(), direction - direction.mean()
    direction -= state * (direction @ state) / (state @ state)  # what the norm's size does not see
    with torch.no_grad():
        got = network.lm_head(norm(state + direction)) - network.lm_head(norm(state))
    expected = unembedding.weight @ direction
    assert float(torch.cosine_similarity(got, expected, dim=0)) > 0.999


def test_a_planted_direction_is_clear() -> None:
    model = decoder("Llama")
    module: Any = tap_at(model, "mlp", 3).module
    before = module.weight.detach().clone()
    network: Any = model.network
    token = int(model.tokenizer(["bank"])["input_ids"][0][0])
    try:
        module.weight.data[:, 5] = 40 * network.lm_head.weight.data[token]
        row = writes(model, ["mlp.3.5"]).to_pylist()[0]
    finally:
        module.weight.data = before
    assert row["promotes"][0].strip() == "bank"
    assert row["score"] > 1


def test_what_writes_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no unembedding"):
        writes(tiny_model("Bert"))
    with pytest.raises(OptionError, match=r"hidden\.1\.1"):
        writes(decoder("Llama"), ["hidden.1.1"])
    with pytest.raises(NeuronAddressError, match=r"mlp\.1\.99"):
        writes(decoder("Llama"), ["mlp.1.99"])
    answer = command("writes", write_tiny_bert(tmp_path / "bert"))
    assert answer.code == 1
    assert "no unembedding" in answer.err


def test_the_command_writes(tmp_path: Path) -> None:
    import transformers

    from tests.tiny_models import write_tiny

    write_tiny(tmp_path / "model", family="Llama")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "model")
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "model")
    said = succeed("writes", tmp_path / "model", "--neurons", "mlp.1,mlp.2.0-3", "--out", tmp_path / "w.parquet")
    assert "by chance" in said
    table = read_ranking(tmp_path / "w.parquet")
    assert table.num_rows == 24 + 4
    clear = next((row for row in table.to_pylist() if row["promotes"]), None)
    if clear is not None:
        only = succeed(
            "writes", tmp_path / "model", "--token", clear["promotes"][0], "--neurons", "mlp.1,mlp.2.0-3"
        )
        assert clear["address"] in only


def test_what_a_runs_neurons_write_is_kept_shown_and_ranked(tmp_path: Path) -> None:
    import transformers

    from neurolect.collector import CollectOptions, collect
    from neurolect.corpus import prepare
    from neurolect.model import ModelOptions, load_model
    from neurolect.results import rank
    from neurolect.signatures import DescribeOptions, describe
    from neurolect.store import open_run
    from neurolect.views import card, card_text
    from tests.tiny_corpora import write_documents
    from tests.tiny_models import write_tiny

    folder = str(write_tiny(tmp_path / "model", family="Llama"))
    config = transformers.AutoConfig.from_pretrained(folder)
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    corpus = prepare([write_documents(tmp_path / "d.jsonl", n_documents=12)], out=tmp_path / "corpus")
    model = load_model(folder, options=ModelOptions(sites=("mlp",), layers=(2,)))
    options = CollectOptions(list_size=5, held_out_size=0)
    run = collect(model, corpus, out=tmp_path / "run", options=options)
    run = describe(run, options=DescribeOptions(tagger="none", vectors="none", pattern_length=1, max_senses=1))
    assert card(run.neuron("mlp.2.3"))["writes"] is None
    succeed("writes", run.folder)
    run, table = open_run(run.folder), writes(folder, ["mlp.2"])
    kept = run.table("writes/neurons")
    by_address = {row["address"]: row for row in table.to_pylist()}
    for row in kept.to_pylist():
        expected = by_address[run.index.address(row["neuron_id"])]
        assert {name: row[name] for name in row if name != "neuron_id"} == {
            name: expected[name] for name in row if name != "neuron_id"
        }
    shown = card(run.neuron("mlp.2.3"))
    assert shown["writes"]["promotes"] == by_address["mlp.2.3"]["promotes"]
    assert "writes \u2192" in card_text(shown)
    ranked = rank(run, by="write-kurtosis").to_pylist()
    assert ranked[0]["address"] == max(by_address, key=lambda each: by_address[each]["kurtosis"])
    assert writes(run, ["mlp.2.3"]).num_rows == 1
    assert writes(run, token="no such token").num_rows == 0
    plain = load_model(folder)
    other = collect(plain, corpus, out=tmp_path / "hidden", options=options)
    with pytest.raises(OptionError, match="has no mlp neurons"):
        writes(other)
