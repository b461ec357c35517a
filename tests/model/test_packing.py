"""Packed sentences against padded ones: the same network, the same activations."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.errors import ModelError
from neurolect.model import Model, ModelOptions
from neurolect.model.batching import plan_packed
from neurolect.model.pooling.packed import Segments, pool_segments
from tests.model.networks import TEXTS, encoder, tiny_model
from tests.tiny_models import tiny_tokenizer

ALL = np.arange(len(TEXTS))
PACKABLE = ["Bert", "Roberta", "Electra", "ModernBert", "GPT2", "Llama", "Qwen2"]


@pytest.mark.parametrize("pooling", ["mean", "max", "first", "last"])
@pytest.mark.parametrize("family", PACKABLE)
def test_packed_equals_padded(family: str, pooling: str) -> None:
    model = tiny_model(family, ModelOptions(packing="on", pooling=pooling, sites=("hidden", "mlp", "attn", "head")))
    assert model.way.packed
    sentences = model.tokenize(TEXTS)
    positions = ALL[::-1].copy()
    padded = model.read(model.pad(sentences, positions))
    packed = model.read(model.batch(sentences, positions))
    np.testing.assert_allclose(packed.values, padded.values, atol=2e-5)
    if pooling == "max":
        assert packed.tokens is not None
        assert padded.tokens is not None
        assert (packed.tokens == padded.tokens).mean() > 0.999


@pytest.mark.parametrize("family", ["MPNet", "T5", "XLNet"])
def test_a_network_that_cannot_is_refused(family: str) -> None:
    with pytest.raises(ModelError, match=r"model\.packing is 'on', and a \w+ (does not take|gives other)"):
        Model(encoder(family), tiny_tokenizer(), name=family, options=ModelOptions(packing="on"), max_tokens=64)
    assert tiny_model(family).read(tiny_model(family).pad(tiny_model(family).tokenize(TEXTS), ALL)).values.any()


def test_on_a_cpu_sentences_are_padded() -> None:
    model = tiny_model("Bert")
    assert (model.way.packed, model.torch_way.because) == (False, "")


@settings(max_examples=60)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=60), budget=st.integers(1, 80))
def test_plans_hold_every_sentence_once_under_the_budget(lengths: list[int], budget: int) -> None:
    sizes = np.array(lengths)
    plan = plan_packed(np.arange(len(sizes)), lengths=sizes, token_budget=budget)
    assert np.concatenate(plan).tolist() == list(range(len(sizes)))
    assert all(0 < sizes[each[:-1]].sum() < budget or len(each) == 1 for each in plan)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 9), pooling=st.sampled_from(["mean", "max", "first", "last"])
)
def test_segments_equal_a_loop(seed: int, n: int, pooling: str) -> None:
    rng = np.random.default_rng(seed)
    origin = np.cumsum(rng.integers(0, 4, n) + 8) - 8
    start = origin + rng.integers(0, 3, n)
    stop = start + rng.integers(1, 5, n)
    states = torch.from_numpy(rng.integers(-4, 4, size=(int(stop[-1]) + 3, 5)).astype(np.float32))
    out, tokens = torch.empty(n, 5), torch.empty(n, 5, dtype=torch.int16)
    segments = Segments(*(torch.from_numpy(each.astype(np.int32)) for each in (origin, start, stop)))
    pool_segments(states, segments=segments, pooling=pooling, out=out, tokens=tokens)
    for row in range(n):
        own = states[start[row] : stop[row]]
        expected = {"mean": own.mean(0), "max": own.amax(0), "first": own[0], "last": own[-1]}[pooling]
        torch.testing.assert_close(out[row], expected)
        if pooling == "max":
            assert torch.equal(tokens[row], (own.argmax(0) + start[row] - origin[row]).to(torch.int16))
