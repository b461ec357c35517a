"""How far apart two models are in a number of their neurons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.comparison.number_distances import number_distance

NUMBERS = st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=3, max_size=20)


@settings(max_examples=50)
@given(NUMBERS)
def test_curves_are_never_further_apart_than_neurons(pairs: list[tuple[float, float]]) -> None:
    first, second = (np.array(each) for each in zip(*pairs, strict=True))
    found = number_distance(first, second)
    assert found.neurons == pytest.approx(np.mean([abs(a - b) for a, b in pairs]))
    assert found.curves <= found.neurons + 1e-12
    assert number_distance(first, first[::-1]).curves == pytest.approx(0.0)


def test_a_neuron_without_the_number_is_left_out() -> None:
    found = number_distance(np.array([0.1, np.nan, 0.3, 0.2]), np.array([0.2, 0.5, 0.4, 0.3]))
    assert found.n == 3
    assert found.neurons == pytest.approx(0.1)
    assert found.correlation == pytest.approx(1.0)


def test_no_neuron_has_it() -> None:
    found = number_distance(np.full(2, np.nan), np.zeros(2))
    assert found.n == 0
    assert np.isnan(found.curves)
    assert np.isnan(number_distance(np.zeros(2), np.ones(2)).correlation)
