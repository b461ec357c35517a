import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.tokens.weighted_patterns import weigh_occurrences
from tests.reference.occurrences_plain import mean_of_occurrences

a_sentence = st.lists(st.integers(0, 3), max_size=7)
a_pattern = st.lists(st.integers(0, 3), min_size=1, max_size=4)


@settings(max_examples=150)
@given(
    sentences=st.lists(a_sentence, min_size=1, max_size=4),
    patterns=st.lists(a_pattern, min_size=1, max_size=4),
    max_gap=st.integers(-1, 2),
    seed=st.integers(0, 9),
)
def test_means_are_those_of_all_placements(
    sentences: list[list[int]], patterns: list[list[int]], max_gap: int, seed: int
) -> None:
    codes = np.array([code for each in sentences for code in each], np.int32)
    offsets = np.cumsum([0, *map(len, sentences)]).astype(np.int64)
    values = np.random.default_rng(seed).normal(size=(len(codes), 2))
    padded = np.array([each + [-1] * (4 - len(each)) for each in patterns], np.int32)
    means = np.empty((len(patterns), len(sentences), 2))
    weigh_occurrences(codes, offsets, values, padded, max_gap, means)
    for p, pattern in enumerate(patterns):
        for s, sentence in enumerate(sentences):
            for v in range(2):
                own = values[offsets[s] : offsets[s + 1], v].tolist()
                plain = mean_of_occurrences(sentence, own, pattern, max_gap=max_gap)
                assert means[p, s, v] == pytest.approx(np.nan if plain is None else plain, nan_ok=True)
