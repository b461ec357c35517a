"""Mean lengths against the background."""

import numpy as np
import pytest

from neurolect.signatures.counting.candidates import Candidate
from neurolect.signatures.evidence.collected import compare_lengths
from neurolect.signatures.evidence.length import own_lengths
from neurolect.signatures.inputs import Lists


def test_means_and_z() -> None:
    lists = Lists(rows=np.array([[0, 1], [2, -1], [-1, -1]], dtype=np.int32), sides=("top",))
    lengths = compare_lengths(
        np.array([4, 6, 20], dtype=np.int32),
        lists,
        background_n_words=np.array([5, 15]),
        background_n_sentences=np.array([10, 10]),
    )
    assert lengths.background_mean == pytest.approx(10.0)
    assert lengths.background_deviation == pytest.approx(5.0)
    assert lengths.mean[:2].tolist() == pytest.approx([5.0, 20.0])
    assert np.isnan(lengths.mean[2])
    assert lengths.z.tolist() == pytest.approx([-5.0 / (5.0 / 2**0.5), 2.0, 0.0])
    assert lengths.times_longer.tolist() == pytest.approx([0.5, 2.0, 1.0])


def test_equal_lengths_everywhere_have_z_zero() -> None:
    lists = Lists(rows=np.array([[0]], dtype=np.int32), sides=("top",))
    lengths = compare_lengths(
        np.array([4], dtype=np.int32), lists, background_n_words=np.array([4]), background_n_sentences=np.array([9])
    )
    assert lengths.z.tolist() == [0.0]


def test_a_length_beyond_the_layer_at_one_number_of_words_is_the_lists_own_at_others() -> None:
    def length(label: str, *, passes: bool) -> Candidate:
        return Candidate(label, 0.5, 0.1, 9.0, 1.0, (), passes=passes, of_layer=not passes)

    found = [
        length("<= 4 words", passes=True),
        length("<= 6 words", passes=False),
        length(">= 40 words", passes=False),
    ]
    assert [(each.label, each.passes, each.of_layer) for each in own_lengths(found)] == [
        ("<= 4 words", True, False),
        ("<= 6 words", True, False),
        (">= 40 words", False, True),
    ]
    assert own_lengths(found[1:]) == found[1:]
