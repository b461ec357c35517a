"""Names alone are scored by the parts of them that sentences hold."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurolect.fidelity.names import PartsHeld, auroc_of_counts, no_scores, score_name
from neurolect.signatures.evidence.name_parts import FIRST
from tests.reference.ranking_metrics import auroc


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=40))
def test_area_under_the_curve_of_counts_is_that_of_pairs(pairs: list[tuple[int, bool]]) -> None:
    counts = np.array([count for count, _ in pairs], np.uint8)
    positive = np.array([flag for _, flag in pairs])
    if positive.any() and not positive.all():
        assert np.isclose(auroc_of_counts(counts, positive), auroc(counts.tolist(), positive.tolist()))


def test_a_name_is_scored_next_to_another_and_its_first_part_covers() -> None:
    first = int(FIRST)
    counts = np.array([[first + 2, first + 1, 1, 0], [0, 0, first + 1, first + 1], [0, 0, 0, 0]], np.uint8)
    held = PartsHeld(counts, np.array([True, True, False]))
    scores = no_scores(3)
    positive = np.array([True, True, False, False])
    for each, other in ((0, 1), (1, -1), (2, 0)):
        score_name(scores, each, held=held, rows=np.arange(4), positive=positive, other=other)
    np.testing.assert_allclose(scores.auroc, [0.875, 0.0, np.nan])
    np.testing.assert_allclose(scores.other, [0.0, np.nan, np.nan])
    np.testing.assert_allclose(scores.covered, [1.0, 0.0, np.nan])
    np.testing.assert_allclose(scores.share, [0.5, 0.5, np.nan])
