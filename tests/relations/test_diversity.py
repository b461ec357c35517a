import numpy as np

from neurolect.relations.diversity import diversity, layer_sentences
from neurolect.results.list_entries import ListEntries


def test_error_falls_with_groups_and_is_less_for_alike_sentences() -> None:
    random = np.random.default_rng(0)
    alike = random.normal(size=(4, 5))[random.integers(0, 4, 80)].astype(np.float32)
    mixed = random.normal(size=(80, 5)).astype(np.float32)
    of_alike, of_mixed = (diversity(each, ks=(1, 2, 4, 8, 500)) for each in (alike, mixed))
    assert [each.k for each in of_mixed] == [1, 2, 4, 8]
    assert (np.diff([each.sse for each in of_mixed]) < 0).all()
    assert of_alike[2].sse < 0.01 < of_mixed[2].sse


def test_sentences_without_a_vector_are_left_out() -> None:
    vectors = np.ones((5, 2), dtype=np.float32)
    vectors[1:3] = 0.0
    assert [each.n_sentences for each in diversity(vectors, ks=(1,))] == [3]


def test_a_layer_takes_the_first_sentences_of_its_neurons() -> None:
    entries = ListEntries(np.array([0, 3, 5, 8]), np.arange(8, dtype=np.int32))
    assert layer_sentences(entries, np.array([0, 2]), n_first=2).tolist() == [0, 1, 5, 6]
