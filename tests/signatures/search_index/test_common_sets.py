import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.search_index.common_sets import common_patterns, common_sets
from neurolect.signatures.search_index.kernels import count_bits, hold_patterns
from tests.reference.patterns_plain import holds

N_ITEMS = 4
a_sentence = st.lists(st.integers(0, N_ITEMS - 1), max_size=9)
a_pattern = st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=3)


def flat(sentences: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    codes = np.array([code for each in sentences for code in each], np.int32)
    return codes, np.cumsum([0, *map(len, sentences)]).astype(np.int64)


@given(
    sentences=st.lists(a_sentence, max_size=8),
    patterns=st.lists(a_pattern, max_size=70),
    gap=st.integers(0, 3),
    times=st.sampled_from([1, 20]),  # 20: sentences of more than 64 items
)
def test_bits_are_those_of_the_plain_way(
    sentences: list[list[int]], patterns: list[list[int]], gap: int, times: int
) -> None:
    sentences = [each * times for each in sentences]
    codes, offsets = flat(sentences)
    padded = np.array([each + [-1] * (3 - len(each)) for each in patterns], np.int32).reshape(-1, 3)
    bits = np.zeros((len(sentences), 2), np.uint64)
    hold_patterns(codes, offsets, np.arange(len(sentences)), padded, gap, N_ITEMS, 0, bits)
    for sentence, words in zip(sentences, bits.tolist(), strict=True):
        held = [bool(words[each // 64] >> each % 64 & 1) for each in range(len(patterns))]
        assert held == [holds(sentence, tuple(pattern), max_gap=gap) for pattern in patterns]


@given(
    lists=st.lists(st.lists(st.integers(0, 29), unique=True, max_size=30), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_every_bit_is_counted_in_every_list(lists: list[list[int]], seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 1 << 63, (30, 2)).astype(np.uint64)
    rows = np.array([each + [-1] * (30 - len(each)) for each in lists], np.int32)
    counts = np.zeros((100, len(lists)), np.uint16)
    count_bits(rows, bits, counts)
    for bit in range(100):
        has = [bool(int(words[bit // 64]) >> bit % 64 & 1) for words in bits]
        assert counts[bit].tolist() == [sum(has[row] for row in each) for each in lists]


@pytest.fixture(scope="module")
def coded() -> CodedSentences:
    rng = np.random.default_rng(3)
    codes, offsets = flat([rng.integers(0, N_ITEMS, rng.integers(1, 9)).tolist() for _ in range(300)])
    names = list("abcd")
    return CodedSentences(offsets, codes, codes[::-1].copy(), names, names, np.ones(4, np.bool_), names)


def test_members_and_counts_fit_together(coded: CodedSentences) -> None:
    rng = np.random.default_rng(0)
    rows = np.stack([rng.permutation(300)[:100] for _ in range(5)]).astype(np.int32)
    sets = common_sets(coded, rows, max_sets=70)
    assert len(sets.members) == 70
    members = np.unpackbits(sets.members, axis=1, bitorder="little")[:, :300]
    assert sets.counts.tolist() == [[int(each[row].sum()) for row in rows] for each in members]
    shares = members.mean(axis=1)
    assert shares.min() >= 0.05
    assert shares.max() <= 0.95
    assert len(common_sets(coded, rows, max_sets=0).members) == 0


def test_every_pattern_in_enough_sentences_is_found(coded: CodedSentences) -> None:
    patterns, shares = common_patterns(coded.words, coded.offsets, n_items=N_ITEMS, gap=1, min_share=0.3)
    sentences = [coded.words[a:b].tolist() for a, b in zip(coded.offsets, coded.offsets[1:], strict=False)]
    found = {tuple(each[each >= 0].tolist()): share for each, share in zip(patterns, shares.tolist(), strict=True)}
    pairs = [(a,) for a in range(N_ITEMS)] + [(a, b) for a in range(N_ITEMS) for b in range(N_ITEMS)]
    plain = {each: np.mean([holds(sentence, each, max_gap=1) for sentence in sentences]) for each in pairs}
    assert {each for each in found if len(each) < 3} == {each for each, share in plain.items() if share >= 0.3}
    assert all(found[each] == pytest.approx(plain[each]) for each in found if len(each) < 3)
