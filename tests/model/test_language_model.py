"""Sentences to activations, end to end on tiny networks."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from neurolect.errors import ModelError
from neurolect.model.batching import plan_batches
from neurolect.model.language_model import Model
from neurolect.model.options import ModelOptions
from tests.model.networks import TEXTS, encoder, tiny_model
from tests.reference.pooling import pool_plainly
from tests.tiny_models import tiny_tokenizer

ALL = np.arange(len(TEXTS))


@pytest.mark.parametrize("special_tokens", ["exclude", "include"])
@pytest.mark.parametrize("pooling", ["mean", "max", "first", "last"])
def test_activations_are_pooled_hidden_states(pooling: str, special_tokens: str) -> None:
    model = tiny_model("Bert", ModelOptions(pooling=pooling, special_tokens=special_tokens))
    got = model.read(model.pad(model.tokenize(TEXTS), ALL))
    assert got.values.dtype == np.float32
    assert got.values.flags.c_contiguous
    assert (got.tokens is not None) == (pooling == "max")
    for row, text in enumerate(TEXTS):
        ids = torch.tensor(model.tokenizer([text])["input_ids"])
        with torch.no_grad():
            states = model.network(input_ids=ids, output_hidden_states=True).hidden_states
        flat = np.concatenate([each[0].double().numpy() for each in states[1:]], axis=1)
        edge = 1 if special_tokens == "exclude" else 0
        values, tokens = pool_plainly(flat, first=edge, end=ids.shape[1] - edge, pooling=pooling)
        np.testing.assert_allclose(got.values[row], values, atol=1e-5)
        if got.tokens is not None:
            assert got.tokens[row].tolist() == tokens.tolist()


@pytest.mark.parametrize(
    "family", ["Bert", "Roberta", "MPNet", "ModernBert", "DebertaV2", "GPT2", "Llama", "T5", "OPT"]
)
def test_activations_do_not_depend_on_the_batch(family: str) -> None:
    model = tiny_model(family, ModelOptions(sites=("hidden", "mlp", "attn", "head")))
    sentences = model.tokenize(TEXTS)
    together = model.read(model.pad(sentences, ALL)).values
    for budget in (1, 40):
        apart = np.empty_like(together)
        for positions in plan_batches(sentences.lengths, token_budget=budget):
            apart[positions] = model.read(model.pad(sentences, positions)).values
        np.testing.assert_allclose(apart, together, atol=1e-5, rtol=1e-5)


def test_a_model_knows_itself() -> None:
    model = tiny_model("Bart")
    assert (model.name, model.architecture, model.n_layers, model.max_tokens) == ("Bart", "BartEncoder", 3, 64)
    assert model.n_parameters == sum(each.numel() for each in encoder("Bart").parameters())
    assert model.device.type == "cpu"
    assert model.neurons.n_neurons == 48


def test_reduced_precision_gives_float32_activations_near_the_full_ones() -> None:
    network = encoder("Bert")
    full = tiny_model("Bert").read(tiny_model("Bert").pad(tiny_model("Bert").tokenize(TEXTS), ALL)).values
    half = Model(
        copy.deepcopy(network).to(torch.bfloat16),
        tiny_tokenizer(),
        name="half",
        options=ModelOptions(dtype="bfloat16"),
        max_tokens=64,
    )
    got = half.read(half.pad(half.tokenize(TEXTS), ALL)).values
    assert got.dtype == np.float32
    assert 1e-6 < np.abs(got - full).mean() < 0.05


def test_a_sentence_with_nothing_to_pool_is_refused() -> None:
    model = tiny_model("Bert")
    sentences = model.tokenize(["a", "", "the"])
    assert sentences.empty.tolist() == [1]
    with pytest.raises(ModelError, match=r"Sentence 1 of the batch has no token to pool(.|\n)*listed in `empty`"):
        model.pad(sentences, np.array([0, 1]))


def test_a_limit_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ModelError, match=r"may have 2 model tokens, and the tokenizer adds 2"):
        Model(encoder("Bert"), tiny_tokenizer(), name="b", options=ModelOptions(), max_tokens=2)


def test_a_network_that_cannot_run_is_refused() -> None:
    def fail(module: torch.nn.Module, args: object) -> None:
        message = "\"gelu\" not implemented for 'Half'\nmore lines"
        raise RuntimeError(message)

    network = copy.deepcopy(encoder("Bert"))
    network.register_forward_pre_hook(fail)
    with pytest.raises(
        ModelError, match=r"does not run with float16 on cpu: \"gelu\" not implemented for 'Half'\n"
    ):
        Model(network, tiny_tokenizer(), name="n", options=ModelOptions(dtype="float16"), max_tokens=64)


def test_a_network_without_hidden_states_is_refused() -> None:
    network = copy.deepcopy(encoder("Bert"))
    network.register_forward_hook(lambda module, args, output: SimpleNamespace(logits=output))
    with pytest.raises(ModelError, match="A BertModel gives no hidden states"):
        Model(network, tiny_tokenizer(), name="n", options=ModelOptions(), max_tokens=64)


@pytest.mark.parametrize("family", ["Bert", "GPT2"])
def test_activations_of_texts_are_the_means_of_hugging_faces_own_states(family: str) -> None:
    model = tiny_model(family)
    texts = [*TEXTS, "", TEXTS[0]]
    got = model.activations(texts)
    assert got.shape == (len(texts), len(model.addresses))
    assert got.dtype == np.float32
    assert model.addresses[:1] + model.addresses[-1:] == ["hidden.1.0", "hidden.3.15"]
    assert np.isnan(got[-2]).all()
    for text, row in zip(texts, got, strict=True):
        ids = model.tokenizer([text])["input_ids"][0]
        if text:
            with torch.no_grad():
                states = model.body(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[1:]
            special = slice(1, -1) if family == "Bert" else slice(None)
            expected = torch.cat([each[0, special].mean(0) for each in states])
            np.testing.assert_allclose(row, expected.numpy(), atol=1e-5)
    with pytest.raises(ModelError, match=r"one text: 'a dog'(.|\n)*a list"):
        model.activations("a dog")
    assert model.activations([]).shape == (0, 48)
