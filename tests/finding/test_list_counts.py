import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurolect.finding import list_counts
from neurolect.finding.list_counts import count_in_lists
from neurolect.signatures.index_run import invert_lists
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
