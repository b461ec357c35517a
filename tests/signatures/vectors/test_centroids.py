import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.signatures.vectors.typical_sentences import cosines_to_centroid, sums_of_rows
from tests.signatures.pattern_strategies import flat


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 4), max_size=9), max_size=6), st.integers(0, 9))
def test_sums_are_those_of_the_words(sentences: list[list[int]], seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((5, 3)).astype(np.float32)
    plain = [vectors[np.array(each, np.int64)].sum(axis=0, dtype=np.float64) for each in sentences]
    sums = sums_of_rows(vectors, *flat(sentences))
    assert sums.shape == (len(sentences), 3)
    np.testing.assert_allclose(sums, np.array(plain).reshape(-1, 3), rtol=1e-6, atol=1e-7)


def test_cosines_are_those_to_the_mean() -> None:
    vectors = np.random.default_rng(1).standard_normal((20, 7)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = np.array([3, 4, 11, 19], np.int32)
    middle = vectors[rows].mean(axis=0)
    expected = vectors[rows] @ middle / np.linalg.norm(middle)
    np.testing.assert_allclose(cosines_to_centroid(vectors, rows), expected, rtol=1e-5)


def test_no_middle_no_cosines() -> None:
    opposite = np.array([[1, 0], [-1, 0], [0, 0]], np.float32)
    assert len(cosines_to_centroid(opposite, np.array([0, 1], np.int32))) == 0
    assert len(cosines_to_centroid(opposite, np.array([2], np.int32))) == 0
    assert len(cosines_to_centroid(opposite, np.array([], np.int32))) == 0
