"""The tensors that are read are the right ones, in every family."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neurolect.errors import ModelError, OptionError
from neurolect.model import Model, load_model
from neurolect.model.architecture.taps import listen, resolve_layers
from neurolect.model.options import ModelOptions
from tests.model.networks import TEXTS, encoder, tiny_model
from tests.tiny_models import tiny_tokenizer, write_tiny

HOOKED = [
    "Bert",
    "Roberta",
    "MPNet",
    "DistilBert",
    "Electra",
    "DebertaV2",
    "ModernBert",
    "GPT2",
    "GPTNeoX",
    "Llama",
    "Qwen2",
    "Mixtral",
    "OPT",
    "T5",
    "Bart",
]
IN_BLOCK = {
    "Bert": ("output.dense", "attention.output.dense"),
    "Roberta": ("output.dense", "attention.output.dense"),
    "MPNet": ("output.dense", "attention.attn.o"),
    "DistilBert": ("ffn.lin2", "attention.out_lin"),
    "Electra": ("output.dense", "attention.output.dense"),
    "DebertaV2": ("output.dense", "attention.output.dense"),
    "ModernBert": ("mlp.Wo", "attn.Wo"),
    "GPT2": ("mlp.c_proj", "attn.c_proj"),
    "GPTNeoX": ("mlp.dense_4h_to_h", "attention.dense"),
    "Llama": ("mlp.down_proj", "self_attn.o_proj"),
    "Qwen2": ("mlp.down_proj", "self_attn.o_proj"),
    "OPT": ("fc2", "self_attn.out_proj"),
    "T5": ("layer.1.DenseReluDense.wo", "layer.0.SelfAttention.o"),
    "Bart": ("fc2", "self_attn.out_proj"),
}


def run(family: str, options: ModelOptions) -> tuple[list[Tensor], Any]:
    """Return the states of every tap, and what the network itself reports, on one padded batch."""
    model = tiny_model(family, options)
    batch = model.pad(model.tokenize(TEXTS), np.arange(len(TEXTS)))
    seen: dict[int, Tensor] = {}
    with torch.no_grad(), listen(model.taps, receive=lambda number, states: seen.update({number: states.clone()})):
        result = model.network(input_ids=batch.ids, attention_mask=batch.mask, output_hidden_states=True)
    for number, tap in enumerate(model.taps):
        if tap.module is None:
            layer = tap.place.layer
            seen[number] = (
                result.last_hidden_state if tap.reads == "last_hidden_state" else result.hidden_states[layer]
            )
    return [seen[number] for number in range(len(model.taps))], result


@pytest.mark.parametrize("family", HOOKED)
def test_hidden_states_equal_those_of_hugging_face(family: str) -> None:
    model = tiny_model(family, ModelOptions(layers=(0, 1, 2, 3)))
    assert [tap.reads for tap in model.taps] == ["input", "input", "input", "last_hidden_state"]
    states, result = run(family, ModelOptions(layers=(0, 1, 2, 3)))
    assert len(states) == len(result.hidden_states) == 4
    for ours, theirs in zip(states, result.hidden_states, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("family", ["Albert", "XLNet"])
def test_networks_of_another_build_are_read_through_their_own_hidden_states(family: str) -> None:
    model = tiny_model(family)
    assert {tap.reads for tap in model.taps} == {"hidden_states"}
    batch = model.pad(model.tokenize(TEXTS), np.arange(len(TEXTS)))
    with torch.no_grad():
        result = model.network(input_ids=batch.ids, attention_mask=batch.mask, output_hidden_states=True)
    spans = [slice(int(a), int(b)) for a, b in zip(batch.first, batch.end, strict=True)]
    expected = [
        [states[row, span].mean(0) for states in result.hidden_states[1:]] for row, span in enumerate(spans)
    ]
    expected_flat = torch.stack([torch.cat(row) for row in expected]).numpy()
    np.testing.assert_allclose(model.read(batch).values, expected_flat, atol=1e-5)


@pytest.mark.parametrize("family", IN_BLOCK)
def test_sites_are_the_modules_a_reader_of_the_code_would_choose(family: str) -> None:
    model = tiny_model(family, ModelOptions(sites=("mlp", "attn", "head")))
    blocks = next(
        each for each in encoder(family).modules() if isinstance(each, torch.nn.ModuleList) and len(each) == 3
    )
    down, out = IN_BLOCK[family]
    wanted = [(down, "input"), (out, "output"), (out, "input")]
    expected = [(blocks[layer].get_submodule(path), reads) for path, reads in wanted for layer in range(3)]
    assert [(tap.module, tap.reads) for tap in model.taps] == expected
    assert [tap.place[:2] for tap in model.taps] == [
        (site, layer) for site in ("mlp", "attn", "head") for layer in (1, 2, 3)
    ]


def capture(module: torch.nn.Module, family: str, *, part: int | None = None) -> Tensor:
    """Return what a module gives on the texts."""
    kept: list[Tensor] = []
    handle = module.register_forward_hook(lambda _, __, out: kept.append(out if part is None else out[part]))
    run(family, ModelOptions())
    handle.remove()
    # The first ones may stem from the trial that finds the taps.
    return kept[-1]


def test_sites_of_bert_hold_what_its_own_parts_give() -> None:
    states, _ = run("Bert", ModelOptions(sites=("mlp", "attn", "head"), layers=(2,)))
    block: Any = encoder("Bert").encoder.layer[1]
    assert torch.equal(states[0], capture(block.intermediate, "Bert"))
    context = capture(block.attention.self, "Bert", part=0)
    assert torch.equal(states[2], context)
    assert torch.equal(states[1], torch.nn.functional.linear(context, *block.attention.output.dense.parameters()))


def test_mlp_of_llama_is_the_gated_inner_activation() -> None:
    states, _ = run("Llama", ModelOptions(sites=("mlp",), layers=(3,)))
    block: Any = encoder("Llama").layers[2]
    normed = capture(block.post_attention_layernorm, "Llama")
    with torch.no_grad():
        gate, up = block.mlp.gate_proj(normed), block.mlp.up_proj(normed)
    torch.testing.assert_close(states[0], torch.nn.functional.silu(gate) * up)


def test_attention_output_of_gpt2_is_what_is_added_to_the_residual() -> None:
    states, result = run("GPT2", ModelOptions(sites=("attn",), layers=(1,)))
    block: Any = encoder("GPT2").h[0]
    normed = capture(block.ln_2, "GPT2")
    with torch.no_grad():
        torch.testing.assert_close(block.ln_2(result.hidden_states[0] + states[0]), normed)


def test_sites_keep_the_order_asked_for_and_layers_ascend() -> None:
    model = tiny_model("Bert", ModelOptions(sites=("head", "hidden"), layers=(3, 0, 1)))
    assert [tap.place[:2] for tap in model.taps] == [
        ("head", 1),
        ("head", 3),
        ("hidden", 0),
        ("hidden", 1),
        ("hidden", 3),
    ]


def test_hooks_are_taken_off_even_after_a_failure() -> None:
    model = tiny_model("Bert", ModelOptions(sites=("hidden", "mlp", "attn", "head")))
    batch = model.pad(model.tokenize(TEXTS), np.arange(3))

    def n_hooks() -> int:
        return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in model.network.modules())

    def fail(number: int, states: Tensor) -> None:
        raise KeyError(n_hooks())

    # transformers itself leaves some on its modules.
    before = n_hooks()
    model.read(batch)
    assert n_hooks() == before
    n_taps = len([tap for tap in model.taps if tap.module is not None])
    with pytest.raises(KeyError, match=str(before + n_taps)), listen(model.taps, receive=fail):
        model.network(input_ids=batch.ids)
    assert n_hooks() == before


def test_missing_layers_are_refused() -> None:
    with pytest.raises(ModelError, match=r"layers 4, 9 were asked for, and the model has 3 blocks"):
        resolve_layers((1, 4, 9), site="hidden", sites=("hidden",), n_layers=3)
    with pytest.raises(ModelError, match=r"0 is the embedding output, for the site hidden only"):
        resolve_layers((0, 1), site="mlp", sites=("mlp",), n_layers=3)
    assert resolve_layers((1, 0), site="mlp", sites=("hidden", "mlp"), n_layers=3) == [1]


def test_missing_layers_are_refused_before_weights_are_read(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "bert", family="Bert")
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"layers 9 were asked for, and the model has \d blocks"):
        load_model(str(folder), options=ModelOptions(layers=(9,)))


def test_mixtures_of_experts_have_no_mlp_neurons() -> None:
    with pytest.raises(ModelError, match=r"mlp\.1 is not found: .*is a mixture of experts"):
        tiny_model("Mixtral", ModelOptions(sites=("mlp",)))
    assert tiny_model("Mixtral", ModelOptions(sites=("attn",))).neurons.n_neurons == 48


def test_shared_blocks_have_hidden_neurons_only() -> None:
    with pytest.raises(ModelError, match="AlbertModel has no list of blocks"):
        tiny_model("Albert", ModelOptions(sites=("mlp",)))


def test_a_block_that_is_not_understood_is_described() -> None:
    with pytest.raises(
        ModelError, match=r"output projection was not found in a XLNetLayer(.|\n)*ff.layer_1 \(16 to 24"
    ):
        tiny_model("XLNet", ModelOptions(sites=("attn",)))
    # Its feed-forward part would fit, but runs with the tokens on the first axis.
    with pytest.raises(ModelError, match="down-projection was not found"):
        tiny_model("XLNet", ModelOptions(sites=("mlp",)))


def test_a_wrapper_with_as_many_blocks_for_images_is_read_where_text_goes() -> None:
    from transformers import Qwen2VLConfig, Qwen2VLModel

    torch.manual_seed(0)
    text = {
        "vocab_size": 2_000,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10_000.0},
    }
    vision = {"depth": 2, "embed_dim": 8, "hidden_size": 16, "num_heads": 2, "patch_size": 4}
    network = Qwen2VLModel(Qwen2VLConfig(text_config=text, vision_config=vision)).eval()
    options = ModelOptions(sites=("hidden", "mlp", "attn", "head"))
    model = Model(network, tiny_tokenizer(), name="wrapper", options=options, max_tokens=32)
    assert [tuple(tap.place) for tap in model.taps if tap.place.site == "mlp"] == [("mlp", 1, 24), ("mlp", 2, 24)]
    inside = set(network.language_model.modules())
    assert all(tap.module is None or tap.module in inside for tap in model.taps)


def test_a_site_is_where_the_user_says() -> None:
    found, said = (
        tiny_model("Bert", ModelOptions(sites=("mlp", "attn"), site_path=paths))
        for paths in ((), ("mlp=output.dense", "attn=attention.output.dense"))
    )
    assert [tap.place for tap in said.taps] == [tap.place for tap in found.taps]
    np.testing.assert_array_equal(said.activations(TEXTS), found.activations(TEXTS))
    other = tiny_model("Bert", ModelOptions(sites=("mlp",), site_path=("mlp=intermediate.dense",)))
    assert {tap.place.width for tap in other.taps} == {16}
    with pytest.raises(
        ModelError, match=r"(?s)no linear module of that name ran in a BertLayer.*intermediate\.dense"
    ):
        tiny_model("Bert", ModelOptions(sites=("mlp",), site_path=("mlp=intermediate.dens",)))
    for wrong in ("mlp", "hidden=output.dense", "mlp="):
        with pytest.raises(OptionError, match=r"model\.site_path is"):
            ModelOptions(site_path=(wrong,))
