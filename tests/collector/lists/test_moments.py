"""Moments and histograms against NumPy's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.collector.lists.moments import Moments, choose_bins
from neurolect.errors import CollectError


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_sentences=st.integers(1, 300),
    cut=st.integers(0, 300),
    mean=st.floats(-50, 50),
    std=st.floats(0.01, 20),
)
def test_equals_numpy(seed: int, n_sentences: int, cut: int, mean: float, std: float) -> None:
    rng = np.random.default_rng(seed)
    activations = rng.normal(mean, std, size=(n_sentences, 3)).astype(np.float32)
    shift = activations[:7].mean(axis=0, dtype=np.float64)
    bins = choose_bins(activations[:7], n_bins=16)
    first, second = Moments(shift, bins=bins), Moments(shift, bins=bins)
    first.update(activations[:cut])
    second.update(activations[cut:])
    first = Moments.from_arrays(first.to_arrays())
    first.merge(second)
    table = first.table()
    wide = activations.astype(np.float64)
    assert (table.n == n_sentences).all()
    np.testing.assert_allclose(table.mean, wide.mean(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(table.std, wide.std(axis=0), rtol=1e-6, atol=1e-7)
    assert np.array_equal(table.minimum, wide.min(axis=0))
    assert np.array_equal(table.maximum, wide.max(axis=0))
    if n_sentences > 20:
        centred = (wide - wide.mean(axis=0)) / wide.std(axis=0)
        np.testing.assert_allclose(table.skewness, (centred**3).mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(table.kurtosis, (centred**4).mean(axis=0) - 3, atol=1e-4)
    for neuron in range(3):
        edges = bins.low[neuron] + bins.width[neuron] * np.arange(17)
        inside = np.clip(wide[:, neuron], edges[0], np.nextafter(edges[-1], -np.inf))
        assert np.array_equal(first.histograms[neuron], np.histogram(inside, edges)[0])


def test_bins_span_the_pilot_and_are_powers_of_two() -> None:
    pilot = np.random.default_rng(0).normal([3.0, -40.0], [0.1, 7.0], size=(500, 2)).astype(np.float32)
    bins = choose_bins(pilot, n_bins=64)
    high = bins.low + bins.width * 64
    assert (bins.low <= pilot.mean(axis=0) - 4.9 * pilot.std(axis=0)).all()
    assert (high >= pilot.mean(axis=0) + 4.9 * pilot.std(axis=0)).all()
    assert np.array_equal(np.exp2(np.round(np.log2(bins.width))), bins.width)
    assert np.array_equal(np.round(bins.low / bins.width), bins.low / bins.width)
    assert ((high - bins.low) < 4.2 * 10 * pilot.std(axis=0)).all()


def test_constant_and_missing_activations() -> None:
    activations = np.full((50, 2), 0.1, dtype=np.float32)
    activations[:, 1] = np.nan
    moments = Moments(np.array([0.1, 0.0]), bins=choose_bins(activations, n_bins=8))
    moments.update(activations)
    table = moments.table()
    assert table.n.tolist() == [50, 0]
    assert table.std[0] == pytest.approx(0.0, abs=1e-8)
    assert np.isnan(table.skewness[0])
    assert np.isnan([table.mean[1], table.minimum[1], table.maximum[1]]).all()
    assert moments.histograms.sum(axis=1).tolist() == [50, 0]


def test_refuses_other_bins() -> None:
    pilot = np.random.default_rng(0).standard_normal((20, 2)).astype(np.float32)
    first = Moments(np.zeros(2), bins=choose_bins(pilot, n_bins=8))
    with pytest.raises(CollectError, match="different shifts or bins"):
        first.merge(Moments(np.zeros(2), bins=choose_bins(pilot * 9, n_bins=8)))
