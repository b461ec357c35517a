"""Streaming lists against plain sorting."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.collector.lists.entry_keys import MAX_SENTENCE_ID
from neurolect.collector.lists.top_lists import TopLists
from neurolect.errors import CollectError
from tests.reference.top_lists import sorted_lists

# few different values, so that ties are common; both zeros, denormals and NaN among them
VALUES = [-2.0, -1.0, -0.0, 0.0, 1e-40, 0.5, 1.0, 3e38, float("nan")]


@st.composite
def streams(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.int64], list[int]]:
    n_sentences, n_neurons = draw(st.integers(0, 40)), draw(st.integers(1, 4))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    activations = rng.choice(np.array(VALUES, dtype=np.float32), size=(n_sentences, n_neurons))
    ids = rng.permutation(1000)[:n_sentences].astype(np.int64)
    cuts = sorted(draw(st.lists(st.integers(0, n_sentences), max_size=5)))
    return activations, ids, [0, *cuts, n_sentences]


def fed(
    activations: NDArray[np.float32], ids: NDArray[np.int64], cuts: list[int], *, list_size: int, side: str
) -> TopLists:
    lists = TopLists(activations.shape[1], list_size, side=side, with_tokens=True)
    # a spare room as small as it gets, so that buffers fill and are cut
    lists._keys = np.zeros((activations.shape[1], list_size + 2), dtype=np.uint64)
    lists._tokens = np.zeros((activations.shape[1], list_size + 2), dtype=np.int16)
    tokens = np.broadcast_to((ids % 500).astype(np.int16)[:, None], activations.shape)
    for start, stop in pairwise(cuts):
        lists.update(activations[start:stop], sentence_ids=ids[start:stop], tokens=tokens[start:stop])
    return lists


@settings(max_examples=150)
@given(stream=streams(), list_size=st.integers(1, 9), side=st.sampled_from(["top", "bottom"]))
def test_equals_plain_sorting(
    stream: tuple[NDArray[np.float32], NDArray[np.int64], list[int]], list_size: int, side: str
) -> None:
    activations, ids, cuts = stream
    result = fed(activations, ids, cuts, list_size=list_size, side=side).sorted()
    values, expected_ids, _ = sorted_lists(activations, ids, list_size=list_size, side=side)
    width = result.sentence_ids.shape[1]
    assert np.array_equal(result.sentence_ids, expected_ids[:, :width])
    assert (expected_ids[:, width:] == -1).all()
    assert np.array_equal(result.activations, values[:, :width], equal_nan=True)
    assert result.tokens is not None
    kept = result.sentence_ids >= 0
    assert np.array_equal(result.tokens[kept], (result.sentence_ids % 500)[kept])


@settings(max_examples=60)
@given(stream=streams(), list_size=st.integers(1, 9), side=st.sampled_from(["top", "bottom"]))
def test_merge_and_arrays_change_nothing(
    stream: tuple[NDArray[np.float32], NDArray[np.int64], list[int]], list_size: int, side: str
) -> None:
    activations, ids, cuts = stream
    whole = TopLists(activations.shape[1], list_size, side=side)
    whole.update(activations, sentence_ids=ids)
    merged = TopLists(activations.shape[1], list_size, side=side)
    for start, stop in reversed(list(pairwise(cuts))):
        part = TopLists(activations.shape[1], list_size, side=side)
        part.update(activations[start:stop], sentence_ids=ids[start:stop])
        merged.merge(TopLists.from_arrays(part.to_arrays(), list_size=list_size, side=side))
    expected, got = whole.sorted(), merged.sorted()
    width = min(expected.sentence_ids.shape[1], got.sentence_ids.shape[1])
    assert np.array_equal(expected.sentence_ids[:, :width], got.sentence_ids[:, :width])
    assert np.array_equal(expected.activations[:, :width], got.activations[:, :width], equal_nan=True)
    assert np.array_equal(whole.thresholds, merged.thresholds)


def test_large_random_stream() -> None:
    rng = np.random.default_rng(7)
    activations = rng.standard_normal((6000, 5), dtype=np.float32)
    ids = rng.permutation(6000).astype(np.int64)
    lists = TopLists(5, 300, side="top")
    for start in range(0, 6000, 113):
        lists.update(activations[start : start + 113], sentence_ids=ids[start : start + 113])
    result = lists.sorted(1, 4)
    values, expected_ids, _ = sorted_lists(activations, ids, list_size=300, side="top")
    assert np.array_equal(result.sentence_ids, expected_ids[1:4])
    assert np.array_equal(result.activations, values[1:4])
    assert np.array_equal(lists.thresholds, values[:, -1])


def test_refuses_what_does_not_fit() -> None:
    lists = TopLists(2, 3, with_tokens=True)
    one = np.zeros((1, 2), dtype=np.float32)
    with pytest.raises(CollectError, match=r"4,294,967,295 cannot be listed"):
        lists.update(one, sentence_ids=np.array([MAX_SENTENCE_ID + 1]), tokens=one.astype(np.int16))
    with pytest.raises(CollectError, match=r"keep model tokens, and the batch has none"):
        lists.update(one, sentence_ids=np.array([1]))
    with pytest.raises(CollectError, match=r"cannot be merged"):
        lists.merge(TopLists(2, 4, with_tokens=True))
