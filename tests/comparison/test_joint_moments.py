import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.comparison.joint_moments import JointMoments
from neurolect.errors import RunFolderError
from tests.comparison.values import moments_of, related


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 160), st.integers(0, 160))
def test_scatter_is_that_of_the_values_whatever_the_pieces(seed: int, one: int, two: int) -> None:
    values = related(seed)
    moments = moments_of(values, cuts=tuple(sorted((one, two))))
    scaled = [
        (each.astype(np.float64) - shift) / scale
        for each, shift, scale in zip(values, moments.shifts, moments.scales, strict=True)
    ]
    for first, second in ((0, 0), (0, 1), (1, 0), (1, 1)):
        for half, part in ((None, slice(None)), (0, slice(0, None, 2)), (1, slice(1, None, 2))):
            left, right = (scaled[model][part] for model in (first, second))
            plain = (left - left.mean(axis=0)).T @ (right - right.mean(axis=0))
            np.testing.assert_allclose(moments.scatter(first, second, half=half), plain, atol=2e-3)


def test_parts_of_a_block_and_another_centre() -> None:
    values = related(1)
    moments = moments_of(values)
    rows, columns = slice(2, 5), slice(1, 8, 3)
    whole = moments.scatter(0, 1)
    np.testing.assert_allclose(moments.scatter(0, 1, rows=rows, columns=columns), whole[rows, columns])
    np.testing.assert_allclose(moments.scatter(1, 0, rows=columns, columns=rows), whole[rows, columns].T)
    centre = (np.ones(7), np.full(9, 2.0))
    left, right = (
        (each - shift) / scale for each, shift, scale in zip(values, moments.shifts, moments.scales, strict=True)
    )
    np.testing.assert_allclose(
        moments.scatter(0, 1, centre=centre), (left - 1).T @ (right - 2), rtol=1e-4, atol=1e-2
    )


def test_merged_and_stored_states_go_on_alike() -> None:
    values = related(2)
    whole = moments_of(values)
    parts = [JointMoments(whole.shifts, whole.scales) for _ in range(2)]
    parts[0].update([each[:60] for each in values])
    parts[1].update([each[60:] for each in values])
    again = JointMoments.from_arrays(parts[0].to_arrays())
    again.merge(parts[1])
    assert again.n.tolist() == whole.n.tolist() == [80, 80]
    np.testing.assert_allclose(again.scatter(0, 1), whole.scatter(0, 1), atol=1e-3)
    with pytest.raises(RunFolderError, match="different neurons cannot be merged"):
        again.merge(moments_of(related(3)))


def test_entries_of_pairs_and_squares_are_those_of_the_whole() -> None:
    moments = moments_of(related(4))
    for first, second in ((0, 1), (1, 0)):
        partners = np.random.default_rng(0).integers(0, moments.widths[second], size=moments.widths[first])
        whole = moments.scatter(first, second)[np.arange(len(partners)), partners]
        np.testing.assert_allclose(moments.scatter_of_pairs(first, second, partners=partners), whole, atol=1e-6)
        centre = (np.zeros(moments.widths[first]),) * 2
        own = [np.diagonal(moments.scatter(first, first, half=half, centre=centre)) for half in (0, 1)]
        np.testing.assert_allclose(moments.squares(first), own)
