from collections import Counter

import numpy as np

from neurolect.signatures.counting.items import items_of_tokens
from neurolect.signatures.evidence.kind import SenseItems
from neurolect.signatures.evidence.sense_tables import sense_evidence
from neurolect.statistics.scores import log_odds_z

N_ITEMS, LENGTH = 30, 6


def test_counts_and_scores_are_those_of_the_senses() -> None:
    random = np.random.default_rng(3)
    codes = random.integers(0, N_ITEMS, 400 * LENGTH, dtype=np.int32)
    codes[: 60 * LENGTH : LENGTH] = 7  # the first sentences hold item 7
    offsets = np.arange(0, len(codes) + 1, LENGTH)
    items = items_of_tokens(codes, offsets, n_items=N_ITEMS)
    background = np.bincount(items.codes, minlength=N_ITEMS).astype(np.int64)
    rows = np.tile(np.arange(120, dtype=np.int32), (3, 1))
    labels = np.tile(np.repeat([0, 1], 60).astype(np.int8), (3, 1))
    kind = SenseItems("metadata", items, background, 400, np.ones(N_ITEMS), 4)
    found = sense_evidence(
        kind, rows, labels, lists=np.array([0, 2], np.intp), times_longer=np.ones(3), min_share=0.0, workers=2
    )
    first = [(found.lists[i], found.senses[i], found.items[i]) for i in (0, len(found.lists) // 2)]
    assert (0, 0, 7) in first
    assert set(found.lists.tolist()) == {0, 2}
    sentences = [set(codes[LENGTH * row : LENGTH * row + LENGTH].tolist()) for row in range(120)]
    per_sense = [Counter(item for each in part for item in each) for part in (sentences[:60], sentences[60:])]
    for each in range(len(found.lists)):
        sense, item = found.senses[each], int(found.items[each])
        assert found.n_sense[each] == per_sense[sense][item]
        in_list = per_sense[0][item] + per_sense[1][item]
        assert found.share_list[each] == in_list / 120
        np.testing.assert_allclose(found.contrast_z[each], log_odds_z(found.n_sense[each], 60, in_list, 120))


def test_shares_of_tokens() -> None:
    codes = np.array([0, 0, 0, 1, 1, 1] * 40, np.int32)
    codes[:120] = 0
    items = items_of_tokens(codes, np.arange(0, 241, 6), n_items=2, occurrences=True)
    rows, labels = np.arange(40, dtype=np.int32)[None], np.repeat([0, 1], 20).astype(np.int8)[None]
    kind = SenseItems("tag", items, np.array([120, 1200]), 1320, np.ones(2), 2, of_tokens=True)
    found = sense_evidence(kind, rows, labels, lists=np.array([0], np.intp), times_longer=np.ones(1), min_share=0.1)
    assert found.share_sense[0] == 1.0
    assert (found.senses[0], found.items[0], found.share_list[0]) == (0, 0, 0.75)


def test_no_list_with_several_senses() -> None:
    items = items_of_tokens(np.zeros(4, np.int32), np.arange(5), n_items=1)
    kind = SenseItems("word", items, np.ones(1, np.int64), 4, np.ones(1), 2)
    rows = np.zeros((1, 4), np.int32)
    found = sense_evidence(
        kind, rows, rows.astype(np.int8), lists=np.array([], np.intp), times_longer=np.ones(1), min_share=0.1
    )
    assert len(found.lists) == 0
