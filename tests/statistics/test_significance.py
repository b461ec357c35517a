"""G2, false discoveries, intervals: against their definitions, and on lists that are sampled at random."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2_contingency, false_discovery_control, hypergeom

from neurolect.signatures.patterns.evidence import PatternEvidence
from neurolect.signatures.patterns.options import SkipNgramOptions
from neurolect.signatures.patterns.skip_ngrams import mine_skip_ngrams
from neurolect.statistics.significance import false_discoveries, fisher_surprise, g2_root, wilson_interval
from tests.signatures.pattern_strategies import flat


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 90), st.integers(1, 90))
def test_g2_is_the_log_likelihood_ratio(held: int, without: int, rest: int, rest_without: int) -> None:
    root = float(g2_root(held, held + without, rest, rest + rest_without, n_overlap=0, size_overlap=0))
    table = np.array([[held, without], [rest, rest_without]])
    if not (table.sum(axis=0).all() and table.sum(axis=1).all()):
        assert root == pytest.approx(0.0, abs=1e-6)
        return
    g2 = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert root**2 == pytest.approx(g2, abs=1e-6)
    if g2 > 1e-6:
        assert (root > 0) == (held * rest_without > rest * without)


def test_the_list_is_taken_out_of_the_background() -> None:
    inside = g2_root(30, 100, 130, 1_100, n_overlap=30, size_overlap=100)
    alone = g2_root(30, 100, 100, 1_000, n_overlap=0, size_overlap=0)
    assert float(inside) == float(alone)
    assert float(g2_root(3, 10, 3, 10, n_overlap=3, size_overlap=10)) == 0.0


@given(st.integers(0, 30), st.integers(1, 40), st.integers(0, 30), st.integers(1, 40))
def test_fisher_is_the_hypergeometric_tail(held: int, size: int, rest: int, size_rest: int) -> None:
    held, rest = min(held, size), min(rest, size_rest)
    none = np.zeros(1, np.int64)
    surprise = fisher_surprise(np.array([held]), size, np.array([rest]), size_rest, n_overlap=none, size_overlap=0)
    p = hypergeom.sf(held - 1, size + size_rest, held + rest, size)
    expected = -math.log(p) if held * size_rest > rest * size else 0.0
    assert float(surprise[0]) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@given(st.lists(st.floats(0, 20, width=32), min_size=1, max_size=30), st.integers(0, 50))
def test_q_is_that_of_benjamini_and_hochberg(surprises: list[float], n_others: int) -> None:
    asked = np.array(surprises, np.float32)
    n_tests = len(surprises) + n_others
    found = false_discoveries(asked, every=asked[asked > 0], n_tests=n_tests, rate=0.05)
    q = false_discovery_control(np.exp(-np.append(asked.astype(np.float64), np.zeros(n_others))))[: len(asked)]
    assert found.q == pytest.approx(np.where(asked > 0, q, 1.0), rel=1e-6)
    assert found.n_passed == np.count_nonzero(found.q[asked > 0] <= 0.05)


@given(st.integers(1, 3_000).flatmap(lambda size: st.tuples(st.integers(0, size), st.just(size))))
def test_interval_is_that_of_scipy(counts: tuple[int, int]) -> None:
    interval = binomtest(*counts).proportion_ci(method="wilson")
    low, high = wilson_interval(*counts)
    assert (float(low), float(high)) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_interval_covers_the_share_that_was_sampled() -> None:
    random = np.random.default_rng(2)
    for share in (0.001, 0.02, 0.4):
        low, high = wilson_interval(random.binomial(2_000, share, 4_000), 2_000)
        assert 0.92 < np.mean((low <= share) & (share <= high)) < 0.98
    assert wilson_interval(10, 10)[1] == 1.0


@pytest.mark.parametrize("seed", [0, 1])
def test_random_lists_have_no_discoveries(seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = 1 / np.arange(1, 201)
    sentences = [random.choice(200, 12, p=weights / weights.sum()).tolist() for _ in range(3_000)]
    lists = np.stack([random.choice(3_000, 150, replace=False) for _ in range(60)]).astype(np.int32)

    def mined(lists: NDArray[np.int32]) -> PatternEvidence:
        options = SkipNgramOptions(word_min_association=0.0, min_z=0.0)
        rows = np.arange(0, 3_000, 2)
        return mine_skip_ngrams(*flat(sentences), lists=lists, background_rows=rows, item="word", options=options)

    by_chance = mined(lists)
    assert by_chance.n_passed == 0
    assert by_chance.n_tests > 60 * 500
    lists[0] = [row for row, words in enumerate(sentences) if {3, 4} <= set(words)][:150]
    found = mined(lists)
    passes = found.list_index[found.tests.q <= 0.05]
    assert 20 < np.count_nonzero(passes == 0) <= found.n_passed
    assert np.count_nonzero(passes) <= 0.1 * len(passes)
