"""Networks of which only some blocks have a site: hybrids of attention and recurrences, mixtures of experts."""

from functools import cache
from typing import Any

import pytest
import torch
import transformers
from packaging.version import Version
from torch import Tensor, nn

from neurolect.errors import ModelError
from neurolect.model.architecture.structure import parts_by_token
from neurolect.model.language_model import Model
from neurolect.model.options import ModelOptions
from tests.tiny_models import N_TOKENS, tiny_tokenizer

_ATTENTION = {
    "num_hidden_layers": 4,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 24,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "pad_token_id": 0,
}
_MAMBA = {"mamba_d_state": 4, "mamba_d_conv": 2, "mamba_expand": 2}
_MAMBA_2 = {**_MAMBA, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_chunk_size": 8}
_EXPERTS = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 20}
_ROUTED = {
    "first_k_dense_replace": 2,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 20,
    "n_group": 2,
    "topk_group": 1,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "Jamba": {
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
        "num_experts": 2,
        "use_mamba_kernels": False,
        "mamba_dt_rank": 4,
        **_MAMBA,
    },
    "Zamba": {
        "layers_block_type": ["mamba", "hybrid"] * 2,
        "attention_head_dim": 16,
        "mamba_dt_rank": 4,
        "use_mamba_kernels": False,
        "n_mamba_heads": 2,
        **_MAMBA,
    },
    "Bamba": {"attn_layer_indices": [1, 3], **_MAMBA_2},
    "NemotronH": {
        "layers_block_type": ["mamba", "mlp", "attention", "mlp"],
        "mamba_num_heads": 4,
        "mamba_head_dim": 8,
        "n_groups": 1,
        "ssm_state_size": 4,
        "chunk_size": 8,
        "head_dim": 8,
        "conv_kernel": 2,
    },
    "Lfm2": {"full_attn_idxs": [1, 3], "block_auto_adjust_ff_dim": False},
    "RecurrentGemma": {"lru_width": 16, "attention_window_size": 8},
    "Qwen3Moe": {"head_dim": 8, "mlp_only_layers": [0, 2], **_EXPERTS},
    "Glm4Moe": {"head_dim": 8, **_ROUTED},
}
DOWN: dict[str, tuple[str, list[int], list[int]]] = {
    "Jamba": ("feed_forward.down_proj", [1, 3], [2, 4]),
    "Zamba": ("shared_transf.feed_forward.down_proj", [2, 4], [2, 4]),
    "Bamba": ("feed_forward.down_proj", [1, 2, 3, 4], [2, 4]),
    "NemotronH": ("mixer.down_proj", [2, 4], [3]),
    "Lfm2": ("feed_forward.w2", [1, 2, 3, 4], [2, 4]),
    "RecurrentGemma": ("mlp_block.down_proj", [1, 2, 3, 4], [3]),
    "Qwen3Moe": ("mlp.down_proj", [1, 3], [1, 2, 3, 4]),
    "Glm4Moe": ("mlp.down_proj", [1, 2], [1, 2, 3, 4]),
}
"""By family the down-projection, and the layers that have it and an attention, as a reader of its code finds."""


@cache
def network(family: str) -> Any:
    if family == "NemotronH" and Version(transformers.__version__) < Version("5.6"):
        pytest.skip("before transformers 5.6 its blocks have other names")
    config = getattr(transformers, f"{family}Config")(vocab_size=N_TOKENS, **_ATTENTION, **SETTINGS[family])
    torch.manual_seed(0)
    return transformers.AutoModel.from_config(config).eval()


def model_of(family: str, *sites: str, layers: tuple[int, ...] | None = None, path: tuple[str, ...] = ()) -> Model:
    options = ModelOptions(sites=sites, layers=layers, site_path=path)
    return Model(network(family), tiny_tokenizer(special=False), name=family, options=options, max_tokens=64)


@pytest.mark.parametrize("family", SETTINGS)
def test_the_layers_that_have_a_site_are_read_and_the_others_named(family: str) -> None:
    down, with_mlp, with_attention = DOWN[family]
    model = model_of(family, "hidden", "mlp", "attn", "head")
    sites = model.options.sites
    own = {site: [tap for tap in model.taps if tap.place.site == site] for site in sites}
    layers = {site: [tap.place.layer for tap in taps] for site, taps in own.items()}
    expected = {"hidden": [1, 2, 3, 4], "mlp": with_mlp, "attn": with_attention, "head": with_attention}
    assert layers == expected
    blocks: Any = model.body.layers
    assert [tap.module for tap in own["mlp"]] == [blocks[each - 1].get_submodule(down) for each in with_mlp]
    for site, has in (("mlp", with_mlp), ("attn", with_attention)):
        listed = ", ".join(map(str, has))
        said = f"The site {site} of a {family}Model is read at the layers {listed};"
        assert any(each.startswith(said) for each in model.notices) == (len(has) < 4)
    values = model.activations(["this film is good", "a car"])
    assert values.shape == (2, model.neurons.n_neurons)


def test_a_layer_without_the_site_is_refused_by_number() -> None:
    with pytest.raises(ModelError, match=r"mlp\.2 is not found: .*mixture of experts(.|\n)*model\.layers=1,3"):
        model_of("Qwen3Moe", "mlp", layers=(1, 2))
    assert model_of("Qwen3Moe", "mlp", layers=(3,)).notices == []
    with pytest.raises(ModelError, match=r"attn\.1 is not found: (.|\n)*model\.layers=3") as error:
        model_of("NemotronH", "attn", layers=(1, 3))
    assert "mixer.in_proj" in str(error.value)


def test_a_module_that_never_runs_is_refused() -> None:
    spare = network("Bamba").layers[0]
    spare.register_module("spare", nn.Linear(24, 16))
    try:
        with pytest.raises(ModelError, match=r"mlp\.1 is not found: .*no linear module of that name ran"):
            model_of("Bamba", "mlp", path=("mlp=spare",))
    finally:
        del spare.spare


def test_one_module_of_several_layers_has_no_layers_neurons() -> None:
    shared = network("Bamba").layers
    own = shared[1].feed_forward.down_proj
    shared[1].feed_forward.down_proj = shared[0].feed_forward.down_proj
    try:
        model = model_of("Bamba", "mlp")
        assert [tap.place.layer for tap in model.taps] == [3, 4]
        with pytest.raises(ModelError, match=r"mlp\.1 is not found(.|\n)*shared with another layer"):
            model_of("Bamba", "mlp", layers=(1,))
    finally:
        shared[1].feed_forward.down_proj = own


class _Running(nn.Module):
    """A running sum, so that each token sees those before it."""

    def forward(self, states: Tensor) -> Tensor:
        return states.cumsum(1)


def test_a_part_is_by_token_where_the_order_of_tokens_does_not_matter() -> None:
    torch.manual_seed(0)
    alike, running, masked = nn.Linear(4, 4), _Running(), nn.Bilinear(4, 4, 4)
    states = torch.randn(2, 7, 4)

    def run() -> None:
        with torch.inference_mode():
            alike(states)
            running(states)
            masked(states, states)

    assert parts_by_token([alike, running, masked], run) == {alike}
