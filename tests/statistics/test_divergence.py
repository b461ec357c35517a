"""The common scale of evidence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.statistics.scores import expected_share, share_bits

shares = st.floats(0.0, 1.0)


@given(shares, shares)
def test_bits_are_zero_unless_the_list_has_more(share: float, background: float) -> None:
    bits = float(share_bits(np.array([share]), np.array([background]))[0])
    assert bits >= 0.0
    if share <= background:
        assert bits == 0.0


@given(shares, shares, shares)
def test_bits_grow_with_the_share(first: float, second: float, background: float) -> None:
    low, high = sorted((first, second))
    bits = share_bits(np.array([low, high]), np.array([background, background]))
    assert bits[0] <= bits[1] + 1e-12


def test_a_rarity_with_huge_lift_says_less_than_a_common_thing_with_some() -> None:
    rarity, common = share_bits(np.array([0.02, 0.62]), np.array([0.0001, 0.07]))
    assert rarity < common


@pytest.mark.parametrize(("times", "expected"), [(1.0, 0.36), (2.0, 0.5904), (0.5, 0.2)])
def test_longer_sentences_are_expected_to_hold_more(times: float, expected: float) -> None:
    assert expected_share(np.array([0.36]), np.array([times])).tolist() == pytest.approx([expected])
