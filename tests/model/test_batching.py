"""Batches: every sentence once, within the budget, the same however often planned."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurolect.model.batching import Feeding, pad, plan_batches, plan_fed
from neurolect.model.tokens import TokenizedSentences


def plan_plainly(lengths: list[int], budget: int) -> list[list[int]]:
    order = sorted(range(len(lengths)), key=lambda each: (lengths[each], each))
    batches: list[list[int]] = []
    for each in order:
        if batches and (len(batches[-1]) + 1) * max(1, lengths[each]) <= budget:
            batches[-1].append(each)
        else:
            batches.append([each])
    return batches


@given(lengths=st.lists(st.integers(0, 40), max_size=60), budget=st.integers(1, 100))
def test_plans_equal_their_plain_twin(lengths: list[int], budget: int) -> None:
    planned = plan_batches(lengths, token_budget=budget)
    assert [batch.tolist() for batch in planned] == plan_plainly(lengths, budget)


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=8), data=st.data())
def test_padding_puts_every_token_in_its_place(lengths: list[int], data: st.DataObject) -> None:
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    ids = np.arange(10, 10 + offsets[-1], dtype=np.int32)
    first = np.zeros(len(lengths), dtype=np.int32)
    end = np.array(lengths, dtype=np.int32)
    sentences = TokenizedSentences(ids, offsets, first, end, 0, np.empty(0, dtype=np.int64))
    chosen = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1))
    batch = pad(sentences, positions=np.array(chosen), pad_id=7)
    longest = max(lengths[each] for each in chosen)
    for row, each in enumerate(chosen):
        own = ids[offsets[each] : offsets[each + 1]].tolist()
        n_pads = longest - len(own)
        assert batch.ids[row].tolist() == own + [7] * n_pads
        assert batch.mask[row].tolist() == [1] * len(own) + [0] * n_pads
        assert (int(batch.first[row]), int(batch.end[row])) == (0, len(own))


def test_sentences_go_together_only_where_that_is_the_same() -> None:
    lengths = np.array([3, 9, 3, 1, 9, 3, 12])

    def plan(feeding: Feeding, budget: int = 20) -> list[list[int]]:
        return [each.tolist() for each in plan_fed(lengths, token_budget=budget, feeding=feeding)]

    assert plan(Feeding("equal")) == [[3], [0, 2, 5], [1, 4], [6]]
    assert plan(Feeding("equal"), 6) == [[3], [0, 2], [5], [1], [4], [6]]
    assert plan(Feeding("equal", least=9)) == [[0, 1], [2, 3], [4, 5], [6]]
    assert plan(Feeding("alone")) == [[3], [0], [2], [5], [1], [4], [6]]
    assert plan(Feeding()) == [each.tolist() for each in plan_batches(lengths, token_budget=20)]
    assert plan_fed(lengths[:0], token_budget=20, feeding=Feeding("equal")) == []
    assert [str(each) for each in (Feeding(), Feeding("equal", 4, afresh=True))] == [
        "any",
        "equal, at least 4, afresh",
    ]
