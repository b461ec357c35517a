"""Counts at depths and of documents against plain counting; the exact test against scipy's."""

from itertools import accumulate

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.signatures.counting.depths import count_strongest, depth_tests, held_in_lists, surprise
from neurolect.signatures.counting.items import items_of_tokens
from neurolect.signatures.inputs import Lists
from tests.reference.item_counts import held_in_list

N_ITEMS = 4


@settings(max_examples=40)
@given(st.data(), st.integers(1, 150), st.integers(1, 2))
def test_equals_plain_counting(data: st.DataObject, n_sentences: int, workers: int) -> None:
    seed = data.draw(st.integers(0, 2**16))
    random = np.random.default_rng(seed)
    sentences = [random.integers(0, N_ITEMS, random.integers(0, 5)).tolist() for _ in range(n_sentences)]
    documents = np.sort(random.integers(0, max(1, n_sentences // 3), n_sentences))
    inside = random.random(n_sentences) < 0.5
    width = n_sentences
    rows = np.full((3, width), -1, np.int32)
    for each in range(3):
        size = int(random.integers(0, width + 1))
        rows[each, :size] = random.permutation(n_sentences)[:size]
    offsets = np.array([0, *accumulate(map(len, sentences))], np.int64)
    codes = np.array([code for each in sentences for code in each], np.int32)
    items = items_of_tokens(codes, offsets, n_items=N_ITEMS)
    row_lists = np.repeat(np.arange(3, dtype=np.int32), N_ITEMS)
    row_items = np.tile(np.arange(N_ITEMS, dtype=np.int32), 3)
    held = held_in_lists(
        items,
        Lists(rows, ("top",), documents),
        row_lists=row_lists,
        row_items=row_items,
        inside=inside,
        workers=workers,
    )
    for row, (number, item) in enumerate(zip(row_lists.tolist(), row_items.tolist(), strict=True)):
        plain = held_in_list(
            sentences, rows[number].tolist(), item, documents=documents.tolist(), inside=inside.tolist()
        )
        low, high = held.places[row].tolist()
        assert [place for place in range(128) if (low | high << 64) >> place & 1] == plain[0]
        assert (held.n_sentences[row], held.n_overlap[row], held.n_documents[row]) == plain[1:4]
        np.testing.assert_allclose(held.clustering[row], plain[4])


def test_bits_are_counted_to_a_depth() -> None:
    places = np.array([[2**64 - 1, 2**64 - 1], [0b1000000001, 0]], np.uint64)
    assert count_strongest(places, 10).tolist() == [10, 2]
    assert count_strongest(places, 100).tolist() == [100, 2]


def test_the_exact_test_is_fishers_and_documents_weaken_it() -> None:
    one = np.ones(1)
    alone = surprise(7 * one, 10 * one, 20 * one, 990 * one, clustering=one)
    # scipy.stats.hypergeom.sf(6, 1000, 27, 10)
    np.testing.assert_allclose(np.exp(-alone), 5.19995e-10, rtol=1e-4)
    together = surprise(7 * one, 10 * one, 20 * one, 990 * one, clustering=7 * one)
    assert 0 < together[0] < alone[0] / 3
    assert surprise(one, 50 * one, 20 * one, 990 * one, clustering=one)[0] == 0


def test_a_document_that_fills_the_peak_does_not_pass_and_many_do() -> None:
    n = 400
    has = np.zeros(n, np.int64)
    has[:20] = 1
    items = items_of_tokens(np.zeros(20, np.int32), np.minimum(np.arange(n + 1), 20), n_items=1)
    rows = np.arange(100, dtype=np.int32)[None, :]
    one_document = np.concatenate([np.zeros(20, np.int64), np.arange(1, n - 19)])
    found = []
    for documents in (None, one_document):
        lists = Lists(rows, ("top",), documents)
        held = held_in_lists(
            items,
            lists,
            row_lists=np.zeros(1, np.int32),
            row_items=np.zeros(1, np.int32),
            inside=np.ones(n, np.bool_),
        )
        found.append(
            depth_tests(
                held,
                lists,
                row_lists=np.zeros(1, np.int32),
                n_background=np.array([20]),
                size_background=n,
                inside=np.ones(n, np.bool_),
                n_items=10,
            )
        )
    apart, together = found
    assert (apart.share_10[0], apart.share_100[0], apart.usual[0]) == (1.0, 0.2, 0.05)
    assert (apart.n_documents[0], together.n_documents[0]) == (20, 1)
    assert apart.q_10[0] < 1e-9 < 0.05 <= together.q_10[0]
    assert together.clustering[0] == 20
