import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.comparison.regression import held_out_r2
from tests.comparison.values import moments_of, related
from tests.reference.comparison import held_out_r2 as plain


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.003, 0.1, 2.0]))
def test_r2_is_that_of_plain_ridge_regression(seed: int, ridge: float) -> None:
    values = related(seed)
    moments = moments_of(values)
    scaled = [
        (each.astype(np.float64) - shift) / scale
        for each, shift, scale in zip(values, moments.shifts, moments.scales, strict=True)
    ]
    for of, by in ((0, 1), (1, 0)):
        found = held_out_r2(moments, of=of, by=by, ridge=ridge)
        wanted = [plain(scaled[of][:, neuron], scaled[by], ridge=ridge) for neuron in range(scaled[of].shape[1])]
        np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_chance_explains_nothing_though_neurons_are_many() -> None:
    random = np.random.default_rng(0)
    values = [random.normal(size=(300, 100)).astype(np.float32) for _ in range(2)]
    values[1][:, 0] = 4.0
    values[0][:, 7] = 4.0
    values[0][:, 1] = values[1][:, 5] - values[1][:, 6]
    found = held_out_r2(moments_of(values), of=0, by=1, ridge=0.01)
    assert found[1] == pytest.approx(1, abs=0.02)
    assert np.isnan(found[7])
    assert np.all(np.delete(found, [1, 7]) < 0.1)
