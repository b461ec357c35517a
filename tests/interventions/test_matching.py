"""Sentences that match a signature and their controls; ratios of effects and their p values."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from neurolect.interventions.matching import corrected, match_sentences, times_as_much


def test_what_matches_scores_highest_and_controls_are_alike() -> None:
    random = np.random.default_rng(0)
    predicted = random.normal(size=200).astype(np.float32)
    n_tokens, loss = random.integers(3, 60, size=200), random.normal(3, 1, size=200)
    usable = np.ones(200, np.bool_)
    usable[np.argsort(-predicted)[:2]] = False
    found = match_sentences(predicted, usable, n_tokens=n_tokens, loss=loss, n=20)
    expected = [each for each in np.argsort(-predicted).tolist() if usable[each]][:20]
    assert found.matched.tolist() == expected
    middle = np.quantile(predicted[usable], 0.5)
    assert len(found.controls) == len(set(found.controls.tolist())) == 20
    assert (predicted[found.controls] <= middle).all()
    assert usable[found.controls].all()
    lower = np.flatnonzero(usable & (predicted <= middle))
    apart = [np.abs(np.log(n_tokens[a]) - np.log(n_tokens[b])) for a, b in zip(*found, strict=True)]
    by_chance = np.abs(np.log(n_tokens[found.matched])[:, None] - np.log(n_tokens[lower])[None]).mean()
    assert np.mean(apart) < 0.3 * by_chance
    first = found.matched[0]
    traits = np.stack([np.log(n_tokens), loss], axis=1) / np.stack([np.log(n_tokens), loss], axis=1)[usable].std(0)
    assert found.controls[0] == lower[np.argmin(np.square(traits[lower] - traits[first]).sum(1))]


def test_a_signature_that_says_the_same_of_all_matches_nothing() -> None:
    found = match_sentences(
        np.zeros(50, np.float32), np.ones(50, np.bool_), n_tokens=np.full(50, 7), loss=np.full(50, np.nan), n=20
    )
    assert (len(found.matched), len(found.controls)) == (0, 0)
    nothing = match_sentences(
        np.arange(5, dtype=np.float32), np.zeros(5, np.bool_), n_tokens=np.full(5, 7), loss=np.zeros(5), n=2
    )
    assert not len(nothing.matched)


@pytest.mark.parametrize("paired", [True, False])
def test_p_is_that_of_all_permutations(paired: bool) -> None:
    random = np.random.default_rng(2)
    own, other = np.exp(random.normal(0.6, 1, size=6)), np.exp(random.normal(0, 1, size=6))
    times, p = times_as_much(own, other, paired=paired, n_permutations=40_000, seed=1)
    a, b = np.log(own), np.log(other)
    assert times == pytest.approx(np.exp(a.mean() - b.mean()))
    if paired:
        all_of_them = [np.mean(np.array(signs) * (a - b)) for signs in itertools.product((1, -1), repeat=6)]
    else:
        every = np.concatenate([a, b])
        all_of_them = [
            every[list(chosen)].mean() - np.delete(every, list(chosen)).mean()
            for chosen in itertools.combinations(range(12), 6)
        ]
    expected = np.mean(np.array(all_of_them) >= a.mean() - b.mean() - 1e-12)
    assert p == pytest.approx(expected, abs=0.01)


@settings(max_examples=50)
@given(st.lists(st.one_of(st.floats(0.0001, 1.0), st.just(float("nan"))), min_size=1, max_size=30))
def test_q_is_scipys(values: list[float]) -> None:
    p = np.array(values)
    found, there = corrected(p), np.isfinite(p)
    assert np.isnan(found[~there]).all()
    if there.any():
        assert np.allclose(found[there], false_discovery_control(p[there]))
