"""Latents against a plain recomputation, in every architecture, format and place; edits of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from neurolect.model import Model, ModelOptions
from neurolect.model.architecture.taps import write
from tests.interventions.test_editing import decoder
from tests.model.autoencoders.folders import KINDS, LATENTS, write_sae_lens, write_sparsify
from tests.model.networks import TEXTS, encoder, tiny_model
from tests.reference.autoencoder_plain import latents_of
from tests.tiny_models import tiny_tokenizer


def model_with(*saes: str, family: str = "Llama", **options: Any) -> Model:
    """Read the latents of autoencoders alone, unless sites say otherwise."""
    given = ModelOptions(**{"sae": saes, "sites": ("latent",), **options})
    special = family not in ("GPT2", "Llama")
    tokenizer = tiny_tokenizer(special=special)
    return Model(encoder(family), tokenizer, name=family, options=given, max_tokens=64, fingerprint="x")


def settings_of(folder: Path) -> dict[str, Any]:
    """Read a configuration as one flat table."""
    cfg = json.loads((folder / "cfg.json").read_text())
    return {**cfg, **cfg.get("metadata", {})}


def plainly(folder: Path, states: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    tensors = {name: each.numpy() for name, each in load_file(next(folder.glob("*.safetensors"))).items()}
    return np.array([latents_of(state, settings_of(folder), tensors) for state in states])


def states_of(model: Model, text: str, layer: int) -> np.ndarray[Any, Any]:
    """Run Hugging Face's network as anybody does; give the states at tokens that are no special ones."""
    ids = torch.tensor([model.tokenizer([text])["input_ids"][0]])
    with torch.no_grad():
        states = model.network(input_ids=ids, output_hidden_states=True).hidden_states[layer][0].numpy()
    return np.asarray(states[1:-1] if model.tokenizer.convert_ids_to_tokens(int(ids[0, 0])) == "[CLS]" else states)


WRITTEN: dict[str, Any] = {
    **{kind: {"kind": kind} for kind in KINDS},
    "no b_dec": {"kind": "standard", "apply_b_dec_to_input": False},
    "layer_norm": {"kind": "jumprelu", "normalize_activations": "layer_norm"},
    "constant_norm_rescale": {"kind": "topk", "normalize_activations": "constant_norm_rescale"},
    "by the decoder's norm": {"kind": "topk", "rescale_acts_by_decoder_norm": True},
    "centred": {"kind": "gated", "model_from_pretrained_kwargs": {"center_writing_weights": True}},
}


@pytest.mark.parametrize("name", [*WRITTEN, "sparsify"])
@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_latents_are_those_of_a_plain_recomputation(tmp_path: Path, name: str, pooling: str) -> None:
    folder = tmp_path / "layers.0"
    written = write_sparsify(folder) if name == "sparsify" else write_sae_lens(folder, **WRITTEN[name])
    model = model_with(f"own={written}", pooling=pooling)
    assert model.addresses[3] == "latent.own.1.3"
    assert len(model.addresses) == LATENTS
    for text in TEXTS[:3]:
        each = plainly(folder, states_of(model, text, 1))
        expected = each.max(0) if pooling == "max" else each.mean(0)
        assert 0 < (expected > 0).sum() < LATENTS
        np.testing.assert_allclose(model.activations([text])[0], expected, atol=2e-5)


def test_one_activation_by_hand(tmp_path: Path) -> None:
    folder = write_sae_lens(tmp_path / "sae", "standard")
    model = model_with(str(folder), pooling="last")
    tensors = load_file(folder / "sae_weights.safetensors")
    state = torch.tensor(states_of(model, "a bank", 1)[-1])
    column = int(model.activations(["a bank"])[0].argmax())
    by_hand = float((state - tensors["b_dec"]) @ tensors["W_enc"][:, column] + tensors["b_enc"][column])
    assert by_hand > 0
    assert model.activations(["a bank"])[0, column] == pytest.approx(by_hand, abs=1e-5)


@pytest.mark.parametrize(
    ("hook", "layer", "site"),
    [
        ("blocks.2.hook_resid_pre", 2, "hidden"),
        ("blocks.1.hook_resid_post", 2, "hidden"),
        ("blocks.0.hook_resid_pre", 0, "hidden"),
        ("layers.1", 2, "hidden"),
        ("model.layers.1", 2, "hidden"),
        ("blocks.1.hook_attn_out", 2, "attn"),
        ("blocks.1.attn.hook_z", 2, "head"),
    ],
)
def test_hooks_are_our_sites(tmp_path: Path, hook: str, layer: int, site: str) -> None:
    folder = write_sae_lens(tmp_path / "sae", "standard", hook_name=hook)
    model = model_with(str(folder), pooling="last", sites=("latent", site), layers=(layer,))
    values = model.activations(TEXTS)
    states, latents = values[:, LATENTS:], values[:, :LATENTS]
    assert model.addresses[0] == f"latent.sae.{layer}.0"
    assert model.addresses[LATENTS] == f"{site}.{layer}.0"
    np.testing.assert_allclose(latents, plainly(folder, states), atol=2e-5)


def test_the_last_blocks_output_is_read_before_the_final_norm(tmp_path: Path) -> None:
    folder = write_sae_lens(tmp_path / "sae", "standard", hook_name="blocks.2.hook_resid_post")
    model = model_with(str(folder), pooling="last")
    kept: list[Any] = []
    block: Any = list(model.network.layers)[-1]  # type: ignore[arg-type]
    handle = block.register_forward_hook(lambda _module, _args, output: kept.append(output))
    last = states_of(model, TEXTS[0], 3)[-1]
    handle.remove()
    raw = (kept[0][0] if isinstance(kept[0], tuple) else kept[0]).reshape(-1, 16)[-1].numpy()
    assert np.abs(raw - last).max() > 0.01
    np.testing.assert_allclose(model.activations([TEXTS[0]])[0], plainly(folder, raw[None])[0], atol=2e-5)


def test_the_mlps_two_ends(tmp_path: Path) -> None:
    inner = write_sae_lens(tmp_path / "inner", width=24, hook_name="blocks.1.mlp.hook_post")
    outer = write_sae_lens(tmp_path / "outer", hook_name="blocks.1.hook_mlp_out")
    module = write_sae_lens(tmp_path / "module", hook_name="layers.1.mlp")
    saes = (str(inner), str(outer), str(module))
    model = model_with(*saes, pooling="last", sites=("latent", "mlp"), layers=(2,))
    values = model.activations(TEXTS)
    states = values[:, 3 * LATENTS :]
    np.testing.assert_allclose(values[:, :LATENTS], plainly(inner, states), atol=2e-5)
    block: Any = model.network.layers[1]  # type: ignore[index]
    weight = block.mlp.down_proj.weight.detach().numpy()
    np.testing.assert_allclose(values[:, LATENTS : 2 * LATENTS], plainly(outer, states @ weight.T), atol=1e-4)
    np.testing.assert_array_equal(values[:, LATENTS : 2 * LATENTS], values[:, 2 * LATENTS : 3 * LATENTS])


def test_an_encoder_is_read_by_its_modules_name(tmp_path: Path) -> None:
    folder = write_sae_lens(tmp_path / "sae", "topk", hook_name="encoder.layer.1", model_name="bert")
    model = model_with(str(folder), family="Bert", pooling="max")
    expected = plainly(folder, states_of(model, TEXTS[3], 2)).max(0)
    np.testing.assert_allclose(model.activations([TEXTS[3]])[0], expected, atol=2e-5)


def test_latents_do_not_depend_on_the_batch_and_change_no_states(tmp_path: Path) -> None:
    folder = write_sae_lens(tmp_path / "sae", "standard")
    model = model_with(str(folder), sites=("hidden", "latent"), pooling="max")
    together = model.activations(TEXTS)
    alone = np.concatenate([model.activations([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-5)
    plain = tiny_model("Llama", ModelOptions(pooling="max"))
    np.testing.assert_array_equal(model.activations(TEXTS)[:, : plain.neurons.n_neurons], plain.activations(TEXTS))


@pytest.mark.parametrize("name", [*WRITTEN, "sparsify"])
def test_a_change_of_a_latent_adds_its_direction_and_keeps_the_rest(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "layers.0"
    written = write_sparsify(folder) if name == "sparsify" else write_sae_lens(folder, **WRITTEN[name])
    model = model_with(f"own={written}")
    autoencoder = model.autoencoders[0]
    states = torch.randn((2, 3, 16), generator=torch.Generator().manual_seed(3))
    before = autoencoder.encode(states)
    after = before.clone()
    after[..., 7] += 2.0
    after[0, 1, 9] = 0.0
    changed = autoencoder.changed(states, before, after)
    error = states - autoencoder.reconstruct(states)
    # what is decoded of other latents, with the scale and mean of the states as they were
    decoded = after.reshape(-1, LATENTS) @ autoencoder.directions + autoencoder.middle
    read = autoencoder._read(states)
    decoded = decoded if read.scale is None else decoded * read.scale
    decoded = decoded if read.mean is None else decoded + read.mean
    torch.testing.assert_close(changed, decoded.reshape(states.shape) + error, atol=2e-5, rtol=1e-4)
    assert torch.equal(autoencoder.changed(states, before, before), states)


def test_an_edit_that_sets_nothing_changes_not_one_bit(tmp_path: Path) -> None:
    folder = write_sae_lens(tmp_path / "sae", "standard")
    whole = decoder("Llama")
    options = ModelOptions(sae=(str(folder),), sites=("latent",))
    model = Model(whole.network, whole.tokenizer, name="x", options=options, max_tokens=64, body=whole.body)
    ids = torch.tensor([model.tokenizer(["a bank of the"])["input_ids"][0]])
    plain = model.network(input_ids=ids).logits
    with torch.no_grad(), write(model.body, model.taps, edit=lambda _number, latents: latents):
        assert torch.equal(model.network(input_ids=ids).logits, plain)
    seen: list[Tensor] = []

    def raise_one(_number: int, latents: Tensor) -> Tensor:
        seen.append(latents)
        return latents + 3.0 * torch.eye(LATENTS)[5]

    tensors = load_file(folder / "sae_weights.safetensors")
    block: Any = model.body.layers[1]  # type: ignore[index]
    given: list[Tensor] = []

    def see(_module: Any, args: tuple[Tensor, ...]) -> None:
        given.append(args[0])

    with torch.no_grad():
        for edit in (lambda _number, latents: latents, raise_one):
            with write(model.body, model.taps, edit=edit):
                handle = block.register_forward_pre_hook(see)  # after the edit's own
                edited = model.network(input_ids=ids).logits
                handle.remove()
    direction = (3.0 * tensors["W_dec"][5]).expand_as(given[0])
    torch.testing.assert_close(given[1] - given[0], direction, atol=1e-5, rtol=0)
    assert (edited - plain).abs().max() > 1e-3
