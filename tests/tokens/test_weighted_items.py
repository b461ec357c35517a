import numpy as np
import pytest

from neurolect.statistics.scores import log_odds_z
from neurolect.tokens.weighted_items import ListItems, score_items

KEEP = np.array([True, True, True, False])
BACKGROUND = np.array([400, 300, 200, 100])


def items(weights: list[float]) -> ListItems:
    return ListItems(
        codes=np.array([0, 1, 3, 0, 2, 1, 1, 3], np.int32),
        sentences=np.array([0, 0, 0, 1, 1, 1, 2, 2]),
        weights=np.array(weights),
        activations=np.arange(8, dtype=np.float64),
    )


def test_even_weights_change_nothing() -> None:
    found = score_items(items([1.0] * 8), keep=KEEP, background=BACKGROUND, prior_size=10.0)
    assert found.share_activation.tolist() == found.share_words.tolist()
    assert found.plain_z.tolist() == found.weighted_z.tolist()


def test_shares_counts_and_scores() -> None:
    found = score_items(items([0, 3, 0, 0, 0, 3, 1, 1]), keep=KEEP, background=BACKGROUND, prior_size=10.0)
    assert found.codes.tolist() == [1, 0]  # item 2 is in one sentence, item 3 is left out
    assert found.n_sentences.tolist() == [3, 2]
    assert found.n_occurrences.tolist() == [3, 2]
    assert found.share_words[0] == 3 / 8
    assert found.share_activation[0] == 7 / 8
    assert found.mean_activation[0] == pytest.approx((1 + 5 + 6) / 3)
    expected = log_odds_z(7, 8, 300, 1000, n_overlap=0, size_overlap=0, prior_size=10.0)
    assert found.weighted_z[0] == pytest.approx(float(expected))
