import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.signatures.mining.distinct_patterns import distinct_patterns
from neurolect.signatures.mining.projections import compact_sentences
from tests.reference.patterns_plain import Pattern, holds, supports
from tests.signatures.pattern_strategies import N_CODES, databases, flat, gaps


def plain_distinct(holders: list[set[int]], *, n_keep: int, max_overlap: float) -> list[int]:
    kept: list[int] = []
    for place, mine in enumerate(holders):
        if len(kept) < n_keep and all(
            len(mine & holders[other]) <= max_overlap * len(mine | holders[other]) for other in kept
        ):
            kept.append(place)
    return kept


@settings(max_examples=150)
@given(st.data())
def test_equals_comparing_the_sets_of_sentences(data: st.DataObject) -> None:
    sentences = data.draw(databases)
    max_gap = data.draw(gaps)
    everything = [True] * N_CODES
    found = sorted(supports(sentences, allowed=everything, max_length=3, max_gap=max_gap))
    ranking: list[Pattern] = data.draw(st.permutations(found))[:25]
    max_overlap = data.draw(st.sampled_from([0.3, 0.5, 0.75, 1.0]))
    n_keep = data.draw(st.integers(1, 12))
    holders = [
        {row for row, each in enumerate(sentences) if holds(each, pattern, max_gap=max_gap)} for pattern in ranking
    ]
    compact = compact_sentences(
        *flat(sentences), rows=np.arange(len(sentences)), allowed=np.array(everything), min_support=1
    )
    kept = distinct_patterns(
        compact,
        items=np.array([(*each, -1, -1)[:3] for each in ranking], np.int32).reshape(-1, 3),
        support=np.array([len(each) for each in holders], np.int32),
        max_gap=max_gap,
        n_keep=n_keep,
        max_overlap=max_overlap,
    )
    assert kept.tolist() == plain_distinct(holders, n_keep=n_keep, max_overlap=max_overlap)
