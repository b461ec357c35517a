"""Balanced accuracy and its interval, by hand and against simulation."""

import numpy as np
import pytest

from neurolect.naming.scores import balanced_accuracy, mean_over_neurons, wilson


def test_balanced_accuracy_by_hand() -> None:
    fits = np.array([True, True, False, False, False, False])
    chosen = np.array([True, False, False, False, False, True])
    assert balanced_accuracy(chosen, fits).value == (1 / 2 + 3 / 4) / 2


@pytest.mark.parametrize("chosen", [np.ones(8, bool), np.zeros(8, bool)])
def test_all_and_none_are_chance(chosen: np.ndarray) -> None:
    assert balanced_accuracy(chosen, np.arange(8) < 3).value == 0.5


def test_wilson_solves_its_equation() -> None:
    """Its bounds are the shares that lie z standard errors from what was seen."""
    low, high = wilson(7, 20, interval=0.95)
    for bound in (low, high):
        assert abs(7 / 20 - bound) == pytest.approx(1.959964 * np.sqrt(bound * (1 - bound) / 20), rel=1e-5)


def test_the_interval_covers_what_it_says() -> None:
    random = np.random.default_rng(0)
    fits = np.arange(20) < 10
    inside = 0
    for _ in range(400):
        chosen = np.where(fits, random.random(20) < 0.8, random.random(20) < 0.4)
        found = balanced_accuracy(chosen, fits)
        inside += found.low <= (0.8 + 0.6) / 2 <= found.high
    assert 0.91 <= inside / 400 <= 0.99


def test_means_leave_out_what_is_missing() -> None:
    found = mean_over_neurons(np.array([0.2, np.nan, 0.8]))
    assert found is not None
    assert found.value == 0.5
    assert found.low < 0.5 < found.high
    assert mean_over_neurons(np.array([np.nan])) is None
