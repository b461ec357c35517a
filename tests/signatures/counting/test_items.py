"""The counting kernel against plain counting."""

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.signatures.counting.items import (
    count_in_lists,
    count_in_rows,
    items_of_entries,
    items_of_tokens,
    items_of_values,
)
from neurolect.signatures.inputs import Lists
from tests.reference.item_counts import count_in_lists as plain_count_in_lists

N_ITEMS = 7
sentences_of_codes = st.lists(st.lists(st.integers(0, N_ITEMS - 1), max_size=8), min_size=1, max_size=12)


@settings(max_examples=60)
@given(sentences_of_codes, st.data(), st.booleans(), st.integers(1, 3), st.integers(1, 3))
def test_equals_plain_counting(
    sentences: list[list[int]],
    data: st.DataObject,
    occurrences: bool,
    min_count: int,
    workers: int,
) -> None:
    rows = st.lists(st.integers(0, len(sentences) - 1), unique=True, max_size=len(sentences))
    lists = data.draw(st.lists(rows, max_size=300 if min_count == 1 else 5))
    inside = np.array(data.draw(st.lists(st.booleans(), min_size=len(sentences), max_size=len(sentences))))
    width = max((len(each) for each in lists), default=0)
    padded = [each + [-1] * (width - len(each)) for each in lists]
    offsets = np.array([0, *accumulate(len(each) for each in sentences)], dtype=np.int64)
    codes = np.array([code for each in sentences for code in each], dtype=np.int32)
    items = items_of_tokens(codes, offsets, n_items=N_ITEMS, occurrences=occurrences)
    counted = count_in_lists(
        items,
        Lists(np.array(padded, dtype=np.int32).reshape(len(lists), width), ("top",)),
        in_background=inside,
        min_counts=np.full(len(lists), min_count, dtype=np.int64),
        workers=workers,
    )
    plain = plain_count_in_lists(
        sentences, lists, in_background=inside.tolist(), min_count=min_count, occurrences=occurrences
    )
    assert list(zip(*(column.tolist() for column in counted), strict=True)) == plain


def test_more_lists_than_a_block_come_out_in_order() -> None:
    items = items_of_values([np.array([0, 1, -1], dtype=np.int32)], n_items=[2])
    lists = Lists(np.tile(np.array([[0, 1, 2]], dtype=np.int32), (300, 1)), ("top",))
    counted = count_in_lists(
        items, lists, in_background=np.array([True, False, True]), min_counts=np.ones(300, np.int64), workers=2
    )
    assert counted.lists.tolist() == [each for each in range(300) for _ in range(2)]
    assert counted.items.tolist() == [0, 1] * 300
    assert counted.n_overlap.tolist() == [1, 0] * 300


def test_values_of_fields_are_numbered_one_field_after_the_other() -> None:
    items = items_of_values([np.array([0, 1, -1], np.int32), np.array([-1, 2, 0], np.int32)], n_items=[2, 3])
    assert [items.codes[items.offsets[row] : items.offsets[row + 1]].tolist() for row in range(3)] == [
        [0],
        [1, 4],
        [2],
    ]
    assert items.n_items == 5


def test_more_entries_than_there_was_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    items = items_of_values([np.array([0, 1, 2], np.int32)], n_items=[3])
    lists = Lists(np.array([[0, 1], [1, 2]], np.int32), ("top",))
    inside, least = np.array([True, False, True]), np.ones(2, np.int64)
    roomy = count_in_lists(items, lists, in_background=inside, min_counts=least)
    monkeypatch.setattr("neurolect.signatures.counting.items.ENTRIES_PER_LIST", 1)
    narrow = count_in_lists(items, lists, in_background=inside, min_counts=least)
    assert narrow.items.tolist() == [0, 1, 1, 2]
    for one, other in zip(roomy, narrow, strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other))


def test_only_kept_tokens_count_and_rows_choose_sentences() -> None:
    codes, offsets = np.array([0, 1, 1, 2], dtype=np.int32), np.array([0, 3, 4], dtype=np.int64)
    items = items_of_tokens(codes, offsets, n_items=3, keep=np.array([False, True, True, True]), occurrences=True)
    assert count_in_rows(items, np.array([True, False])).tolist() == [0, 2, 0]
    assert count_in_rows(items, np.array([True, True])).tolist() == [0, 2, 1]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 6)), unique=True, max_size=40))
def test_entries_in_any_order_become_rows(entries: list[tuple[int, int]]) -> None:
    rows = np.array([row for row, _ in entries], np.int64)
    codes = np.array([code for _, code in entries], np.int32)
    items = items_of_entries(rows, codes, n_rows=6, n_items=7)
    found = [items.codes[start:end].tolist() for start, end in zip(items.offsets, items.offsets[1:], strict=False)]
    assert found == [sorted(code for row, code in entries if row == each and code >= 0) for each in range(6)]
    assert items.weights.tolist() == [1] * len(items.codes)
    assert items.n_items == 7
