"""What cannot be read or applied is refused in words; what differs is said."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from neurolect.errors import ModelError, NeuronAddressError, OptionError
from neurolect.interventions import edit
from neurolect.model import ModelOptions
from neurolect.model.autoencoders.opening import name_and_folder, open_autoencoders
from tests.model.autoencoders.folders import tensors_of, write_sae_lens, write_sparsify
from tests.model.autoencoders.test_latents import model_with


def with_cfg(folder: Path, **changed: Any) -> Path:
    """Set some of a configuration; None takes it out."""
    cfg = json.loads((folder / "cfg.json").read_text()) | changed
    kept = {name: value for name, value in cfg.items() if value is not None}
    (folder / "cfg.json").write_text(json.dumps(kept))
    return folder


def with_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> Path:
    path = next(folder.glob("*.safetensors"))
    weights = load_file(path)
    change(weights)
    save_file(weights, path)
    return folder


def nan(weights: dict[str, torch.Tensor]) -> None:
    weights["W_enc"][3, 4] = torch.nan


def scaled(weights: dict[str, torch.Tensor]) -> None:
    weights["scaling_factor"] = torch.full((40,), 2.0)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "another architecture": ({"architecture": "temporal"}, r"architecture: 'temporal'(.|\n)*standard, jumprelu"),
    "batchtopk": ({"architecture": "batchtopk"}, "'batchtopk'(.|\n)*save_inference_model"),
    "another function": ({"activation_fn_str": "tanh-relu"}, "activation_fn: 'tanh-relu'"),
    "a factor that is not there": ({"normalize_activations": "expected_average_only_in"}, "not in the file"),
    "of one head": ({"hook_head_index": 2}, "hook_head_index: 2"),
    "no width": ({"d_in": None}, "d_in: None"),
    "another number of latents": ({"d_sae": 41}, r"W_enc .* has the shape \(16, 40\)(.|\n)*\(16, 41\)"),
    "reshaped": ({"reshape_activations": "hook_z"}, "reshape_activations"),
    "no k": ({"architecture": "topk"}, "k: None"),
    "other tensors": ({"architecture": "gated"}, "lacks b_gate, b_mag, r_mag; found: W_dec, W_enc, b_dec, b_enc"),
    "no hook": ({"metadata": {}}, "hook_name: None"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_would_be_computed_otherwise_is_refused(tmp_path: Path, name: str) -> None:
    changed, message = BAD[name]
    with pytest.raises(ModelError, match=message):
        open_autoencoders([str(with_cfg(write_sae_lens(tmp_path / "sae"), **changed))])


@pytest.mark.parametrize("name", ["transcode", "skip_connection", "signed"])
def test_transcoders_of_sparsify_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"{name}: True"):
        open_autoencoders([str(write_sparsify(tmp_path / "layers.0", **{name: True}))])
    with pytest.raises(ModelError, match="activation: 'groupmax'"):
        open_autoencoders([str(write_sparsify(tmp_path / "layers.1", activation="groupmax"))])


def test_weights_that_are_missing_nan_or_scaled_are_refused(tmp_path: Path) -> None:
    for number, (change, message) in enumerate(
        (
            (lambda weights: weights.pop("b_dec"), "lacks b_dec"),
            (nan, r"W_enc .* has 1 numbers that are NaN"),
            (scaled, "scales its latents by scaling_factor"),
            (lambda weights: weights.update(W_skip=torch.zeros(16, 16)), "has W_skip, too"),
        )
    ):
        folder = with_weights(write_sae_lens(tmp_path / f"sae-{number}"), change)
        with pytest.raises(ModelError, match=message):
            open_autoencoders([str(folder)])
    whole = write_sae_lens(tmp_path / "cut") / "sae_weights.safetensors"
    whole.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be read"):
        open_autoencoders([str(tmp_path / "cut")])


def test_a_folder_of_something_else_is_refused_with_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is no folder(.|\n)*copy it back"):
        open_autoencoders([str(tmp_path / "nowhere")])
    inner = write_sae_lens(tmp_path / "all" / "blocks.1")
    with pytest.raises(ModelError, match=r"has no cfg.json; found: blocks.1(.|\n)*its folder 'blocks.1'"):
        open_autoencoders([str(tmp_path / "all")])
    (inner / "sae_weights.safetensors").rename(inner / "ae.safetensors")
    with pytest.raises(ModelError, match=r"no weights that are known; found: ae.safetensors, cfg.json"):
        open_autoencoders([str(inner)])
    (inner / "cfg.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        open_autoencoders([str(inner)])


class Evil:
    """Runs code where it is unpickled."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.made,))


def test_pickles_hold_tensors_or_nothing(tmp_path: Path) -> None:
    folder = write_sae_lens(tmp_path / "sae")
    expected = open_autoencoders([str(folder)])[0]
    (folder / "sae_weights.safetensors").unlink()
    torch.save(tensors_of("standard"), folder / "sae_weights.pt")
    assert torch.equal(open_autoencoders([str(folder)])[0].encoder, expected.encoder)
    evil = Evil(tmp_path / "made")
    for bad in ({"W_enc": evil}, evil):
        (folder / "sae_weights.pt").write_bytes(pickle.dumps(bad, protocol=2))
        with pytest.raises(ModelError, match="holds more than tensors"):
            open_autoencoders([str(folder)])
    torch.save([1, 2], folder / "sae_weights.pt")
    with pytest.raises(ModelError, match="holds a list"):
        open_autoencoders([str(folder)])
    assert not evil.made.exists()


def test_version_5_of_sae_lens_is_read(tmp_path: Path) -> None:
    flat = {"hook_point": "blocks.1.hook_resid_pre", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 7}}
    folder = with_cfg(write_sae_lens(tmp_path / "sae"), metadata=None, architecture=None, **flat)
    found = open_autoencoders([str(folder)])[0]
    assert (found.kind, found.k, found.hook) == ("topk", 7, "blocks.1.hook_resid_pre")
    assert found.prepends  # as SAELens has it where an old file does not say
    notices = model_with(str(folder)).notices
    assert any("texts with the token that begins them" in each for each in notices)


@pytest.mark.parametrize(
    ("hook", "width", "message"),
    [
        ("blocks.1.hook_resid_pre", 12, "whose states have 16 dimensions; it was made for 12"),
        ("blocks.7.hook_resid_pre", 16, "a block from 0 to 2"),
        ("blocks.1.hook_resid_mid", 16, r"does not have(.|\n)*hook_resid_post"),
        ("hook_embed", 16, "does not have"),
        ("layers.1.mlp.act_fn", 16, "whose states have 24"),
    ],
)
def test_another_place_or_width_is_refused(tmp_path: Path, hook: str, width: int, message: str) -> None:
    folder = write_sae_lens(tmp_path / "sae", width=width, hook_name=hook)
    with pytest.raises(ModelError, match=message):
        model_with(str(folder))


def test_another_model_is_said(tmp_path: Path) -> None:
    own = write_sae_lens(tmp_path / "own", model_name="org/Llama-3")
    assert not model_with(str(own)).notices
    other = write_sae_lens(tmp_path / "other", model_name="gpt2-small")
    said = model_with(str(other)).notices[0]
    assert "'other' was trained on 'gpt2-small', and the model is called 'Llama'" in said


def test_two_of_one_name_at_one_layer_are_refused(tmp_path: Path) -> None:
    one, two = (write_sae_lens(tmp_path / name / "sae", seed=number) for number, name in enumerate("ab"))
    with pytest.raises(ModelError, match=r"Two sparse autoencoders are called 'sae' at layer 1(.|\n)*NAME=FOLDER"):
        model_with(str(one), str(two))
    assert model_with(f"a={one}", f"b={two}").addresses[40] == "latent.b.1.0"


def test_names_and_options(tmp_path: Path) -> None:
    assert name_and_folder("saes/blocks.8.hook")[0] == "blocks-8-hook"
    with pytest.raises(OptionError, match="no usable name"):
        name_and_folder("a b=folder")
    for options in ({"sae": ("x",)}, {"sites": ("latent",)}):
        with pytest.raises(OptionError, match=r"--sae FOLDER sets both"):
            ModelOptions(**options)  # type: ignore[arg-type]


def test_addresses_of_latents_that_are_not_there_are_refused(tmp_path: Path) -> None:
    model = model_with(str(write_sae_lens(tmp_path / "sae")))
    for address, error, message in (
        ("latent.other.1.3", ModelError, r"'latent.other' was asked for; sparse autoencoders give: latent.sae"),
        ("latent.sae.2.3", NeuronAddressError, "no latent.sae.2"),
        ("latent.sae.1.40", NeuronAddressError, "latent.sae.1 has 40"),
        ("latent.4", NeuronAddressError, "no site 'latent'"),
    ):
        with pytest.raises(error, match=message), edit(model, {address: 1.0}):
            pass
