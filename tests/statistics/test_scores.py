"""Scores against a plain twin, and the properties that rankings rely on."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.statistics.scores import lift, log_odds_z
from tests.reference.scores import log_odds_z as plain_log_odds_z


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    size_list = draw(st.integers(1, 3000))
    size_background = draw(st.integers(size_list + 1, 60_000))
    n_background = draw(st.integers(1, size_background))
    low = max(0, n_background - (size_background - size_list))
    return draw(st.integers(low, min(size_list, n_background))), size_list, n_background, size_background


@given(tables(), st.floats(1.0, 5000.0))
def test_equals_the_plain_formula(table: tuple[int, int, int, int], prior_size: float) -> None:
    expected = plain_log_odds_z(*table, prior_size=prior_size)
    assert float(log_odds_z(*table, prior_size=prior_size)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(tables())
def test_grows_with_the_count_in_the_list(table: tuple[int, int, int, int]) -> None:
    _, size_list, n_background, size_background = table
    low = max(0, n_background - (size_background - size_list))
    counts = np.arange(low, min(size_list, n_background) + 1)
    scores = log_odds_z(counts, size_list, n_background, size_background)
    assert np.all(np.isfinite(scores))
    assert np.all(np.diff(scores[scores > 0]) > 0)
    assert np.all(scores[np.argmax(scores > 0) :] > 0) or scores.max() <= 0


@given(st.integers(1, 50), st.integers(1, 50), st.integers(2, 20))
def test_equal_shares_score_zero(n: int, without: int, times: int) -> None:
    score = log_odds_z(n, n + without, times * n, times * (n + without))
    assert float(score) == pytest.approx(0.0, abs=1e-9)


@given(tables())
def test_the_sign_is_that_of_the_difference_of_shares(table: tuple[int, int, int, int]) -> None:
    n_list, size_list, n_background, size_background = table
    difference = n_list * (size_background - size_list) - (n_background - n_list) * size_list
    score = float(log_odds_z(*table))
    if abs(score) > 1e-9 and n_background < size_background:
        assert math.copysign(1, score) == math.copysign(1, difference)


def test_swapping_evidence_and_its_absence_turns_the_sign() -> None:
    held = float(log_odds_z(400, 1000, 2000, 10_000))
    absent = float(log_odds_z(600, 1000, 8000, 10_000))
    assert held > 0 > absent


def test_what_only_the_list_has_outranks_what_others_have_too() -> None:
    only, nearly = log_odds_z([10, 9], 1000, 10, 10_000)
    assert only > nearly


def test_more_seen_outranks_less_seen_at_the_same_lift() -> None:
    often, rarely = log_odds_z([100, 4], 1000, [200, 8], 10_000)
    assert often > rarely


def test_disjoint_background_keeps_its_counts() -> None:
    within = float(log_odds_z(50, 100, 60, 1000))
    disjoint = float(log_odds_z(50, 100, 60, 1000, n_overlap=0, size_overlap=0))
    assert within > disjoint > 0


def test_lift_is_a_ratio_of_shares_and_nan_without_a_background() -> None:
    values = lift([5, 5, 0], 10, [10, 0, 4], 100)
    assert values[0] == pytest.approx(5.0)
    assert math.isnan(values[1])
    assert values[2] == 0.0
