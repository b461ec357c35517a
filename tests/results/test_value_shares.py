import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.results import field_numbers as value_shares
from neurolect.results.field_numbers import one_sidedness, shares_of_value
from neurolect.results.list_entries import ListEntries

LISTS = st.lists(st.lists(st.integers(0, 19), min_size=1, max_size=30), min_size=1, max_size=6)


def entries_of(lists: list[list[int]]) -> ListEntries:
    starts = np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64)
    return ListEntries(starts, np.array([row for each in lists for row in each], dtype=np.int32))


@settings(max_examples=40)
@given(LISTS)
def test_shares_are_counted(lists: list[list[int]]) -> None:
    codes = np.random.default_rng(0).integers(-1, 3, size=20).astype(np.int32)
    found = shares_of_value(entries_of(lists), codes, value=1)
    assert found.tolist() == pytest.approx([np.mean([codes[row] == 1 for row in each]) for each in lists])


@settings(max_examples=40)
@given(LISTS)
def test_one_sidedness_is_that_of_the_definition_in_any_blocks(lists: list[list[int]]) -> None:
    codes = np.random.default_rng(1).integers(-1, 3, size=20).astype(np.int32)
    background = np.array([50, 30, 20])
    entries = entries_of(lists)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_shares, "BLOCK_CELLS", 6)
        found = one_sidedness(entries, codes, background=background, min_labelled=3)
    for place, each in enumerate(lists):
        counts = [sum(int(codes[row] == value) for row in each) for value in range(3)]
        usual = background / 100
        ratios = (np.array(counts) + 10 * usual) / (sum(counts) + 10) / usual
        shares = ratios / ratios.sum()
        assert found.n_labelled[place] == sum(counts)
        if sum(counts) < 3:
            assert np.isnan(found.deviation[place])
        else:
            assert found.deviation[place] == pytest.approx(shares.std())
            assert shares[found.leading[place]] == pytest.approx(shares.max())


def test_a_list_like_the_corpus_is_not_one_sided() -> None:
    codes = np.repeat([0, 1], [15, 5]).astype(np.int32)
    found = one_sidedness(
        entries_of([list(range(20)), list(range(15))]), codes, background=np.array([75, 25]), min_labelled=1
    )
    assert found.deviation[0] == pytest.approx(0.0, abs=1e-12)
    assert found.deviation[1] > 0.2


def test_unbalanced_shares_are_those_of_the_labelled_sentences() -> None:
    codes = np.array([0] * 9 + [1] * 3 + [-1] * 8, dtype=np.int32)
    found = one_sidedness(
        entries_of([list(range(20)), list(range(9, 20))]),
        codes,
        background=np.array([90, 10]),
        min_labelled=3,
        balanced=False,
    )
    # of two shares p and 1 - p the standard deviation is |p - 1/2|: 9 of 12 and none of 3
    assert found.deviation.tolist() == [0.25, 0.5]
    assert found.leading.tolist() == [0, 1]
