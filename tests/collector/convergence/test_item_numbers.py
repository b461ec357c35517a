"""Numbers found by hash are those of a dictionary of the names."""

from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.collector.convergence import sampled_items as item_numbers
from neurolect.collector.convergence.sampled_items import ItemNumbers, hash_items
from tests.reference.item_numbers import PlainItemNumbers

NAMES = st.one_of(st.sampled_from([f"w{number}" for number in range(30)]), st.text(max_size=3))
BATCHES = st.lists(st.lists(NAMES, max_size=20), max_size=12)


@given(BATCHES, st.integers(0, 60), st.integers(1, 9), st.integers(0, 12))
@settings(max_examples=100)
def test_numbers_are_those_of_a_dictionary_stopped_or_not(
    batches: list[list[str]], most: int, lately: int, stop: int
) -> None:
    ours, plain = ItemNumbers(most), PlainItemNumbers(most)
    with patch.object(item_numbers, "_LEAST_LATELY", lately):
        for number, names in enumerate(batches):
            if number == stop:
                ours = ItemNumbers.from_hashes(ours.hashes(), most=most)
            assert ours.number(hash_items(names)).tolist() == plain.number(names)
            assert len(ours) == len(plain.numbers)
    assert ours.hashes().tolist() == hash_items(plain.numbers).tolist()


def test_hashes_are_the_same_everywhere() -> None:
    # of blake2b with a digest of 8 bytes, read from the little end
    assert hash_items(["whale", "year\x1f1851", "\u00e9t\u00e9", "\ud800"]).tolist() == [
        9810230503022157388,
        15129134369449038455,
        15573535892061639100,
        7497787021708494914,
    ]
    assert hash_items([]).dtype == np.uint64


def test_few_are_copied_when_some_are_new() -> None:
    ours = ItemNumbers(1_000_000)
    ours.number(np.arange(1, 100_001, dtype=np.uint64))
    held = ours._held
    ours.number(np.arange(200_000, 204_000, dtype=np.uint64))
    assert ours._held is held
    ours.number(np.arange(300_000, 310_000, dtype=np.uint64))
    assert ours._held is not held
    assert ours.number(np.array([300_005, 7, 1 << 40], dtype=np.uint64)).tolist() == [104_005, 6, 114_000]
