from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.comparison.layers import DistanceSums
from neurolect.errors import RunFolderError


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 30), st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_distances_are_those_of_single_sentences(seed: int, cut: int, widths: list[int]) -> None:
    random = np.random.default_rng(seed)
    bounds = np.concatenate([[0], np.cumsum(widths)])
    first, second = (random.normal(size=(30, bounds[-1])).astype(np.float32) for _ in range(2))
    parts = [DistanceSums(bounds), DistanceSums(bounds)]
    parts[0].update(first[:cut], second[:cut])
    parts[1].update(first[cut:], second[cut:])
    whole = DistanceSums.from_arrays(parts[0].to_arrays())
    whole.merge(parts[1])
    means = whole.means()
    assert means.n_sentences == 30
    places = [slice(a, b) for a, b in pairwise(bounds.tolist())] + [slice(None)]
    for at, place in enumerate(places):
        rows = [(a[place].astype(float), b[place].astype(float)) for a, b in zip(first, second, strict=True)]
        assert means.manhattan[at] == pytest.approx(np.mean([np.abs(a - b).sum() for a, b in rows]))
        assert means.euclidean[at] == pytest.approx(np.mean([np.linalg.norm(a - b) for a, b in rows]))
        assert means.norm[at] == pytest.approx(np.mean([np.linalg.norm(a) for a, _ in rows]))


def test_no_sentence_and_other_layers() -> None:
    nothing = DistanceSums(np.array([0, 2]))
    assert np.isnan(nothing.means().manhattan).all()
    with pytest.raises(RunFolderError, match="different neurons cannot be merged"):
        nothing.merge(DistanceSums(np.array([0, 3])))
