import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.comparison.overlaps import best_shared, shared_shares

_LISTS = st.lists(st.sets(st.integers(0, 30), max_size=8), min_size=1, max_size=6)


@settings(max_examples=80)
@given(_LISTS, _LISTS)
def test_the_best_partner_is_that_of_all_pairs(one: list[set[int]], two: list[set[int]]) -> None:
    first, second = ([np.array(sorted(each), dtype=np.int64) for each in lists] for lists in (one, two))
    both = best_shared(first, second)
    for found, mine, theirs, lists in (
        (both[0], one, two, (first, second)),
        (both[1], two, one, (second, first)),
    ):
        for row, own in enumerate(mine):
            shares = [len(own & other) / max(min(len(own), len(other)), 1) for other in theirs]
            greatest = max(shares)
            assert found.best[row] == (shares.index(greatest) if greatest else -1)
            assert np.isnan(found.shares[row]) == (greatest == 0)
            if greatest:
                assert found.shares[row] == np.float32(greatest)
        partners = shared_shares(*lists, partners=found.best)
        np.testing.assert_array_equal(partners, found.shares)
