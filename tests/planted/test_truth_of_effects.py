"""What the loss does when planted neurons are set to zero, by plain Hugging Face, against what is said of them."""

import numpy as np

from neurolect.planted import Truth
from tests.planted.by_hand import ByHand

SMALL = 0.03
"""Nats at any one word: what the norm and rounding do."""


def test_used_neurons_change_the_loss_where_they_fire_by_what_is_said(truth: Truth, by_hand: ByHand) -> None:
    for each in truth.neurons:
        if each.loss_change is None or not each.used:
            continue
        fires = (np.abs(by_hand.values(each.address)) > 0.5) & ~by_hand.last
        change = by_hand.change(each.address)
        error = change[fires].std() / np.sqrt(fires.sum())
        assert abs(change[fires].mean() - each.loss_change) < 4 * error + 0.1 * abs(each.loss_change), each
        if each.role in ("detector", "duplicate"):
            assert each.loss_change > 0.15, each
        else:
            assert abs(each.loss_change) > 0.1, each
        if (~fires & ~by_hand.last).any():
            assert np.nanmax(np.abs(change[~fires])) < SMALL or each.role == "doer", each


def test_unused_neurons_change_nothing(truth: Truth, by_hand: ByHand) -> None:
    for each in truth.neurons:
        if not each.used:
            change = by_hand.change(each.address)
            assert np.nanmax(np.abs(change)) < SMALL, each
            assert abs(np.nanmean(change)) < 1e-3, each
            assert each.loss_change in (0.0, None)


def test_used_dimensions_change_the_loss_where_their_concept_holds(truth: Truth, by_hand: ByHand) -> None:
    used = [each for each in truth.neurons if each.role == "carrier" and each.used]
    assert len(used) > 20
    for each in used:
        holds = by_hand.labels(str(each.concept)) & ~by_hand.last
        change = by_hand.change(each.address)
        assert np.nanmax(np.abs(change[holds])) > 0.3, each
        assert np.nanmax(np.abs(change[~holds])) < SMALL, each


def test_ordinary_neurons_do_next_to_nothing(truth: Truth, by_hand: ByHand) -> None:
    planted = {each.address for each in truth.neurons}
    choose = np.random.default_rng(0)
    ordinary = {f"mlp.{choose.integers(1, 5)}.{choose.integers(128)}" for _ in range(40)} - planted
    assert len(ordinary) > 20
    for address in sorted(ordinary):
        assert by_hand.values(address).std() > 0.05, address
        assert np.nanmax(np.abs(by_hand.change(address))) < 2 * SMALL, address


def test_the_model_knows_its_language(by_hand: ByHand) -> None:
    words = [word for sentence in by_hand.sentences for word in sentence["tokens"]]
    shares = np.unique(words, return_counts=True)[1] / len(words)
    assert np.nanmean(by_hand.before) < -(shares * np.log(shares)).sum() - 0.3
