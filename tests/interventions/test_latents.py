"""What latents do and write, against plain computations from the autoencoder's tensors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from neurolect.interventions import EditOptions, ablate, edit, writes
from neurolect.interventions.outcomes import Texts
from neurolect.interventions.resuming import Rest, tap_at
from neurolect.interventions.writing import _directions, unembedding_of
from neurolect.model import Model, ModelOptions
from neurolect.results import provenance
from tests.interventions.measured import SENTENCES
from tests.interventions.test_editing import decoder
from tests.model.autoencoders.folders import LATENTS, write_sae_lens
from tests.reference.autoencoder_plain import latents_of


def with_latents(folder: Path, *, family: str = "Llama", kind: str = "standard", **cfg: Any) -> Model:
    write_sae_lens(folder, kind, **cfg)
    whole, options = decoder(family), ModelOptions(sae=(f"own={folder}",), sites=("latent",))
    return Model(whole.network, whole.tokenizer, name="x", options=options, max_tokens=64, body=whole.body)


def loss_with(model: Model, texts: Texts, row: int, change: Any) -> float:
    """Give a text's loss where a function changes the states of block 1's input, by plain hooks."""
    inputs = texts.inputs(np.array([row]))
    block: Any = model.body.layers[1]  # type: ignore[index]

    def hook(_module: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (change(args[0]), *args[1:])

    handle = block.register_forward_pre_hook(hook)
    try:
        with torch.no_grad():
            return float(texts.loss(texts.run(inputs), inputs))
    finally:
        handle.remove()


def test_ablating_a_latent_takes_its_direction_off(tmp_path: Path) -> None:
    model = with_latents(tmp_path / "sae", kind="jumprelu")
    tensors = {name: each.numpy() for name, each in load_file(tmp_path / "sae/sae_weights.safetensors").items()}
    texts = Texts(model, SENTENCES)
    column, cfg = 11, {"apply_b_dec_to_input": True}

    def without(states: Tensor) -> Tensor:
        flat = states.reshape(-1, 16).numpy()
        own = np.array([latents_of(each, cfg, tensors)[column] for each in flat])
        made = flat - own[:, None] * tensors["W_dec"][column]
        return torch.from_numpy(made.astype(np.float32)).reshape(states.shape)

    total = sum(
        (loss_with(model, texts, row, without) - loss_with(model, texts, row, lambda each: each))
        * texts.weights[row]
        for row in np.flatnonzero(texts.usable).tolist()
    )
    options = EditOptions(to="zero", controls=2)
    row = ablate(model, [f"latent.own.1.{column}"], on=SENTENCES, options=options).to_pylist()[0]
    assert abs(row["score"]) > 1e-6
    assert row["score"] == pytest.approx(total / texts.weights.sum(), abs=1e-5)


def test_all_latents_are_estimated_from_one_pass(tmp_path: Path) -> None:
    model = with_latents(tmp_path / "sae")
    table = ablate(model, ["latent.own.1"], on=SENTENCES, each=True)
    assert table.num_rows == LATENTS
    assert (provenance(table).details["rank_correlation"] or 0) > 0.6


@pytest.mark.parametrize(
    "hook", ["blocks.0.hook_resid_pre", "blocks.1.hook_resid_post", "blocks.2.hook_mlp_out", "blocks.2.attn.hook_z"]
)
def test_the_rest_of_a_network_is_that_of_whole_passes(tmp_path: Path, hook: str) -> None:
    model = with_latents(tmp_path / "sae", hook_name=hook)
    texts = Texts(model, SENTENCES)
    place = model.taps[0].place
    rest = Rest(texts, place.site, place.layer)
    rows = np.arange(3)
    plain = rest.plain(rows)

    def raise_one(states: Tensor) -> Tensor:
        states[..., 5] += 2.0
        return states

    got = rest.edited(plain, torch.arange(3), raise_one)
    with torch.no_grad(), edit(model, {f"{place.site}.{place.layer}.5": ("add", 2.0)}):
        expected = texts.run(texts.inputs(rows))
    real = plain.inputs.mask.bool()
    torch.testing.assert_close(got[real], expected[real], atol=1e-4, rtol=1e-4)
    assert (got[real] - plain.result[real]).abs().max() > 1e-4
    assert rest.n_skipped == max(0, place.layer - 1)


def test_a_latent_writes_its_decoders_direction(tmp_path: Path) -> None:
    model = with_latents(tmp_path / "sae")
    rows = {each["address"]: each for each in writes(model, ["latent.own.1"]).to_pylist()}
    decoder_rows = load_file(tmp_path / "sae/sae_weights.safetensors")["W_dec"]
    scores = (decoder_rows @ unembedding_of(model).weight.T).numpy().astype(np.float64)
    z = (scores - scores.mean(0)) / scores.std(0)
    assert len(rows) == LATENTS
    for number, own in enumerate(z):
        row = rows[f"latent.own.1.{number}"]
        if row["promotes_z"]:
            assert row["promotes_z"][0] == pytest.approx(own.max(), rel=1e-3)


def test_before_a_projection_directions_go_through_it(tmp_path: Path) -> None:
    model = with_latents(tmp_path / "sae", width=24, hook_name="blocks.1.mlp.hook_post")
    block: Any = model.body.layers[1]  # type: ignore[index]
    rows = load_file(tmp_path / "sae/sae_weights.safetensors")["W_dec"]
    found = _directions(tap_at(model, "latent.own", 2), torch.device("cpu"))
    torch.testing.assert_close(found, rows @ block.mlp.down_proj.weight.detach().T)


def test_steering_by_a_latent_changes_what_is_generated(tmp_path: Path) -> None:
    model = with_latents(tmp_path / "sae")
    ids = torch.tensor([model.tokenizer(["the film was"])["input_ids"][0]])
    network: Any = model.network
    given: dict[str, Any] = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0}
    plain = network.generate(ids, **given)
    with edit(model, {"latent.own.1.4": ("add", 0.0)}) as report:
        assert torch.equal(network.generate(ids, **given), plain)
    assert report.touched["latent.own.1.4"].n_calls == 6
    made = [plain]
    for number in range(4):
        with edit(model, {f"latent.own.1.{number}": ("add", 80.0)}):
            made.append(network.generate(ids, **given))
    assert len({tuple(each[0].tolist()) for each in made}) > 1
