"""Activations that are not finite are found and named."""

import numpy as np
import pytest

from neurolect.errors import NonFiniteActivationsError
from neurolect.model.neurons import NeuronIndex, NonFinite, SiteLayer, non_finite, raise_if_non_finite

NEURONS = NeuronIndex(tuple(SiteLayer("hidden", layer, 2) for layer in range(1, 9)))


def test_finite_activations_pass() -> None:
    values = np.ones((4, 16), dtype=np.float32)
    assert non_finite(values, NEURONS) == []
    raise_if_non_finite(values, NEURONS)
    # Their sum overflows; they are finite all the same.
    assert non_finite(values * np.float32(3e38), NEURONS) == []


def test_infinities_that_cancel_are_found() -> None:
    values = np.ones((4, 16), dtype=np.float32)
    values[0, 2], values[1, 3], values[2, 4] = np.inf, -np.inf, np.nan
    assert non_finite(values, NEURONS) == [NonFinite("hidden", 2, 0.5), NonFinite("hidden", 3, 0.25)]
    with pytest.raises(
        NonFiniteActivationsError, match=r"hidden.2 \(50.0% of the sentences\), hidden.3 \(25.0%(.|\n)*float32"
    ):
        raise_if_non_finite(values, NEURONS)


def test_a_long_list_is_shortened() -> None:
    with pytest.raises(NonFiniteActivationsError, match=r"hidden.6 \(100.0% of the sentences\) and 2 more"):
        raise_if_non_finite(np.full((1, 16), np.nan, dtype=np.float32), NEURONS)
