"""Moments by class against NumPy, merged and not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.probing.class_moments import ClassMoments, class_moments
from neurolect.probing.rows import ArrayRows


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 30), st.sampled_from([np.float16, np.float32, np.float64]))
def test_moments_are_those_of_numpy_however_they_are_gathered(seed: int, cut: int, dtype: type) -> None:
    rng = np.random.default_rng(seed)
    rows: NDArray[Any] = (rng.normal(size=(31, 4)) + 30).astype(dtype)
    rows[:, 3] = 5
    labels = rng.integers(3, size=31)
    found = class_moments(ArrayRows(rows, block=5), labels, np.arange(31), n_classes=4)
    merged = ClassMoments(4, 4)
    merged.update(rows[:cut], labels[:cut])
    other = ClassMoments(4, 4)
    other.update(rows[cut:], labels[cut:])
    merged = ClassMoments.from_arrays(merged.merge(other).to_arrays())
    exact = rows.astype(np.float64)
    for each in (found, merged):
        for label in range(4):
            own = exact[labels == label]
            assert each.n_K[label] == len(own)
            if len(own):
                assert each.mean_KN[label] == pytest.approx(own.mean(axis=0))
                assert each.variance()[label] == pytest.approx(own.var(axis=0), abs=1e-9)
        assert each.all_mean() == pytest.approx(exact.mean(axis=0))
        assert each.all_sd() == pytest.approx(exact.std(axis=0), abs=1e-9)
        assert each.all_sd()[3] == 0
        assert (each.low_N == exact.min(axis=0)).all()
        assert (each.high_N == exact.max(axis=0)).all()


def test_what_is_not_finite_is_counted() -> None:
    rows = np.ones((4, 3), np.float32)
    rows[2, 1] = np.nan
    with pytest.raises(ProbingError, match="1 of 3 neurons"):
        class_moments(ArrayRows(rows), np.array([0, 1, 0, 1]), np.arange(4), n_classes=2)
