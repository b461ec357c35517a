import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.relations.vectors import neuron_vectors
from neurolect.results.list_entries import ListEntries


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 9), max_size=700), min_size=1, max_size=5), st.integers(1, 3))
def test_a_vector_is_the_mean_of_the_sentences_that_have_one(lists: list[list[int]], workers: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    vectors[4] = 0.0
    starts = np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64)
    positions = np.array([row for each in lists for row in each], dtype=np.int32)
    found = neuron_vectors(vectors, ListEntries(starts, positions), workers=workers)
    for row, each in zip(found, lists, strict=True):
        held = [place for place in each if place != 4]
        if held:
            assert np.allclose(row, vectors[held].astype(np.float64).mean(axis=0), atol=1e-6)
        else:
            assert np.isnan(row).all()
