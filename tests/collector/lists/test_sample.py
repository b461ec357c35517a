"""Uniform and quantile samples."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.collector.lists.quantiles import quantile_sample
from neurolect.collector.lists.sample import streamed_sample, uniform_sample


@settings(max_examples=50)
@given(n=st.integers(0, 400), size=st.integers(1, 500), seed=st.integers(-5, 2**40))
def test_same_sample_in_any_order_and_prefixes_nest(n: int, size: int, seed: int) -> None:
    ids = np.arange(n, dtype=np.int64) * 3
    sample = uniform_sample(ids, size=size, seed=seed)
    assert len(sample) == min(n, size)
    assert len(np.unique(sample)) == len(sample)
    assert np.isin(sample, ids).all()
    shuffled = np.random.default_rng(1).permutation(ids)
    assert np.array_equal(uniform_sample(shuffled, size=size, seed=seed), sample)
    assert np.array_equal(uniform_sample(ids, size=max(1, size // 2), seed=seed), sample[: max(1, size // 2)])


def test_is_uniform() -> None:
    ids = np.arange(1000, dtype=np.int64)
    hits = np.zeros(1000)
    for seed in range(400):
        hits[uniform_sample(ids, size=100, seed=seed)] += 1
    # binomial(400, 0.1): mean 40, deviation 6
    assert abs(hits.mean() - 40) < 1e-9
    assert 5.4 < hits.std() < 6.6
    assert abs(hits[:500].mean() - 40) < 1


def test_quantiles_cover_each_tenth() -> None:
    rng = np.random.default_rng(3)
    activations = rng.standard_normal((2, 95)).astype(np.float32)
    activations[1, 60:] = np.nan
    chosen = quantile_sample(activations, per_quantile=4)
    assert chosen.shape == (2, 10, 4)
    for neuron, n_valid in ((0, 95), (1, 60)):
        rank = np.argsort(np.argsort(activations[neuron], kind="stable"), kind="stable")
        for quantile in range(10):
            ranks = rank[chosen[neuron, quantile]]
            assert (ranks >= quantile * n_valid // 10).all()
            assert (ranks < (quantile + 1) * n_valid // 10).all()
            assert (np.diff(chosen[neuron, quantile]) > 0).all()


def plain_quantiles(activations: NDArray[np.float32], per_quantile: int) -> NDArray[np.int64]:
    """The first columns of each tenth of the order, neuron by neuron."""
    chosen = np.full((len(activations), 10, per_quantile), -1, dtype=np.int64)
    for neuron, values in enumerate(activations):
        order = np.argsort(values, kind="stable")[: np.isfinite(values).sum()]
        for quantile in range(10):
            tenth = order[quantile * len(order) // 10 : (quantile + 1) * len(order) // 10]
            columns = np.sort(tenth)[:per_quantile]
            chosen[neuron, quantile, : len(columns)] = columns
    return chosen


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.5, -3.0, float("nan"), float("inf"), float("-inf")]), max_size=60),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_quantiles_are_those_of_a_plain_loop(values: list[float], per_quantile: int, seed: int) -> None:
    random = np.random.default_rng(seed).standard_normal(len(values))
    activations = np.array([values, random, random.round(1)], dtype=np.float32)
    assert np.array_equal(
        quantile_sample(activations, per_quantile=per_quantile), plain_quantiles(activations, per_quantile)
    )


def test_quantiles_of_few_sentences_are_padded() -> None:
    chosen = quantile_sample(np.array([[3.0, 1.0, 2.0]], dtype=np.float32), per_quantile=2)
    assert sorted(chosen[chosen >= 0].tolist()) == [0, 1, 2]


def test_a_stream_gives_the_same_sample() -> None:
    ids = np.arange(1000, dtype=np.int64) * 3
    parts = np.split(ids, [10, 11, 500, 990])
    for size in (1, 50, 2000):
        expected = uniform_sample(ids, size=size, seed=4)
        np.testing.assert_array_equal(streamed_sample(parts, size=size, seed=4), expected)
