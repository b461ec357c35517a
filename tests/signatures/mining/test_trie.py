import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurolect.signatures.mining.trie import TrieUnion, padded_items, pruned
from tests.signatures.pattern_strategies import as_tuples, flat, trie_of_patterns

pattern_lists = st.lists(
    st.lists(st.integers(0, 60_000), min_size=1, max_size=4).map(tuple), min_size=1, max_size=40
)


def prefixes(patterns: list[tuple[int, ...]]) -> set[tuple[int, ...]]:
    return {each[:length] for each in patterns for length in range(1, len(each) + 1)}


@given(pattern_lists)
def test_a_trie_holds_each_pattern_and_prefix_once(patterns: list[tuple[int, ...]]) -> None:
    trie, nodes = trie_of_patterns(*flat(patterns))
    written = as_tuples(trie)
    assert len(written) == len(set(written))
    assert set(written) == prefixes(patterns)
    assert [written[node] for node in nodes] == patterns
    table = padded_items(trie, nodes, length=4)
    assert [tuple(row[row >= 0].tolist()) for row in table] == patterns


@given(st.lists(pattern_lists, min_size=1, max_size=4))
def test_a_union_holds_the_patterns_of_all(groups: list[list[tuple[int, ...]]]) -> None:
    union = TrieUnion()
    places = []
    for group in groups:
        trie, nodes = trie_of_patterns(*flat(group))
        places.append(union.update(trie)[nodes])
    written = as_tuples(union.trie())
    assert len(written) == len(union) == len(set(written))
    for group, nodes in zip(groups, places, strict=True):
        assert [written[node] for node in nodes] == group


def test_a_union_grows() -> None:
    union = TrieUnion()
    first, _ = trie_of_patterns(*flat([[k, k % 7] for k in range(3_000)]))
    second, _ = trie_of_patterns(*flat([[k, k % 5] for k in range(6_000)]))
    union.update(first)
    union.update(second)
    expected = {(k,) for k in range(6_000)} | {(k, k % 7) for k in range(3_000)}
    assert set(as_tuples(union.trie())) == expected | {(k, k % 5) for k in range(6_000)}


@given(pattern_lists, st.data())
def test_pruning_keeps_what_is_asked_and_its_prefixes(patterns: list[tuple[int, ...]], data: st.DataObject) -> None:
    trie, nodes = trie_of_patterns(*flat(patterns))
    kept = data.draw(st.lists(st.sampled_from(nodes.tolist()), unique=True))
    small, places = pruned(trie, np.array(kept, np.int32))
    whole, written = as_tuples(trie), as_tuples(small)
    assert [written[place] for place in places] == [whole[node] for node in kept]
    assert set(written) == prefixes([whole[node] for node in kept])
