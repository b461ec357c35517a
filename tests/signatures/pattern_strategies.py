"""Small random sentence databases for the pattern tests."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.signatures.mining.trie import PatternTrie, TrieUnion, pattern_items

N_CODES = 5


class Flat(NamedTuple):
    codes: NDArray[np.int32]
    offsets: NDArray[np.int64]


def flat(sentences: Sequence[Sequence[int]]) -> Flat:
    """Sentences as flat codes and offsets."""
    offsets = np.zeros(len(sentences) + 1, np.int64)
    offsets[1:] = np.cumsum([len(each) for each in sentences])
    return Flat(np.array([code for each in sentences for code in each], np.int32), offsets)


def as_tuples(trie: PatternTrie) -> list[tuple[int, ...]]:
    """All patterns of a trie, written out."""
    items, offsets = pattern_items(trie, np.arange(len(trie.parent), dtype=np.int32))
    return [tuple(items[offsets[k] : offsets[k + 1]].tolist()) for k in range(len(offsets) - 1)]


# -1 is a place without an item.
databases = st.lists(st.lists(st.integers(-1, N_CODES - 1), max_size=8), min_size=1, max_size=12)
masks = st.lists(st.booleans(), min_size=N_CODES, max_size=N_CODES)
gaps = st.one_of(st.none(), st.integers(0, 3))


def trie_of_patterns(items: NDArray[np.int32], offsets: NDArray[np.int64]) -> tuple[PatternTrie, NDArray[np.int32]]:
    """Build the trie that holds the given patterns and their prefixes: every pattern a chain, then the union."""
    parent = np.arange(-1, len(items) - 1, dtype=np.int32)
    parent[offsets[:-1]] = -1
    union = TrieUnion()
    nodes = union.update(PatternTrie(parent, np.asarray(items, dtype=np.int32)))
    return union.trie(), nodes[offsets[1:] - 1]
