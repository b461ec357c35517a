"""The signature of a layer that scores sentences most alike, against plain correlations."""

import numpy as np
import pytest
from numpy.typing import NDArray

from neurolect.fidelity import evaluate


def plain_sisters(scores: NDArray[np.float32], groups: NDArray[np.int64]) -> list[int]:
    """Compare every two lists by NumPy's correlation."""
    found = []
    for one in range(len(scores)):
        best, highest = -1, -2.0
        for other in range(len(scores)):
            if other == one or groups[other] != groups[one]:
                continue
            if scores[one].std() == 0 or scores[other].std() == 0:
                continue
            alike = float(np.corrcoef(scores[one], scores[other])[0, 1])
            if alike > highest:
                best, highest = other, alike
        found.append(best)
    return found


@pytest.mark.parametrize("pairs_at_once", [1, 40, 1 << 26])
@pytest.mark.parametrize("seed", range(3))
def test_sisters_are_those_with_the_highest_correlation(
    seed: int, pairs_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "PAIRS_AT_ONCE", pairs_at_once)
    random = np.random.default_rng(seed)
    scores = random.standard_normal((24, 60)).astype(np.float32)
    scores[[3, 11, 12]] = 1.0  # the same for every sentence
    groups = random.integers(0, 3, 24)
    groups[[0, 11, 12]] = 7, 8, 8  # alone; and two that are flat
    found = evaluate.sisters(scores, groups)
    assert found.tolist() == plain_sisters(scores, groups)
    assert found[[0, 3, 11, 12]].tolist() == [-1] * 4
