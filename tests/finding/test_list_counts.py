import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.finding import list_counts
from neurolect.finding.list_counts import CommonSets, count_in_lists
from neurolect.signatures.search_index.write import invert_lists
from tests.reference.found_sentences import counts

N_SENTENCES = 12
a_list = st.lists(st.integers(0, N_SENTENCES - 1), unique=True, max_size=8)


@given(lists=st.lists(a_list, min_size=1, max_size=6), chosen=st.sets(st.integers(0, N_SENTENCES - 1)))
def test_counts_are_those_of_the_plain_way(lists: list[list[int]], chosen: set[int]) -> None:
    rows = np.array([each + [-1] * (8 - len(each)) for each in lists], dtype=np.int32)
    starts, numbers = invert_lists(rows, n_sentences=N_SENTENCES)
    sizes = np.array([len(each) for each in lists])
    found = count_in_lists(np.array(sorted(chosen), np.int64), starts=starts, numbers=numbers, sizes=sizes)
    assert found.tolist() == counts(chosen, lists)


@given(
    lists=st.lists(a_list, min_size=1, max_size=6),
    chosen=st.sets(st.integers(0, N_SENTENCES - 1)),
    sets=st.lists(st.sets(st.integers(0, N_SENTENCES - 1)), max_size=3),
)
def test_sets_counted_beforehand_change_nothing(
    lists: list[list[int]], chosen: set[int], sets: list[set[int]]
) -> None:
    rows = np.array([each + [-1] * (8 - len(each)) for each in lists], dtype=np.int32)
    starts, numbers = invert_lists(rows, n_sentences=N_SENTENCES)
    members = np.zeros((len(sets), 64), np.uint8)
    for number, each in enumerate(sets):
        members[number, sorted(each)] = 1
    counted = np.array([counts(each, lists) for each in sets], np.uint16).reshape(-1, len(lists))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(list_counts, "SOON", 0)
        found = count_in_lists(
            np.array(sorted(chosen), np.int64),
            starts=starts,
            numbers=numbers,
            sizes=np.array([len(each) for each in lists]),
            common=CommonSets(np.packbits(members, axis=1, bitorder="little"), counted),
        )
    assert found.tolist() == counts(chosen, lists)


def test_of_a_set_counted_beforehand_no_list_is_read() -> None:
    lists = [[0, 2, 4], [1, 2, 3], [5]]
    rows = np.array([each + [-1] * (3 - len(each)) for each in lists], dtype=np.int32)
    starts, numbers = invert_lists(rows, n_sentences=6)
    members = np.packbits(np.array([[1, 0, 1, 1, 0, 0] + [0] * 58], np.uint8), axis=1, bitorder="little")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(list_counts, "SOON", 0)
        found = count_in_lists(
            np.array([0, 2, 3]),
            starts=starts,
            numbers=np.zeros_like(numbers),
            sizes=np.array([3, 3, 1]),
            common=CommonSets(members, np.array([[2, 2, 0]], np.uint16)),
        )
    assert found.tolist() == [2, 2, 0]


def test_blocks_of_any_size_count_the_same() -> None:
    rng = np.random.default_rng(0)
    rows = np.stack([rng.permutation(5_000)[:3_000] for _ in range(200)]).astype(np.int32)
    starts, numbers = invert_lists(rows, n_sentences=5_000)
    sizes = np.full(200, 3_000)
    assert len(numbers) > 2 * list_counts.ENTRIES_PER_BLOCK
    for n in (1, 40, 1_500, 2_400, 4_990):
        chosen = np.sort(rng.permutation(5_000)[:n])
        found = count_in_lists(chosen, starts=starts, numbers=numbers, sizes=sizes)
        assert found.tolist() == np.isin(rows, chosen).sum(axis=1).tolist()
    run = np.arange(100, 2_300)  # neighbouring sentences are counted in one piece, longer than a block
    found = count_in_lists(run, starts=starts, numbers=numbers, sizes=sizes)
    assert found.tolist() == np.isin(rows, run).sum(axis=1).tolist()
