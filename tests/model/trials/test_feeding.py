"""Every family gives for a sentence in a batch what plain Hugging Face gives for it alone, or is refused."""

import copy
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurolect.errors import ModelError
from neurolect.model.batching import Feeding
from neurolect.model.language_model import Model
from neurolect.model.options import ModelOptions
from neurolect.model.trials import feeding, remembered
from tests.model.families import SETTINGS, network_of
from tests.model.networks import TEXTS, encoder
from tests.tiny_models import tiny_tokenizer

ALL = np.arange(len(TEXTS) + 1)
SENTENCES = [*TEXTS, TEXTS[3] + " " + TEXTS[7]]
"""From 3 to 58 model tokens."""

NOT_AS_USUAL = {
    "FNet": Feeding("equal"),
    "Yoso": Feeding("equal"),
    "ConvBert": Feeding("equal"),
    "MobileBert": Feeding("equal"),
    "Canine": Feeding("equal", 4),
    "Funnel": Feeding("equal", 5),
}
REFUSED = {
    "Nystromformer": r"of 64 tokens, segment_means_seq_len of its config.json, and not of 1, 2, 3, 4, 5, 6 \.\.\.: "
    r"shape(.|\n)*use another model",
    "Reformer": r"no state for each token: sentences of \d+ tokens have \d+ states at hidden.1(.|\n)*layers=3",
    "BigBird": r"no state for each token: sentences of 41 tokens have 44 states at hidden.1(.|\n)*model.layers=3",
    "BigBirdPegasus": r"no state for each token: sentences of 41 tokens have 44 states at hidden.1",
}
SOME = ["FNet", "Canine", "Funnel", "BigBird", "ConvBert", "Longformer", "Rwkv", "Nystromformer"]
"""One of each kind, in the default tests; the others are slow ones."""
FAMILIES = [each if each in SOME else pytest.param(each, marks=pytest.mark.slow) for each in SETTINGS]


def model_of(network: Any, *, special: bool = True, name: str = "n", **options: Any) -> Model:
    return Model(
        network, tiny_tokenizer(special=special), name=name, options=ModelOptions(**options), max_tokens=64
    )


def alone(network: Any, ids: list[int], *, least: int) -> list[Tensor]:
    """Run one sentence as plain Hugging Face does; states of the tokens, a tensor a layer."""
    padded = torch.tensor([ids + [0] * (least - len(ids))])
    mask = torch.tensor([[1] * len(ids) + [0] * (least - len(ids))])
    with torch.no_grad():
        result = network(input_ids=padded, attention_mask=mask, output_hidden_states=True)
    return [each[0, : len(ids)] for each in result.hidden_states]


@pytest.mark.parametrize("family", FAMILIES)
def test_padded_is_alone_is_hugging_face(family: str) -> None:
    network = network_of(family)
    if family in REFUSED:
        with pytest.raises(ModelError, match=REFUSED[family]):
            model_of(network)
        return
    compare(network, NOT_AS_USUAL.get(family, Feeding()))


def test_what_runs_on_one_length_with_few_landmarks_runs_on_any_with_as_many_as_its_segment() -> None:
    compare(network_of("Nystromformer", num_landmarks=64), Feeding("equal"))


def compare(network: Any, expected_feeding: Feeding) -> None:
    """Compare a model in three sizes of batches with its network, one sentence at a time."""
    fresh = copy.deepcopy(network)
    model = model_of(network)
    assert model.feeding == expected_feeding
    tokens = model.tokenize(SENTENCES)
    expected = np.empty((len(SENTENCES), model.neurons.n_neurons), np.float32)
    layers = [each.layer for each in model.neurons.site_layers]
    for row in ALL:
        ids = tokens.ids[tokens.offsets[row] : tokens.offsets[row + 1]].tolist()
        states = alone(copy.deepcopy(fresh), ids, least=model.feeding.least)
        expected[row] = torch.cat([states[each][1:-1].mean(0) for each in layers]).numpy()
    for budget in (1, 100, 4_096):
        got = np.empty_like(expected)
        for rows in model.way.plan(tokens, token_budget=budget):
            got[rows] = model.read(model.batch(tokens, rows)).values
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    unusual = [
        model.feeding.together != "any",
        model.feeding.least > 0,
        model.feeding.afresh,
        len(set(layers)) < model.n_layers,
    ]
    assert len(model.notices) == sum(unusual)


@pytest.mark.slow
@pytest.mark.parametrize("family", [each for each in SETTINGS if each not in REFUSED])
def test_a_sentence_of_one_token_is_read(family: str) -> None:
    model = model_of(network_of(family), special=False)
    values = model.activations(["of", "movie of", "of"])
    assert np.isfinite(values).all()
    np.testing.assert_allclose(values[0], values[2], atol=1e-5)


def state_of(network: nn.Module) -> dict[str, Any]:
    """Give all that makes a network's results, and all random numbers, in a form that can be compared."""
    tensors = [*network.named_parameters(), *network.named_buffers()]
    plain = {
        f"{name}.{key}": repr(value)
        for name, module in network.named_modules()
        for key, value in vars(module).items()
        if isinstance(value, bool | int | float | str | None)
    }
    config: Any = network.config
    return {
        **{name: each.numpy().tobytes() for name, each in tensors},
        **plain,
        "modules": [(name, id(each)) for name, each in network.named_modules()],
        "config": config.to_json_string(),
        "attention": config._attn_implementation,
        "torch": torch.random.get_rng_state().numpy().tobytes(),
        "numpy": str(np.random.get_state()),
        "python": random.getstate(),
    }


@pytest.mark.parametrize("family", ["Bert", "FNet", "BigBird", "Funnel", "Yoso"])
def test_the_network_is_left_as_it_was_bit_for_bit(family: str) -> None:
    network = network_of(family)
    before = state_of(network)
    model_of(network, layers=(3,) if family == "BigBird" else None)
    after = state_of(network)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


@pytest.mark.parametrize("family", ["BigBird", "BigBirdPegasus"])
def test_a_network_that_changes_itself_is_put_back_before_every_batch(family: str) -> None:
    network = network_of(family)
    fresh = copy.deepcopy(network)
    model = model_of(network, layers=(3,))
    assert model.feeding == Feeding("equal", afresh=True)
    tokens = model.tokenize(SENTENCES)
    for row in (*ALL[::-1], *ALL):  # a short one after a long one, and the other way round
        ids = tokens.ids[tokens.offsets[row] : tokens.offsets[row + 1]].tolist()
        got = model.read(model.batch(tokens, np.array([row]))).values[0]
        expected = alone(copy.deepcopy(fresh), ids, least=0)[-1][: len(ids)][1:-1].mean(0)
        np.testing.assert_allclose(got, expected.numpy(), atol=1e-5)
    assert state_of(network) == state_of(fresh) | {"modules": state_of(network)["modules"]}


def test_a_network_that_rescales_its_weights_does_so_once() -> None:
    network = network_of("Rwkv")
    weights = network.blocks[2].attention.output.weight.clone()
    model_of(network)
    assert torch.equal(network.blocks[2].attention.output.weight, weights / 2)
    model_of(network)
    assert torch.equal(network.blocks[2].attention.output.weight, weights / 2)


def test_a_kernel_that_reads_out_of_range_is_named() -> None:
    network = copy.deepcopy(encoder("Bert"))

    def fail(module: object, args: object, kwargs: dict[str, Tensor]) -> None:
        if kwargs["input_ids"].shape[1] == 1:
            message = "CUDA error: device-side assert triggered"
            raise RuntimeError(message)

    network.register_forward_pre_hook(fail, with_kwargs=True)
    with pytest.raises(ModelError, match=r"reads outside of its tables on sentences of some(.|\n)*--device cpu"):
        model_of(network)


def hooked(hook: Any, *, at: str = "embeddings") -> Any:
    network = copy.deepcopy(encoder("Bert"))
    network.get_submodule(at).register_forward_hook(hook)
    return network


def test_a_random_network_is_refused_with_the_difference() -> None:
    network = hooked(lambda module, args, out: out + torch.rand_like(out))
    with pytest.raises(ModelError, match=r"gives other states each time that it runs: for one .* off by \d+%"):
        model_of(network)


def test_a_network_that_mixes_sentences_is_fed_one_by_one() -> None:
    model = model_of(hooked(lambda module, args, out: out + out.mean(dim=0, keepdim=True)))
    assert model.feeding == Feeding("alone")
    tokens = model.tokenize(["a car", "oil", "a film"])
    assert [each.tolist() for each in model.way.plan(tokens, token_budget=500)] == [[1], [0], [2]]
    assert "fed one at a time: a BertModel gives other states (off by" in model.notices[0]


def test_a_batch_that_the_network_cannot_take_is_refused() -> None:
    model = model_of(network_of("FNet"))
    tokens = model.tokenize(["a car", "oil", "of"])
    model.pad(tokens, np.array([1, 2]))
    with pytest.raises(ModelError, match=r"2 sentences of 3 to 4 tokens(.|\n)*fed equal(.|\n)*off by \d+"):
        model.pad(tokens, np.array([0, 1]))


@pytest.mark.parametrize("options", [{"packing": "on"}, {"backend": "openvino"}])
def test_other_ways_are_not_for_such_networks(options: dict[str, Any]) -> None:
    (key, value), *_ = options.items()
    with pytest.raises(ModelError, match=rf"model.{key} is '{value}', and Sentences of equal length"):
        model_of(network_of("FNet"), **options)


def test_layers_that_have_other_states_than_tokens_are_refused_by_number() -> None:
    with pytest.raises(ModelError, match=r"at the layers 2, 3(.|\n)*layers that have one: 0, 1, 4"):
        model_of(network_of("Funnel"), layers=(1, 2, 3))
    assert model_of(network_of("Funnel"), layers=(0, 4)).neurons.n_neurons == 32


def not_finite(module: object, args: object, out: Tensor) -> Tensor:
    return torch.full_like(out, torch.nan)


def test_a_layer_that_is_not_finite_does_not_hide_the_others() -> None:
    network = network_of("FNet")
    network.encoder.layer[2].register_forward_hook(lambda module, args, out: (not_finite(module, args, out[0]),))
    assert model_of(network).feeding == Feeding("equal")


def test_what_was_found_is_kept(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROLECT_CACHE", str(tmp_path))
    tried: list[Model] = []
    find = feeding._find

    def counted(model: Model, longest: int) -> feeding.Found:
        tried.append(model)
        return find(model, longest)

    monkeypatch.setattr(feeding, "_find", counted)

    def model(family: str, fingerprint: str = "f", **options: Any) -> Model:
        return Model(
            network_of(family),
            tiny_tokenizer(),
            name=family,
            options=ModelOptions(**options),
            max_tokens=64,
            fingerprint=fingerprint,
        )

    first, again = model("FNet"), model("FNet")
    assert (first.feeding, first.notices) == (again.feeding, again.notices)
    assert again.unlike == first.unlike != ""
    assert len(tried) == 1
    model("Longformer")
    assert {each.reads for each in model("Longformer").taps} == {"hidden_states"}
    assert len(tried) == 2
    others = [model("FNet", "g"), model("FNet", layers=(1,)), model("FNet", "")]
    assert tried[2:] == others
    del tried[2:]
    for path in tmp_path.glob("models/*"):
        path.write_text("{")
    assert model("FNet").feeding == first.feeding
    assert len(tried) == 3
    monkeypatch.setattr(remembered, "_VERSION", remembered._VERSION + 1)
    model("FNet")
    assert len(tried) == 4
