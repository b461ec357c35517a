"""Pooling against its plain twin."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.model.batching import PaddedBatch
from neurolect.model.pooling.padded import pool, spans_of
from tests.reference.pooling import pool_plainly

POOLINGS = ("mean", "max", "first", "last")


def batch_of(spans: list[tuple[int, int]], longest: int) -> PaddedBatch:
    ids = torch.zeros(len(spans), longest, dtype=torch.int64)
    return PaddedBatch(ids, ids + 1, torch.tensor([a for a, _ in spans]), torch.tensor([b for _, b in spans]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[torch.Tensor, list[tuple[int, int]]]:
    longest, n_rows = draw(st.integers(1, 9)), draw(st.integers(1, 4))
    pairs = [
        sorted(draw(st.lists(st.integers(0, longest), min_size=2, max_size=2, unique=True))) for _ in range(n_rows)
    ]
    # Few different values, so that ties are common.
    numbers = st.lists(st.integers(-3, 3), min_size=n_rows * longest * 3, max_size=n_rows * longest * 3)
    states = torch.tensor(draw(numbers), dtype=torch.float32).reshape(n_rows, longest, 3) / 2
    return states, [(a, b) for a, b in pairs]


@pytest.mark.parametrize("pooling", POOLINGS)
@settings(max_examples=60)
@given(case=cases())
def test_pooling_equals_its_plain_twin(pooling: str, case: tuple[torch.Tensor, list[tuple[int, int]]]) -> None:
    states, spans = case
    out = torch.full((len(spans), 5), 9.0)
    tokens = torch.full((len(spans), 5), 9, dtype=torch.int16)
    spans_tensor = spans_of(batch_of(spans, states.shape[1]))
    pool(states, spans=spans_tensor, pooling=pooling, out=out[:, 1:4], tokens=tokens[:, 1:4])
    for row, (first, end) in enumerate(spans):
        values, at = pool_plainly(states[row].double().numpy(), first=first, end=end, pooling=pooling)
        np.testing.assert_allclose(out[row, 1:4].numpy(), values, rtol=1e-6, atol=1e-6)
        if pooling == "max":
            assert tokens[row, 1:4].tolist() == at.tolist()
    # Nothing next to the columns is touched.
    assert (out[:, [0, 4]] == 9).all()
    assert (tokens[:, [0, 4]] == 9).all()


def test_maxima_beyond_the_255th_token_keep_their_place() -> None:
    states = torch.zeros(1, 400, 2)
    states[0, 390, 0] = states[0, 395, 0] = 5
    out, tokens = torch.empty(1, 2), torch.empty(1, 2, dtype=torch.int16)
    pool(states, spans=spans_of(batch_of([(1, 399)], 400)), pooling="max", out=out, tokens=tokens)
    assert tokens.tolist() == [[390, 1]]
    assert out.tolist() == [[5, 0]]


def test_half_precision_states_are_averaged_in_float32() -> None:
    states = torch.full((1, 300, 1), 300.0, dtype=torch.float16)
    out = torch.empty(1, 1)
    pool(states, spans=spans_of(batch_of([(0, 300)], 300)), pooling="mean", out=out)
    # The sum, 90000, is beyond float16.
    assert out.item() == pytest.approx(300, rel=1e-6)


def test_not_a_number_survives_the_maximum() -> None:
    states = torch.tensor([[[1.0], [torch.nan], [2.0]]])
    out, tokens = torch.empty(1, 1), torch.empty(1, 1, dtype=torch.int16)
    pool(states, spans=spans_of(batch_of([(0, 3)], 3)), pooling="max", out=out, tokens=tokens)
    assert torch.isnan(out).all()
    assert tokens.item() == 0
