import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.comparison.pair_tables import best_matches, fates_of, same_neurons
from tests.comparison.values import moments_of, related
from tests.reference.comparison import best_match, correlation


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.booleans())
def test_best_partners_are_those_of_plain_correlation(seed: int, constant: bool) -> None:
    values = related(seed)
    if constant:
        values[0][:, 3] = 5.0
        values[1][:, 0] = -1.0
    both = best_matches(moments_of(values), 0, 1)
    exact = [each.astype(np.float64) for each in values]
    for found, own, others in ((both[0], exact[0], exact[1]), (both[1], exact[1], exact[0])):
        for neuron in range(own.shape[1]):
            best, r = best_match(own[:, neuron], others)
            np.testing.assert_allclose(found.correlation[neuron], r, atol=2e-4)
            if best >= 0 and found.best[neuron] != best:
                close = correlation(
                    own[:, neuron].astype(np.float64), others[:, found.best[neuron]].astype(np.float64)
                )
                np.testing.assert_allclose(abs(close), abs(r), atol=2e-4)  # a tie
            assert (found.best[neuron] == -1) == (best == -1)


def test_a_copy_is_found_wherever_it_went_and_whatever_its_sign() -> None:
    values = related(4, widths=(5, 5))
    values[1][:, 3] = 3 - 2 * values[0][:, 1]
    of_first, of_second = best_matches(moments_of(values), 0, 1)
    assert (of_first.best[1], of_second.best[3]) == (3, 1)
    np.testing.assert_allclose([of_first.correlation[1], of_second.correlation[3]], -1, atol=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_given_pairs(seed: int) -> None:
    values = related(seed)
    pairs = np.random.default_rng(seed).integers(-1, 9, size=7)
    found = same_neurons(moments_of(values), 0, 1, pairs=pairs)
    for neuron, other in enumerate(pairs):
        if other < 0:
            assert np.isnan(found[neuron])
        else:
            plain = correlation(values[0][:, neuron].astype(np.float64), values[1][:, other].astype(np.float64))
            np.testing.assert_allclose(found[neuron], plain, atol=2e-4)


def test_what_became_of_neurons() -> None:
    fates = fates_of(
        same=np.array([0.6, -0.9, 0.1, 0.1, np.nan, 0.2], dtype=np.float32),
        best=np.array([0.95, -0.9, 0.7, -0.7, 0.8, 0.49], dtype=np.float32),
        layers=np.array([1, 1, 1, 1, 1, 1]),
        best_layers=np.array([2, 1, 1, 2, 2, 1]),
        match=0.5,
        gone="vanished",
    )
    moved = ["moved within the layer", "moved to another layer", "moved to another layer"]
    assert fates == ["kept", "kept", *moved, "vanished"]
