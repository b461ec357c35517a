"""What planted neurons fire for, by plain Hugging Face, against the rules of the concepts."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from neurolect.planted import PlantedNeuron, Truth, planted_model
from tests.planted.by_hand import ByHand, average_precision

EXACT = ("detector", "decoy", "switch", "duplicate", "position", "carrier")


def of(truth: Truth, *roles: str) -> list[PlantedNeuron]:
    found = [each for each in truth.neurons if each.role in roles]
    assert found
    return found


def test_exact_neurons_fire_where_their_concept_holds_and_nowhere_else(truth: Truth, by_hand: ByHand) -> None:
    for each in of(truth, *EXACT):
        holds = by_hand.labels(str(each.concept))
        values = each.sign * by_hand.values(each.address)
        assert holds.any(), each
        assert not holds.all(), each
        assert values[holds].min() > 0.9, each
        assert np.abs(values[~holds]).max() < 0.05, each


def test_a_pair_of_switch_neurons_has_both_signs(truth: Truth) -> None:
    assert sorted(each.sign for each in of(truth, "switch")) == [-1, 1]


def test_duplicates_are_the_same(truth: Truth, by_hand: ByHand) -> None:
    one, other = (by_hand.values(each.address) for each in of(truth, "duplicate"))
    np.testing.assert_allclose(one, other, atol=0.01)


def test_a_conjunction_is_both_of_its_neurons(truth: Truth, by_hand: ByHand) -> None:
    one, other = (by_hand.values(each.address) > 0.5 for each in of(truth, "conjunction"))
    holds = by_hand.labels("coloured_animal")
    np.testing.assert_array_equal(one & other, holds)
    assert holds[one].mean() < 0.6
    assert holds[other].mean() < 0.6


def test_one_of_two_groups_is_seen_by_neither_neuron_alone(truth: Truth, by_hand: ByHand) -> None:
    one, other = (by_hand.values(each.address) > 0.5 for each in of(truth, "xor"))
    holds = by_hand.labels("one_group")
    np.testing.assert_array_equal(one ^ other, holds)
    for fires in (one, other):
        assert abs(np.corrcoef(fires, holds)[0, 1]) < 0.1


def test_a_distributed_code_is_clear_in_the_sum_alone(truth: Truth, by_hand: ByHand) -> None:
    parts = [by_hand.values(each.address) for each in of(truth, "distributed")]
    holds = by_hand.labels("verb")
    assert average_precision(holds, np.sum(parts, axis=0)) == 1.0
    assert max(average_precision(holds, each) for each in parts) < 0.6


def test_the_graded_neuron_is_neither_exact_nor_blind(truth: Truth, by_hand: ByHand) -> None:
    (graded,) = of(truth, "graded")
    found = average_precision(by_hand.labels("animal"), by_hand.values(graded.address))
    assert 0.6 < found < 0.99


def test_distractors_are_frequency_and_position(truth: Truth, by_hand: ByHand) -> None:
    words = [word for sentence in by_hand.sentences for word in sentence["tokens"]]
    names, counts = np.unique(words, return_counts=True)
    log = dict(zip(names.tolist(), np.log(counts), strict=True))
    place = np.concatenate([1 / np.arange(2, len(each["tokens"]) + 2) for each in by_hand.sentences])
    expected = {"frequency": np.array([log[word] for word in words]), "position": place}
    for each in of(truth, "distractor"):
        assert np.corrcoef(expected[str(each.concept)], by_hand.values(each.address))[0, 1] > 0.85, each


def test_the_neuron_of_huge_scale_has_no_concept(truth: Truth, by_hand: ByHand) -> None:
    (scale,) = of(truth, "scale")
    values = by_hand.values(scale.address)
    assert values.std() > 300
    assert scale.concept is None


def test_doers_know_no_word(truth: Truth, by_hand: ByHand) -> None:
    place = np.concatenate([np.arange(len(each["tokens"])) for each in by_hand.sentences])
    always = 0
    for each in of(truth, "doer"):
        values = by_hand.values(each.address)
        for number in range(6):  # all words at one place are alike
            assert np.ptp(values[place == number]) < 0.1, each
        always += values.min() > 0.9
    assert always == 2


def test_places_are_drawn_and_nothing_is_planted_twice(truth: Truth, tmp_path: Path) -> None:
    other = planted_model(tmp_path / "model", seed=1)
    for each in (truth, other):
        addresses = [neuron.address for neuron in each.neurons]
        assert len(set(addresses)) == len(addresses)
    assert {each.address for each in truth.neurons} != {each.address for each in other.neurons}
    assert sorted(each.role for each in truth.neurons) == sorted(each.role for each in other.neurons)


@pytest.mark.slow
def test_noise_makes_detectors_worse_step_by_step(truth: Truth, by_hand: ByHand, tmp_path: Path) -> None:
    found = [1.0]  # as tested above
    for noise in (0.25, 0.5):
        noisy = planted_model(tmp_path / str(noise), noise=noise)
        run = ByHand(noisy.folder, by_hand.sentences)
        assert [each[:5] for each in noisy.neurons] == [each[:5] for each in truth.neurons]
        neurons = of(noisy, "detector", "decoy")
        precisions = [
            average_precision(run.labels(str(each.concept)), run.values(each.address)) for each in neurons
        ]
        found.append(float(np.mean(precisions)))
    assert 0.85 < found[1] < 0.99
    assert 0.4 < found[2] < 0.8


def test_two_planted_concepts_are_not_the_same(by_hand: ByHand, truth: Truth) -> None:
    concepts = {each.concept for each in truth.neurons if each.role in EXACT and each.concept}
    for one, other in combinations(sorted(concepts), 2):
        assert (by_hand.labels(one) != by_hand.labels(other)).any(), (one, other)
