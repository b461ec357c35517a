import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.comparison.regression import held_out_r2, squared_errors
from tests.comparison.values import moments_of, related
from tests.reference.comparison import held_out_r2 as plain


@settings(max_examples=25)
@given(
    st.integers(0, 10**6),
    st.sampled_from([0.003, 0.1, 2.0]),
    st.sampled_from([(3, 30), (40, 21), (19, 20)]),
    st.sampled_from([(), (7,), (1, 2, 30)]),
)
def test_the_fit_is_that_with_a_weight_for_each_neuron(
    seed: int, ridge: float, widths: tuple[int, int], cuts: tuple[int, ...]
) -> None:
    values = related(seed, n=41, widths=widths)
    kept, bare = (moments_of(values, cuts=cuts, keep_values=keep) for keep in (True, False))
    scaled = [
        (each.astype(np.float64) - shift) / scale
        for each, shift, scale in zip(values, kept.shifts, kept.scales, strict=True)
    ]
    for of, by in ((0, 1), (1, 0)):
        found = held_out_r2(kept, of=of, by=by, ridge=ridge)
        wanted = [plain(scaled[of][:, neuron], scaled[by], ridge=ridge) for neuron in range(widths[of])]
        np.testing.assert_allclose(found, wanted, atol=1e-3, rtol=1e-4)
        np.testing.assert_allclose(found, held_out_r2(bare, of=of, by=by, ridge=ridge), atol=2e-3, rtol=2e-3)


def test_values_that_are_not_kept_or_merged_leave_it_to_the_moments() -> None:
    kept, bare = (moments_of(related(3, widths=(90, 90)), keep_values=keep) for keep in (True, False))
    ways = {"of": 0, "by": 1, "fitted_on": 0, "tried_on": 1}
    assert squared_errors(bare, ridge=0.1, **ways) is None
    found = squared_errors(kept, ridge=0.1, **ways)
    assert found is not None
    kept.merge(bare)
    assert kept.values(0, half=0) is None
    assert squared_errors(kept, ridge=0.1, **ways) is None


def test_a_constant_neuron_is_nan_and_does_not_disturb_the_others() -> None:
    values = related(5, n=40, widths=(30, 60))
    values[0][:, 4] = 2.0
    values[1][:, 9] = -1.0
    found = held_out_r2(moments_of(values, keep_values=True), of=0, by=1, ridge=0.1)
    assert np.isnan(found[4])
    assert np.isfinite(np.delete(found, 4)).all()
    assert np.nanmedian(found) == pytest.approx(
        np.nanmedian(held_out_r2(moments_of(values), of=0, by=1, ridge=0.1)), abs=1e-3
    )
