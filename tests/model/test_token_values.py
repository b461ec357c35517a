"""Activations at tokens against Hugging Face's own hidden states."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from neurolect.errors import ModelError
from neurolect.model import ModelOptions, plan_batches
from neurolect.model.token_values import read_token_values, token_values
from neurolect.model.word_alignment import token_spans
from tests.model.networks import TEXTS, tiny_model

ALL = np.arange(len(TEXTS))


@pytest.mark.parametrize("special_tokens", ["exclude", "include"])
@pytest.mark.parametrize("family", ["Bert", "GPT2"])
def test_values_are_the_hidden_states_at_the_tokens(family: str, special_tokens: str) -> None:
    model = tiny_model(family, ModelOptions(special_tokens=special_tokens))
    random = np.random.default_rng(0)
    rows, neurons = random.integers(0, len(TEXTS), 60), random.integers(0, model.neurons.n_neurons, 60)
    sentences = model.tokenize(TEXTS)
    found = token_values(model, model.pad(sentences, ALL), rows=rows, neurons=neurons)
    for row, neuron, values in zip(rows, neurons, found, strict=True):
        ids = torch.tensor(model.tokenizer([TEXTS[row]])["input_ids"])
        with torch.no_grad():
            states = model.network(input_ids=ids, output_hidden_states=True).hidden_states
        flat = np.concatenate([each[0].numpy() for each in states[1:]], axis=1)
        np.testing.assert_allclose(values, flat[sentences.first[row] : sentences.end[row], neuron], atol=1e-5)


@pytest.mark.parametrize("sites", [("hidden",), ("mlp", "attn", "head")])
def test_values_do_not_depend_on_the_batch_or_on_packing(sites: tuple[str, ...]) -> None:
    model = tiny_model("Bert", ModelOptions(sites=sites, packing="on"))
    sentences = model.tokenize(TEXTS)
    neurons = np.arange(0, model.neurons.n_neurons, 7)
    for row in ALL:
        rows = np.full(len(neurons), row)
        together = token_values(model, model.pad(sentences, ALL), rows=rows, neurons=neurons)
        packed = token_values(model, model.batch(sentences, ALL), rows=rows, neurons=neurons)
        batch = next(each for each in plan_batches(sentences.lengths, token_budget=1) if row in each)
        place = np.full(len(neurons), batch.tolist().index(row))
        alone = token_values(model, model.pad(sentences, batch), rows=place, neurons=neurons)
        for one, two, three in zip(together, alone, packed, strict=True):
            np.testing.assert_allclose(two, one, atol=1e-5)
            np.testing.assert_allclose(three, one, atol=2e-5)


def test_pooled_they_are_the_activations() -> None:
    model = tiny_model("Bert", ModelOptions(pooling="max"))
    sentences = model.tokenize(TEXTS)
    batch = model.pad(sentences, ALL)
    pooled = model.read(batch).values
    found = token_values(model, batch, rows=ALL, neurons=np.full(len(ALL), 5))
    assert [float(each.max()) for each in found] == pytest.approx(pooled[:, 5].tolist(), abs=1e-5)


def test_spans_are_the_characters_of_the_tokens() -> None:
    model = tiny_model("Bert")
    sentences = model.tokenize(TEXTS)
    for row, (text, spans) in enumerate(zip(TEXTS, token_spans(model, TEXTS, sentences=sentences), strict=True)):
        assert len(spans.starts) == sentences.end[row] - sentences.first[row]
        covered = "".join(text[start:end] for start, end in zip(*spans, strict=True))
        assert covered.replace(" ", "") == covered
        assert text.replace(" ", "").startswith(covered[:3])


def test_a_tokenizer_that_tells_no_characters_is_refused() -> None:
    model = tiny_model("Bert")
    sentences = model.tokenize(TEXTS)
    slow = SimpleNamespace(name="slow", tokenizer=SimpleNamespace())
    with pytest.raises(ModelError, match="does not say which characters"):
        token_spans(slow, TEXTS, sentences=sentences)  # type: ignore[arg-type]


@pytest.mark.parametrize("packing", ["on", "off"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_every_sentence_comes_once_with_spans_and_values_of_any_neurons(packing: str, dtype: str) -> None:
    model = tiny_model(
        "Bert", ModelOptions(sites=("hidden", "mlp", "attn", "head"), layers=(0, 2), packing=packing)
    )
    texts = [*TEXTS, "", TEXTS[1]]
    some = np.array([40, 3, 17, 3], np.int64)
    own = [np.array([k, 20 + k], np.int64)[: k % 3] for k in range(len(texts))]
    everything = {each.number: each for each in read_token_values(model, texts, dtype=dtype, token_budget=40)}
    assert sorted(everything) == list(range(len(texts)))
    for neurons in (some, own):
        for each in read_token_values(model, texts, neurons=neurons, dtype=dtype, token_budget=40):
            wanted = neurons if isinstance(neurons, np.ndarray) else neurons[each.number]
            assert each.values.dtype == dtype
            np.testing.assert_array_equal(each.values, everything[each.number].values[:, wanted])
            assert len(each.spans.starts) == len(each.values)
    means = model.activations(texts)
    for number, each in everything.items():
        assert each.values.shape == (len(each.spans.ends), model.neurons.n_neurons)
        if len(each.values):
            np.testing.assert_allclose(
                each.values.mean(0), means[number], atol=2e-2 if dtype == "float16" else 1e-5
            )
