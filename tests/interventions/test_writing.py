"""Output directions against a plain loop over tokens and neurons, and against the running network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import Corpus, prepare
from neurolect.errors import ModelError, NeuronAddressError, OptionError, RunFolderError
from neurolect.finding import find
from neurolect.interventions import writes
from neurolect.interventions.resuming import tap_at
from neurolect.interventions.writing import N_TOKENS, unembedding_of
from neurolect.model import Model, ModelOptions, load_model
from neurolect.model.architecture.structure import find_blocks
from neurolect.results import provenance, rank, read_ranking
from neurolect.signatures import DescribeOptions, describe
from neurolect.store import Run, open_run
from neurolect.views import card, card_text
from tests.command_line import command, succeed
from tests.documented_folder import check_folder
from tests.interventions.test_editing import decoder
from tests.model.networks import tiny_model
from tests.tiny_corpora import write_documents
from tests.tiny_models import tiny_tokenizer, write_tiny, write_tiny_bert


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
    with pytest.raises(NeuronAddressError, match=r"mlp\.1\.99"):
        writes(decoder("Llama"), ["mlp.1.99"])
    answer = command("writes", write_tiny_bert(tmp_path / "bert"))
    assert answer.code == 1
    assert "no unembedding" in answer.err


def test_the_command_writes(tmp_path: Path) -> None:
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


def collected(folder: Path) -> tuple[str, Corpus, Run]:
    """Read the mlp neurons of block 2 of a tiny decoder whose neuron 3 writes the token "film"."""
    name = str(write_tiny(folder / "model", family="Llama"))
    torch.manual_seed(0)
    model: Any = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(name))
    token = tiny_tokenizer().convert_tokens_to_ids("film")
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[:, 3] = -20 * model.lm_head.weight[token]
    model.save_pretrained(name)
    corpus = prepare([write_documents(folder / "d.jsonl", n_documents=12)], out=folder / "corpus")
    loaded = load_model(name, options=ModelOptions(sites=("mlp",), layers=(2,)))
    options = CollectOptions(list_size=5, held_out_size=0)
    return name, corpus, collect(loaded, corpus, out=folder / "run", options=options)


def test_what_a_runs_neurons_write_is_kept_shown_and_ranked(tmp_path: Path) -> None:
    folder, corpus, run = collected(tmp_path)
    run = describe(run, options=DescribeOptions(tagger="none", vectors="none", pattern_length=1, max_senses=1))
    assert card(run.neuron("mlp.2.3"))["writes"] is None
    succeed("writes", run.folder)
    run, table = open_run(run.folder), writes(folder, ["mlp.2"])
    kept = run.table("writes/neurons")
    assert check_folder(run.folder, page="run_folder.md", below="writes")
    by_address = {row["address"]: row for row in table.to_pylist()}
    for row in kept.to_pylist():
        expected = by_address[run.index.address(row["neuron_id"])]
        assert {name: row[name] for name in row if name != "neuron_id"} == {
            name: expected[name] for name in row if name != "neuron_id"
        }
    shown = card(run.neuron("mlp.2.3"))
    assert shown["writes"]["promotes"] == by_address["mlp.2.3"]["promotes"]
    assert "\u2192  writes: " in card_text(shown)
    ranked = rank(run, by="write-kurtosis").to_pylist()
    assert ranked[0]["address"] == max(by_address, key=lambda each: by_address[each]["kurtosis"])
    assert writes(run, ["mlp.2.3"]).num_rows == 1
    assert writes(run, token="no such token").num_rows == 0
    plain = load_model(folder, options=ModelOptions(layers=(1,)))
    other = collect(plain, corpus, out=tmp_path / "hidden", options=CollectOptions(list_size=5, held_out_size=0))
    with pytest.raises(OptionError, match="neither mlp neurons, heads nor latents"):
        writes(other)


@pytest.mark.parametrize("family", ["Llama", "GPT2", "GPTNeoX"])
def test_cosines_are_of_what_is_read_and_written(family: str) -> None:
    model = decoder(family)
    block: Any = find_blocks(model.body, n_layers=model.n_layers)[1]  # type: ignore[index]
    if family == "Llama":
        norm, up, gate = block.post_attention_layernorm, block.mlp.up_proj.weight, block.mlp.gate_proj.weight
    elif family == "GPT2":
        norm, up, gate = block.ln_2, block.mlp.c_fc.weight.T, None
    else:
        norm, up, gate = block.post_attention_layernorm, block.mlp.dense_h_to_4h.weight, None
    columns, table = directions_of(model, 2).T, writes(model, ["mlp.2"]).to_pylist()
    for name, rows in (("cosine", up), ("cosine_gate", gate)):
        expected = None if rows is None else torch.cosine_similarity(rows * norm.weight, columns, dim=1).tolist()
        for row in table:
            index = int(row["address"].rpartition(".")[2])
            assert row[name] == (None if expected is None else pytest.approx(expected[index], abs=1e-4))


def test_heads_and_hidden_dimensions_write_too() -> None:
    model = decoder("Llama")
    unembedding, table = unembedding_of(model), writes(model, ["head.2", "hidden.3"])
    facts = provenance(table).details["layers"]
    assert [(each["site"], each["layer"]) for each in facts] == [("head", 2), ("hidden", 3)]
    rows = {row["address"]: row for row in table.to_pylist()}
    block: Any = find_blocks(model.body, n_layers=model.n_layers)[1]  # type: ignore[index]
    of_heads, of_hidden = block.self_attn.o_proj.weight.detach().T, torch.eye(unembedding.weight.shape[1])
    for site, directions in (("head.2", of_heads), ("hidden.3", of_hidden)):
        scores = (directions @ unembedding.weight.T).numpy().astype(np.float64)
        z = (scores - scores.mean(0)) / scores.std(0)
        for column in range(len(z)):
            row = rows[f"{site}.{column}"]
            assert row["cosine"] is None
            if row["promotes_z"]:
                assert row["promotes_z"][0] == pytest.approx(z[column].max(), rel=1e-3)


def test_neurons_are_found_by_what_they_write(tmp_path: Path) -> None:
    _, _, run = collected(tmp_path)
    with pytest.raises(RunFolderError, match=r"does not know what its neurons write(?s:.*)Hint: neurolect writes"):
        find(run, writes="film")
    table = writes(run)
    run = open_run(run.folder)
    for found in (find(run, writes="film"), find(run, has="writes=FILM")):
        assert found.to_pylist()[0]["address"] == "mlp.2.3"
        assert found.to_pylist()[0]["sign"] == -1
        assert found.column("score").to_pylist() == sorted(found.column("score").to_pylist(), reverse=True)
    assert "writes not film" in succeed("find", run.folder, "--has", "writes=film")
    with pytest.raises(RunFolderError, match=r"No neuron promotes(?s:.*)Hint: Nearest"):
        find(run, writes="no such token")
    with pytest.raises(OptionError, match=r"by itself, without word"):
        find(run, writes="film", word="film")
    run = describe(run, options=DescribeOptions(tagger="none", vectors="none", pattern_length=1, max_senses=1))
    cosines = rank(run, by="write-cosine").to_pylist()
    assert cosines[0]["score"] == max(each["cosine"] for each in table.to_pylist())
