"""What the convergence monitor knows of the sentences it looks into, against counting by hand."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from neurolect.collector.convergence import sampled_items
from neurolect.collector.convergence.sampled_items import (
    ItemShare,
    SampledItems,
    found_items,
    hash_items,
    item_share,
)

ALL = item_share(sampled=1, list_size=1, seed=3)
TEXTS = ["The cat sat", "a cat", "The dog sat on the dog", "1851 was a year", "", "dog"]


def table(first: int, last: int) -> pa.Table:
    years = pa.array([1851.0, None, 0.5, 1851.0, None, 2.0])
    topics = pa.array(["cats", "cats", None, "dog", "dog", None]).dictionary_encode()
    columns = {"sentence_id": pa.array(range(6), pa.int64()), "text": TEXTS, "year": years, "topic": topics}
    return pa.table(columns).slice(first, last - first)


def names_of(text: str, row: int) -> set[str]:
    fields: list[tuple[str, list[object]]] = [
        ("year", [1851, None, 0.5, 1851, None, 2]),
        ("topic", ["cats", "cats", None, "dog", "dog", None]),
    ]
    own = {f"{field}\x1f{values[row]}" for field, values in fields if values[row] is not None}
    return set(text.lower().split()) | own


def numbered(items: SampledItems) -> list[str]:
    """Name the items in the order of their numbers."""
    known = {name for row, text in enumerate(TEXTS) for name in names_of(text, row)}
    names = dict(zip(hash_items(known).tolist(), known, strict=True))
    return [names[key] for key in items.to_arrays()["hashes"].tolist()]


def by_sentence(items: SampledItems) -> dict[int, set[str]]:
    names = numbered(items)
    ids, starts, numbers = items.rows()
    ranges = zip(ids.tolist(), starts[:-1], starts[1:], strict=True)
    return {key: {names[number] for number in numbers[start:stop]} for key, start, stop in ranges}


@pytest.mark.parametrize("elsewhere", [False, True])
def test_items_and_shares_are_those_counted_by_hand(*, elsewhere: bool) -> None:
    items = SampledItems(("year", "topic"), share=ALL)
    for part in (table(0, 2), table(2, 6)):
        found = found_items(part, fields=items.fields, share=ALL) if elsewhere else None
        items.update(part, found=found)
    expected = {row: names_of(text, row) for row, text in enumerate(TEXTS)}
    assert by_sentence(items) == expected
    counts = Counter(name for names in expected.values() for name in names)
    shares = dict(zip(numbered(items), items.shares.tolist(), strict=True))
    assert shares == {name: count / 6 for name, count in counts.items()}


def test_only_sentences_whose_hash_lies_below_are_looked_into() -> None:
    few = item_share(sampled=1, list_size=3, seed=5)
    ids = np.arange(3000)
    texts = pa.table({"sentence_id": ids, "text": ["word"] * 3000})
    found = found_items(texts, fields=(), share=few)
    assert 850 < len(found.ids) < 1150
    assert found.ids.tolist() == found_items(texts, fields=(), share=ItemShare(*few)).ids.tolist()
    assert set(found.ids) < set(ids)


def test_it_resumes_from_its_arrays_as_if_never_stopped() -> None:
    whole = SampledItems(("topic",), share=ALL)
    whole.update(table(0, 3))
    other = SampledItems(("topic",), share=ALL)
    other.load(whole.to_arrays())
    for each in (whole, other):
        each.update(table(3, 6))
    for name, array in whole.to_arrays().items():
        assert np.array_equal(array, other.to_arrays()[name]), name


def test_new_items_have_no_number_once_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled_items, "_MAX_ITEMS", 3)
    items = SampledItems((), share=ALL)
    items.update(table(0, 6))
    assert numbered(items) == ["cat", "sat", "the"]
    assert items.shares.tolist() == [2 / 6, 2 / 6, 2 / 6]
    assert (items.rows()[2] == -1).any()
