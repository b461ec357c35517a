import numpy as np
import pytest
from scipy.stats import spearmanr

from neurolect.relations.same_index import rank_correlations, same_index


def test_correlations_are_those_of_ranks() -> None:
    numbers = np.random.default_rng(0).integers(0, 6, size=(3, 30)).astype(np.float64)
    expected = spearmanr(numbers, axis=1).statistic
    assert np.allclose(rank_correlations(numbers), expected)
    found = same_index(numbers, n_draws=20)
    assert found.correlation == pytest.approx(expected[np.triu_indices(3, 1)].mean())
    assert found.neighbouring == pytest.approx((expected[0, 1] + expected[1, 2]) / 2)


def test_a_shared_role_is_distinguished_from_chance() -> None:
    random = np.random.default_rng(1)
    role = random.normal(size=200)
    shared = same_index(role + random.normal(size=(4, 200)), n_draws=200)
    unshared = same_index(random.normal(size=(4, 200)), n_draws=200)
    assert shared.correlation > shared.chance_high > 0 > shared.chance_low
    assert shared.p == pytest.approx(1 / 201)
    assert unshared.p > 0.01


def test_missing_numbers_and_flat_layers_are_left_out() -> None:
    numbers = np.random.default_rng(2).normal(size=(3, 10))
    numbers[2] = 1.0
    numbers[0, 4] = np.nan
    assert np.isfinite(same_index(numbers, n_draws=5).correlation)
    assert np.isnan(rank_correlations(numbers)[2]).all()
    assert np.isnan(same_index(numbers[1:], n_draws=5).correlation)
