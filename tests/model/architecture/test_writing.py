"""What is read can be set: in every family, at every site, and nothing else changes."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neurolect.errors import ModelError
from neurolect.model import Model, ModelOptions, load_model
from neurolect.model.architecture.taps import Tap, hand_over, listen, write
from tests.model.architecture.test_taps import HOOKED
from tests.model.networks import TEXTS, tiny_model
from tests.tiny_models import tiny_network, tiny_tokenizer

EVERYWHERE = [
    *((each, ("hidden", "mlp", "attn", "head")) for each in HOOKED if each != "Mixtral"),
    ("Mixtral", ("hidden", "attn", "head")),
    ("Albert", ("hidden",)),
    ("XLNet", ("hidden",)),
]
ALL_LAYERS = (0, 1, 2, 3)


def whole(family: str, sites: tuple[str, ...]) -> Model:
    return tiny_model(family, ModelOptions(sites=sites, layers=ALL_LAYERS))


def run(model: Model) -> Any:
    batch = model.pad(model.tokenize(TEXTS), np.arange(len(TEXTS)))
    with torch.no_grad():
        return model.body(
            input_ids=batch.ids, attention_mask=batch.mask, output_hidden_states=True, **model.keywords
        )


def n_hooks(model: Model) -> int:
    return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in model.body.modules())


def same(_number: int, states: Tensor) -> Tensor:
    return states


def copied(_number: int, states: Tensor) -> Tensor:
    return states.clone()


@pytest.mark.parametrize(("family", "sites"), EVERYWHERE)
@pytest.mark.parametrize("edit", [same, copied])
def test_what_is_written_back_changes_not_one_bit(family: str, sites: tuple[str, ...], edit: Any) -> None:
    model = whole(family, sites)
    expected, before = run(model), n_hooks(model)
    with write(model.body, model.taps, edit=edit):
        got = run(model)
    assert torch.equal(got.last_hidden_state, expected.last_hidden_state)
    assert all(torch.equal(a, b) for a, b in zip(got.hidden_states, expected.hidden_states, strict=True))
    assert n_hooks(model) == before


def read_one(model: Model, tap: Tap, number: int) -> tuple[list[Tensor], Any]:
    """Read a tap after it was written; of what only the network's result shows, that."""
    seen: list[Tensor] = []
    with listen([tap], receive=lambda _, states: seen.append(states.clone())):
        result = run(model)
    if tap.reads == "last_hidden_state":
        hand_over([tap], result, receive=lambda _, states: seen.append(states))
    return seen, result


@pytest.mark.parametrize(("family", "sites"), EVERYWHERE)
def test_what_is_set_is_read_and_acts(family: str, sites: tuple[str, ...]) -> None:
    model = whole(family, sites)
    expected = run(model).last_hidden_state
    for number, tap in enumerate(model.taps):
        calls: list[tuple[int, torch.Size]] = []

        def first_neuron(number: int, states: Tensor, calls: list[Any] = calls) -> Tensor:
            calls.append((number, states.shape))
            return torch.cat([torch.full_like(states[..., :1], 3.0), states[..., 1:]], dim=-1)

        with write(model.body, [tap], edit=first_neuron):
            seen, result = read_one(model, tap, number)
        assert len(calls) == 1, tap.place
        assert calls[0][0] == 0
        assert calls[0][1][-1] == tap.place.width
        for states in seen:
            assert (states[..., 0] == 3.0).all()
        assert not torch.equal(result.last_hidden_state, expected), tap.place
        if tap.target is not None and tap.target.module is model.body:
            assert (result.last_hidden_state[..., 0] == 3.0).all()
            assert torch.equal(result.last_hidden_state[..., 1:], expected[..., 1:])
            assert torch.equal(result.hidden_states[-1], result.last_hidden_state)
    assert torch.equal(run(model).last_hidden_state, expected)


@pytest.mark.parametrize("family", ["Albert", "XLNet"])
@pytest.mark.parametrize("layer", ALL_LAYERS)
def test_states_that_only_the_network_reports_are_set_by_layer(family: str, layer: int) -> None:
    """Writing the states of other sentences in makes the rest of the network compute from these."""
    model = whole(family, ("hidden",))
    result = run(model)
    order = torch.tensor([3, *range(1, len(TEXTS))])
    batch = model.pad(model.tokenize([TEXTS[3], *TEXTS[1:]]), np.arange(len(TEXTS)))
    mask_too = {"input_ids": batch.ids, "attention_mask": batch.mask}
    with torch.no_grad():
        other = model.body(**mask_too, output_hidden_states=True, **model.keywords)
    with write(model.body, [model.taps[layer]], edit=lambda _, states: other.hidden_states[layer]), torch.no_grad():
        got = model.body(**mask_too, **model.keywords).last_hidden_state
    assert torch.equal(got, other.last_hidden_state)
    assert len(order) == len(result.last_hidden_state)


def test_it_is_undone_after_an_exception_and_when_nested() -> None:
    model = whole("Bert", ("hidden", "mlp"))
    expected, before = run(model).last_hidden_state, n_hooks(model)

    def fail(_number: int, _states: Tensor) -> Tensor:
        raise KeyError

    with pytest.raises(KeyError), write(model.body, model.taps, edit=fail):
        run(model)
    assert n_hooks(model) == before
    with write(model.body, model.taps[:1], edit=lambda _, states: states + 1):
        outer = run(model).last_hidden_state
        with write(model.body, model.taps[:1], edit=lambda _, states: states - 1):
            torch.testing.assert_close(run(model).last_hidden_state, expected, atol=1e-5, rtol=0)
        assert torch.equal(run(model).last_hidden_state, outer)
    assert torch.equal(run(model).last_hidden_state, expected)
    assert n_hooks(model) == before


def test_a_tuple_is_written_and_the_rest_of_it_kept() -> None:
    model = tiny_model("Bert", ModelOptions(layers=(3,)))
    batch = model.pad(model.tokenize(TEXTS), np.arange(3))
    with write(model.body, model.taps, edit=lambda _, states: states * 0), torch.no_grad():
        got = model.body(input_ids=batch.ids, attention_mask=batch.mask, return_dict=False)
    assert isinstance(got, tuple)
    assert not got[0].any()


def test_another_shape_and_states_that_were_not_found_are_refused() -> None:
    model = whole("Bert", ("hidden",))
    with (
        pytest.raises(ModelError, match=r"The edit of hidden\.2 gave values of shape \(8, 1"),
        write(model.body, model.taps[2:3], edit=lambda _, states: states[:, :1]),
    ):
        run(model)
    lost = model.taps[0]._replace(target=None)
    with (
        pytest.raises(ModelError, match=r"hidden\.0 of a BertModel can be read but not set"),
        write(model.body, [lost], edit=same),
    ):
        pass


def test_packed_batches_and_half_precision_are_written() -> None:
    model = tiny_model("Bert", ModelOptions(packing="on", sites=("hidden", "mlp")))
    batch = model.batch(model.tokenize(TEXTS), np.arange(len(TEXTS)))
    expected = model.read(batch).values
    with write(model.body, model.taps, edit=copied):
        assert np.array_equal(model.read(batch).values, expected)
    network = tiny_network("Bert").to(torch.bfloat16)
    half = Model(network, tiny_tokenizer(), name="half", options=ModelOptions(), max_tokens=64)
    with write(half.body, half.taps, edit=lambda _, states: states.float() * 0 + 1):
        got = half.read(half.pad(half.tokenize(TEXTS), np.arange(len(TEXTS)))).values
    np.testing.assert_allclose(got, 1.0, rtol=1e-6)


def test_tokens_are_generated_with_edits(tmp_path: Any) -> None:
    import transformers

    config = tiny_network("Llama").config
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tiny_tokenizer(special=False).save_pretrained(tmp_path)
    model = load_model(str(tmp_path), head="lm", options=ModelOptions(sites=("mlp",)))
    network: Any = model.network
    ids = torch.tensor([[9, 10, 11]])
    usual = network.generate(ids, max_new_tokens=5, do_sample=False, pad_token_id=0, eos_token_id=None)
    lengths: list[int] = []

    def strong(_number: int, states: Tensor) -> Tensor:
        lengths.append(states.shape[1])
        return states + 5.0

    with write(model.body, model.taps[:1], edit=strong):
        edited = network.generate(ids, max_new_tokens=5, do_sample=False, pad_token_id=0, eos_token_id=None)
    assert lengths == [3, 1, 1, 1, 1]
    assert not torch.equal(edited, usual)
