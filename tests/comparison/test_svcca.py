import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.comparison.joint_moments import JointMoments
from neurolect.comparison.layers import Likeness, axes_of, layer_pair, layer_scatters, likeness
from tests.comparison.values import moments_of, related
from tests.reference.comparison import svcca as plain


def compared(moments: JointMoments, models: tuple[int, int], at: slice, *, kept: float) -> Likeness:
    """Compare the same layer of two models."""
    first, second = ((model, at, axes_of(layer_scatters(moments, model, at), kept=kept)) for model in models)
    return likeness(layer_pair(moments, first, second))


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.7, 0.9, 0.97]))
def test_it_is_that_of_two_singular_value_decompositions(seed: int, kept: float) -> None:
    values = related(seed)
    moments = moments_of(values)
    at = slice(1, 6)
    found = compared(moments, (0, 1), at, kept=kept)
    wanted = plain(*(values[model][:, at].astype(np.float64) for model in (0, 1)), kept=kept)
    assert found.same == pytest.approx(wanted, abs=5e-3)


def test_a_rotated_layer_is_the_same_and_chance_is_nothing() -> None:
    random = np.random.default_rng(3)
    first = random.normal(size=(400, 30)).astype(np.float32)
    turned = first @ np.linalg.qr(random.normal(size=(30, 30)))[0].astype(np.float32)
    chance = random.normal(size=(400, 30)).astype(np.float32)
    moments = moments_of([first, turned, chance])
    at = slice(0, 30)
    same, other = (compared(moments, (0, model), at, kept=0.999) for model in (1, 2))
    assert same.same == pytest.approx(1, abs=1e-3)
    assert same.held_out == pytest.approx(1, abs=1e-3)
    assert other.same > 0.15  # what it finds by chance alone
    assert abs(other.held_out) < 0.05
    assert same.n_directions == 30
    assert all((each > 0.99).all() for each in same.shared)
    assert all((each < 0.12).all() for each in other.shared)


def test_neurons_have_their_share_of_what_layers_have_in_common() -> None:
    random = np.random.default_rng(4)
    first, second = random.normal(size=(2, 2_000, 12)).astype(np.float32)
    second[:, 6:10] = first[:, :4] @ np.linalg.qr(random.normal(size=(4, 4)))[0].astype(np.float32)
    second[:, 11] = 2 * first[:, 4] + 2 * second[:, 11]  # half of its variance
    found = compared(moments_of([first, second]), (0, 1), slice(0, 12), kept=1.0)
    own = np.full((2, 12), 0.0)
    own[0, :4] = own[1, 6:10] = 1.0
    own[0, 4] = own[1, 11] = np.sqrt(0.5)  # all of it, along a direction with that correlation
    assert np.allclose(found.shared, own, atol=0.08)


def test_a_layer_that_does_not_vary_is_like_nothing() -> None:
    values = related(0)
    values[1][:] = 3.0
    moments = moments_of(values)
    at = slice(0, 7)
    found = compared(moments, (0, 1), at, kept=0.99)
    assert np.isnan(found.same)
    assert found.n_directions == 0
    assert not np.concatenate(found.shared).any()


def test_a_layer_that_varies_in_one_half_of_the_sentences_has_nothing_held_out() -> None:
    values = related(0)
    values[1][:] = 0.0
    values[1][101] = 1.0
    found = compared(moments_of(values), (0, 1), slice(0, 7), kept=0.99)
    assert np.isnan(found.held_out)
    assert found.n_directions == 1


@pytest.mark.parametrize("level", [3.0, 1000.1])
@pytest.mark.parametrize("still", [0, 1])
def test_a_layer_that_is_constant_in_one_half_has_nothing_held_out(level: float, still: int) -> None:
    random = np.random.default_rng(7)
    values = random.normal(size=(2, 400, 7)).astype(np.float32)
    # halves are every second sentence; what is left of them is but rounding
    values[1][still::2] = level + random.normal(size=(200, 7)).astype(np.float32) * 1e-6
    values[1][1 - still :: 2] += np.float32(level)
    found = compared(moments_of(list(values)), (0, 1), slice(0, 7), kept=0.99)
    assert np.isnan(found.held_out)
