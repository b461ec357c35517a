"""Each finding against a plain twin or a case made by hand, and its rule on both sides of its bounds."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.paper.churn import (
    Distance,
    Look,
    judge_kept,
    judge_order,
    look_like_theirs,
    moved_finding,
    neurons_beyond_chance,
    replaced_by_chance,
)
from neurolect.paper.finding import Verdict, depth_correlation, thirds
from neurolect.paper.kinds import Found, judge_length, judge_share, judge_words
from neurolect.paper.one_sided_layers import (
    Change,
    change_of,
    is_selective,
    judge_deeper,
    judge_flat,
    judge_growing,
    judge_tuned,
)
from neurolect.paper.roles import (
    Agreement,
    ClusterAccuracy,
    explained,
    judge_accuracy,
    judge_depth,
    judge_diversity,
    judge_groups,
    judge_same_index,
    same_third,
)
from neurolect.paper.sentence_distances import sentence_distances

GOOD, PART, BAD = Verdict.reproduced, Verdict.differs, Verdict.not_reproduced


@pytest.mark.parametrize(("share", "base", "verdict"), [(0.74, 0.2, GOOD), (0.73, 0.2, PART), (0.73, 0.4, BAD)])
def test_shares(share: float, base: float, verdict: Verdict) -> None:
    assert judge_share(Found("hidden.1.0", share, base, ""), theirs=0.917) is verdict


@pytest.mark.parametrize(("words", "verdict"), [(5.0, GOOD), (5.1, PART), (10.1, BAD)])
def test_lengths(words: float, verdict: Verdict) -> None:
    assert judge_length(Found("hidden.1.0", words, 20.0, "")) is verdict


@pytest.mark.parametrize(("share", "base", "verdict"), [(0.1, 0.01, GOOD), (0.09, 0.005, PART), (0.5, 0.06, BAD)])
def test_words(share: float, base: float, verdict: Verdict) -> None:
    assert judge_words(Found("hidden.1.0", share, base, "")) is verdict


def test_a_value_that_the_corpus_never_has_is_infinitely_lifted() -> None:
    assert Found("hidden.1.0", 0.1, 0.0, "").lift == float("inf")


@settings(max_examples=25)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 10), st.integers(0, 5))
def test_the_law_is_the_mean_of_random_orders(n_before: int, n_new: int, size: int, seed: int) -> None:
    """The new entries of a list of the N best of n + m in random order are, on the mean, N m / (n + m)."""
    size = min(size, n_before)
    random = np.random.default_rng(seed)
    best = random.permuted(np.tile(np.arange(n_before + n_new), (4000, 1)), axis=1)[:, :size]
    found = (best >= n_before).sum(axis=1)
    expected = replaced_by_chance(n_before, n_new, list_size=size)
    error = found.std() / np.sqrt(len(found))
    assert abs(found.mean() - expected) <= 5 * error + 1e-9


def test_the_look_that_is_where_theirs_was() -> None:
    looks = [Look(n * 100, 100, 1 / n) for n in range(2, 25)]
    found = look_like_theirs(looks)
    assert found is not None
    assert found.n_sentences == 2000
    assert look_like_theirs(looks[:8]) is None, "read nine times as many sentences as since the look before"


@pytest.mark.parametrize(("kept", "verdict"), [(0.95, GOOD), (0.975, GOOD), (0.93, BAD), (0.99, BAD)])
def test_kept(kept: float, verdict: Verdict) -> None:
    assert judge_kept(kept) is verdict


def test_restless_neurons_are_those_beyond_chance() -> None:
    # 1,000 entries, 5 % expected: the deviation is 0.0069, five of them 0.0345
    churn = np.array([0.05, 0.08, 0.084, 0.085, 0.3])
    assert neurons_beyond_chance(churn, expected=0.05, list_size=1000) == 2
    assert neurons_beyond_chance(churn, expected=0.0, list_size=1000) == 0


@pytest.mark.parametrize(
    ("trained", "random", "verdict"),
    [((0.16, 0.15, 0.17), (0.1, 0.09, 0.11), GOOD), ((0.12, 0.1, 0.14), (0.1, 0.09, 0.11), PART),
     ((0.1, 0.09, 0.11), (0.1, 0.09, 0.11), BAD)],
)  # fmt: skip
def test_accuracy(
    trained: tuple[float, float, float], random: tuple[float, float, float], verdict: Verdict
) -> None:
    assert judge_accuracy(ClusterAccuracy(*trained, 0.1), ClusterAccuracy(*random, 0.1)) is verdict


@settings(max_examples=25)
@given(st.integers(12, 40), st.integers(1, 5), st.integers(0, 100))
def test_nearest_neurons_are_counted_as_plainly(n: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((n, 5)).astype(np.float32)
    deep = random.random(n) < 0.5
    hits = []
    for own in range(n):
        cosines = [
            float(np.dot(vectors[own], vectors[other]))
            / (float(np.linalg.norm(vectors[own])) * float(np.linalg.norm(vectors[other])))
            for other in range(n)
        ]
        order = sorted((other for other in range(n) if other != own), key=lambda other: -cosines[other])
        hits += [deep[other] == deep[own] for other in order[:k]]
    assert same_third(vectors, deep, k=k) == pytest.approx(np.mean(hits))


@pytest.mark.parametrize(("trained", "random", "verdict"), [(0.6, 0.59, GOOD), (0.59, 0.5, PART), (0.5, 0.5, BAD)])
def test_depth(trained: float, random: float, verdict: Verdict) -> None:
    assert judge_depth(trained, random) is verdict


def test_depth_correlation_is_of_ranks() -> None:
    layers = np.array([1, 1, 2, 2, 3, 3])
    assert depth_correlation(np.array([1.0, 2, 10, 11, 1000, 1001]), layers) == pytest.approx(0.9562, abs=1e-3)
    assert depth_correlation(np.array([9.0, 9, 5, 5, 1, 1]), layers) == pytest.approx(-1.0)
    assert np.isnan(depth_correlation(np.ones(6), layers))


def test_thirds_of_two_layers_are_one_each() -> None:
    shallow, deep = thirds(np.array([1, 1, 2]))
    assert (shallow.tolist(), deep.tolist()) == ([True, True, False], [False, False, True])


@pytest.mark.parametrize(("value", "deeper", "flat"), [(0.1, GOOD, BAD), (0.0, PART, GOOD), (-0.1, BAD, BAD)])
def test_slopes(value: float, deeper: Verdict, flat: Verdict) -> None:
    assert judge_deeper(value) is deeper
    assert judge_flat(value) is flat


@pytest.mark.parametrize(
    ("shallow", "deep", "verdict"),
    [(0.04, 0.1, GOOD), (-0.06, 0.1, PART), (0.0, 0.02, BAD), (0.0, 0.0, BAD), (0.1, -0.1, BAD)],
)
def test_fine_tuning(shallow: float, deep: float, verdict: Verdict) -> None:
    assert judge_tuned(Change(shallow, 0.01), Change(deep, 0.01)) is verdict


def test_changes_are_paired() -> None:
    random = np.random.default_rng(1)
    before = random.standard_normal(500) * 10
    after = before + 0.1 + 0.01 * random.standard_normal(500)
    found = change_of(before, after)
    assert found.mean == pytest.approx(np.mean(after - before))
    assert found.error < 0.001, "the neurons differ by far more than they change"
    assert found.rises
    assert not change_of(before, before).rises
    assert not change_of(before[:1], after[:1]).rises, "one neuron tells nothing"


def test_one_sided_neurons_are_counted_among_all() -> None:
    assert is_selective(np.array([0.2, 0.19, np.nan, 0.5])).tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(("learnt", "tuned", "verdict"), [(0.1, 0.1, GOOD), (-0.1, 0.1, PART), (0.02, 0.0, BAD)])
def test_growing(learnt: float, tuned: float, verdict: Verdict) -> None:
    assert judge_growing(Change(learnt, 0.01), Change(tuned, 0.01)) is verdict


def test_same_index() -> None:
    good, weak, chance = Agreement(0.1, 0.01), Agreement(0.09, 0.001), Agreement(0.5, 0.02)
    assert judge_same_index([good, good]) is GOOD
    assert judge_same_index([good, weak]) is PART
    assert judge_same_index([weak, chance]) is BAD


@pytest.mark.parametrize(("correlation", "verdict"), [(0.5, GOOD), (0.49, PART), (0.0, BAD)])
def test_diversity(correlation: float, verdict: Verdict) -> None:
    assert judge_diversity(correlation) is verdict


def test_groups_explain_what_is_grouped() -> None:
    random = np.random.default_rng(0)
    centres = random.standard_normal((3, 40))
    points = np.repeat(centres, 20, axis=0) + 0.01 * random.standard_normal((60, 40))
    unit = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    means = np.stack([unit[start : start + 20].mean(axis=0) for start in (0, 20, 40)]).repeat(20, axis=0)
    plain = 1 - ((unit - means) ** 2).sum() / ((unit - unit.mean(axis=0)) ** 2).sum()
    assert explained(unit, k=3) == pytest.approx(plain, abs=1e-5)
    assert explained(random.permuted(unit, axis=1), k=3) < 0.3
    assert explained(np.ones((5, 4), dtype=np.float32), k=2) == 0.0
    assert judge_groups(0.2, 0.1) is GOOD
    assert judge_groups(0.19, 0.1) is BAD


@pytest.mark.parametrize(
    ("trained", "unseen", "other", "verdict"),
    [(3.0, 2.0, 1.0, GOOD), (2.0, 2.0, 1.0, PART), (1.9, 2.0, 1.0, PART), (3.0, 1.0, 1.0, BAD),
     (3.0, 2.9, 1.0, PART)],
)  # fmt: skip
def test_order_of_distances(trained: float, unseen: float, other: float, verdict: Verdict) -> None:
    assert judge_order(*(Distance(mean, 0.1) for mean in (trained, unseen, other))) is verdict


@pytest.mark.parametrize(
    ("means", "why"),
    [((3.0, 2.0, 1.0), ""), ((2.0, 2.0, 1.0), "move alike"), ((1.0, 2.0, 0.5), "of the kind move further"),
     ((1.0, 1.0, 2.0), "of the other kind move as far or further")],
)  # fmt: skip
def test_why_distances_are_not_in_their_order(tmp_path: Path, means: tuple[float, ...], why: str) -> None:
    keys = ("manhattan", "manhattan_error", "euclidean", "euclidean_error")
    rows = [
        {"set": name, "n_sentences": 9, **dict(zip(keys, (mean, 0.1, mean, 0.1), strict=True))}
        for name, mean in zip(("trained", "unseen", "other"), means, strict=True)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "distances.parquet")
    found = moved_finding(tmp_path / "distances.parquet")
    assert why in found.because
    assert bool(found.because) == bool(why)
    assert found.ours.endswith("(9, 9, 9 sentences)")


def test_a_sentence_that_is_not_finite_is_left_out_of_the_distances() -> None:
    first = np.array([[0.0, 0.0], [1.0, np.nan], [2.0, 1.0]], dtype=np.float32)
    second = np.array([[3.0, 4.0], [0.0, 0.0], [2.0, 3.0]], dtype=np.float32)
    found = sentence_distances(first, second)
    assert found.manhattan.tolist() == [7.0, 2.0]
    assert found.euclidean.tolist() == [5.0, 2.0]
    assert found.length.tolist() == [0.0, pytest.approx(5**0.5)]
