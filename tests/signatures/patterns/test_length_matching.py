"""The background of a list's lengths: weights, counts, and what it takes away."""

import numpy as np
import pytest

from neurolect.signatures.patterns.inputs import length_bins, match_lists, matched_counts
from neurolect.signatures.patterns.options import SkipNgramOptions
from neurolect.signatures.patterns.skip_ngrams import mine_skip_ngrams
from tests.signatures.pattern_strategies import flat


def test_bins_are_tenths_of_the_background() -> None:
    lengths = np.arange(1_000, dtype=np.int32)
    bins = length_bins(lengths, background=np.arange(1_000))
    assert np.bincount(bins).tolist() == [100] * 9 + [50, 30, 10, 5, 5]
    assert length_bins(np.array([4, 4, 90], np.int32), background=np.array([0, 1])).tolist() == [0, 0, 0]
    assert length_bins(np.array([4], np.int32), background=np.empty(0, np.int64)).tolist() == [0]


def test_weights_make_the_background_as_long_as_the_list() -> None:
    bins = np.array([0, 0, 0, 1, 1, 2], np.int8)
    inside = np.array([1, 1, 0, 1, 0, 0], np.bool_)
    lists = np.array([[0, 3, 4, 5], [2, -1, -1, -1], [-1, -1, -1, -1]], np.int32)
    matched = match_lists(lists, bins=bins, in_background=inside)
    # the background has two of bin 0 and one of bin 1, of which the list has one and two; bin 2 is lost
    assert matched.weights == pytest.approx(np.array([[1 / 3, 4 / 3, 0], [1, 0, 0], [1, 1, 1]]))
    assert matched.sizes == pytest.approx([2, 2, 3])
    assert matched.overlap_weight == pytest.approx([5 / 6, 1, 1])
    counts = matched_counts(
        np.array([[2, 1, 0], [1, 0, 0]], np.int32), lists=np.zeros(2, np.int32), matched=matched
    )
    assert counts == pytest.approx([2, 1 / 3])


def test_long_sentences_are_no_theme() -> None:
    random = np.random.default_rng(1)
    lengths = np.where(np.arange(4_000) < 400, 30, 10)
    sentences = [random.integers(0, 30, length).tolist() for length in lengths]
    found = mine_skip_ngrams(
        *flat(sentences),
        lists=np.arange(0, 300, dtype=np.int32)[None],
        background_rows=np.arange(0, 4_000),
        item="word",
        options=SkipNgramOptions(word_min_association=0.0, max_length=2),
    )
    assert found.log_odds_z.mean() > 6
    assert abs(float(found.tests.z_matched.mean())) < 1.5
    assert (np.abs(found.tests.lift_matched - 1.0) < 0.5).all()
