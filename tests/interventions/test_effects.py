"""Effects of single neurons and their estimates, against plain loops with whole passes."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neurolect.errors import ModelError
from neurolect.interventions import edit, effects, estimate
from neurolect.interventions.effects import Pairs, effects_of_group, effects_of_pairs, references_of
from neurolect.interventions.estimate import estimated_changes
from neurolect.interventions.outcomes import Inputs, Texts, of_tokens
from neurolect.interventions.resuming import Rest, tap_at
from neurolect.model.architecture.taps import write
from tests.interventions.measured import LABELS, SENTENCES, model_of, result_of, slow

KINDS = ("Llama lm", "GPT2 lm", "GPTNeoX lm", "OPT lm", "Bert masked", "Bert class", "Bert", "MPNet", "ModernBert")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [("hidden", 1), ("hidden", 3), ("mlp", 2), ("attn", 3), ("head", 1)])
def test_many_pairs_at_once_are_as_one_by_one(
    kind: str, place: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(kind)
    texts = Texts(model, SENTENCES, labels=LABELS)
    if (kind, place) == (
        "OPT lm",
        ("hidden", 3),
    ):  # its head takes what its decoder gives, which is within the body
        with pytest.raises(ModelError, match=r"hidden\.3 is no part"):
            references_of(texts, [Rest(texts, *place).tap], to="mean", seed=0)
        return
    usable = np.flatnonzero(texts.usable)
    neurons = np.array([0, 5, 9])
    pairs = Pairs(np.tile(usable, 3), np.repeat(neurons, len(usable)))
    rest = Rest(texts, *place)
    reference = references_of(texts, [rest.tap], to="mean", seed=0)[0]
    found = effects_of_pairs(rest, pairs, reference=reference)
    assert rest.n_skipped == (place[1] if place[0] == "hidden" else place[1] - 1)
    for at, (row, neuron) in enumerate(zip(pairs.text.tolist(), pairs.neuron.tolist(), strict=True)):
        expected = slow(texts, row, f"{place[0]}.{place[1]}.{neuron}", float(reference.mean[neuron]))
        for name, value in expected.items():
            assert found[name][at] == pytest.approx(value, abs=3e-5), name
    monkeypatch.setattr(effects, "TOKEN_BUDGET", 16)
    in_small_calls = effects_of_pairs(Rest(texts, *place), pairs, reference=reference)
    for name, values in found.items():
        assert np.allclose(values, in_small_calls[name], atol=1e-5, equal_nan=True), name


@pytest.mark.parametrize("kind", ["Llama lm", "Bert"])
def test_drawn_values_do_not_depend_on_the_calls(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = Texts(model_of(kind), SENTENCES)
    usable = np.flatnonzero(texts.usable)
    pairs = Pairs(np.tile(usable, 2), np.repeat([0, 5], len(usable)))

    def measured(place: Pairs) -> tuple[dict[str, NDArray[np.float32]], ...]:
        rest = Rest(texts, "hidden", 1)
        drawn = references_of(texts, [rest.tap], to="resample", seed=1, most=20)
        group = effects_of_group(texts, [rest.tap], [np.array([0, 5])], drawn)
        return effects_of_pairs(rest, place, reference=drawn[0]), group

    one_by_one, group = measured(pairs)
    monkeypatch.setattr(effects, "TOKEN_BUDGET", 12)
    turned = Pairs(pairs.text[::-1].copy(), pairs.neuron[::-1].copy())
    in_small_calls, again = measured(turned)
    for name, values in one_by_one.items():
        assert np.abs(values - in_small_calls[name][::-1]).max() < 0.02 * values.std(), name
    for name, values in group.items():
        assert np.nanmax(np.abs(values - again[name])) < 0.02 * np.nanstd(values), name


@pytest.mark.parametrize("family", ["Albert", "T5", "XLNet"])
def test_blocks_are_left_out_only_where_the_rest_gives_the_same(family: str) -> None:
    model = model_of(family)
    texts = Texts(model, SENTENCES)
    rest = Rest(texts, "hidden", 2)
    usable = np.flatnonzero(texts.usable)
    reference = references_of(texts, [rest.tap], to="zero", seed=0)[0]
    found = effects_of_pairs(rest, Pairs(usable, np.full(len(usable), 3)), reference=reference)
    for at, row in enumerate(usable.tolist()):
        expected = slow(texts, row, "hidden.2.3", 0.0)["distance"]
        assert found["distance"][at] == pytest.approx(expected, abs=3e-5)


def test_the_peak_is_at_the_strongest_own_token() -> None:
    model = model_of("Llama lm")
    texts = Texts(model, SENTENCES[:1])
    rest = Rest(texts, "mlp", 2)
    reference = references_of(texts, [rest.tap], to="zero", seed=0)[0]
    own = effects_of_pairs(rest, Pairs(np.array([0]), np.array([4])), reference=reference)
    states = rest.plain(np.array([0])).states[0]
    old = result_of(texts, 0).log_softmax(-1)
    with edit(model, {"mlp.2.4": 0.0}):
        new = result_of(texts, 0).log_softmax(-1)
    divergence = (old.exp() * (old - new)).sum(-1)
    at = int(states[:, 4].argmax())
    assert own["peak_kl"][0] == pytest.approx(float(divergence[at]), abs=1e-5)


def test_values_drawn_from_the_texts_depend_on_the_seed_alone() -> None:
    model = model_of("Llama lm")
    texts = Texts(model, SENTENCES)
    rest = Rest(texts, "mlp", 2)
    usable = np.flatnonzero(texts.usable)
    pairs = Pairs(usable, np.full(len(usable), 4))
    made = [
        effects_of_pairs(rest, pairs, reference=references_of(texts, [rest.tap], to="resample", seed=seed)[0])
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(made[0]["kl"], made[1]["kl"])
    assert not np.allclose(made[0]["kl"], made[2]["kl"])
    pool = references_of(texts, [rest.tap], to="resample", seed=0)[0].pool
    assert pool is not None
    states = torch.cat([rest.plain(np.array([row])).states[0] for row in range(len(SENTENCES))])
    assert all(bool((states - each).abs().max(1).values.min() < 1e-5) for each in pool)


def derivative(texts: Texts, place: tuple[str, int], neuron: int, mean: float) -> float:
    """Set a neuron a little nearer to its mean, everywhere, and measure the loss of all texts."""
    step, total = 0.02, 0.0
    tap = tap_at(texts.model, *place)

    def moved(inputs: Any, by: float) -> float:
        def edit_a_part(_number: int, states: torch.Tensor) -> torch.Tensor:
            made = states.clone()
            made[..., neuron] += by * (mean - made[..., neuron])
            return made

        with torch.no_grad(), write(texts.model.body, [tap], edit=edit_a_part):
            return float(texts.loss(texts.run(inputs), inputs))

    for row in np.flatnonzero(texts.usable).tolist():
        inputs = texts.inputs(np.array([row]))
        total += (moved(inputs, step) - moved(inputs, -step)) * float(texts.weights[row])
    return total / (2 * step) / float(texts.weights.sum())


@pytest.mark.parametrize("kind", ["Llama lm", "Bert masked", "Bert class"])
def test_the_estimate_is_the_first_order(kind: str) -> None:
    texts = Texts(model_of(kind), SENTENCES, labels=LABELS)
    places = [("mlp", 2), ("hidden", 1)]
    taps = [tap_at(texts.model, *place) for place in places]
    references = references_of(texts, taps, to="mean", seed=0)
    found = estimated_changes(texts, taps, [each.set_to for each in references])
    for number, place in enumerate(places):
        for neuron in (0, 3, 8):
            expected = derivative(texts, place, neuron, float(references[number].mean[neuron]))
            at = neuron + (taps[0].place.width if number else 0)
            assert found[at] == pytest.approx(expected, rel=0.03, abs=5e-5)


def test_the_estimate_of_distances_is_the_second_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "N_DIRECTIONS", 3_000)
    texts = Texts(model_of("Bert"), SENTENCES[:2])
    tap = tap_at(texts.model, "hidden", 2)
    mean = torch.full((tap.place.width,), 0.05)
    small = [  # so near to what they are that the second order is all there is
        references_of(texts, [tap], to="mean", seed=0)[0].mean * 0 + mean
    ]
    found = estimated_changes(texts, [tap], small)
    step = 0.02

    def edit_a_part(_number: int, states: torch.Tensor) -> torch.Tensor:
        made = states.clone()
        made[..., 3] += step * (0.05 - made[..., 3])
        return made

    total = 0.0
    for row in range(2):
        inputs = texts.inputs(np.array([row]))
        with torch.no_grad():
            plain = texts.run(inputs)
            with write(texts.model.body, [tap], edit=edit_a_part):
                edited = texts.run(inputs)
        total += float(texts.changes(plain, edited, inputs, torch.tensor([0])).of_sentence["distance"])
    assert found[3] == pytest.approx(total / 2 / step**2, rel=0.15)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 60.0])
@pytest.mark.parametrize("chunk", [1, 100, 1 << 21])
def test_changes_of_distributions_near_and_far(scale: float, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurolect.interventions.outcomes._CHUNK", chunk)
    torch.manual_seed(0)
    plain = 5 * torch.randn(2, 4, 50)
    rows = torch.tensor([0, 0, 0, 1])
    edited = plain[rows] + scale * torch.randn(4, 4, 50)
    mask = torch.ones(2, 4, dtype=torch.int64)
    mask[1, 3] = 0
    targets = torch.tensor([[3, 7, 49, -100], [1, 2, -100, -100]])
    made = of_tokens(plain, edited, Inputs(mask, mask, mask.bool(), targets, np.arange(len(mask))), rows)
    old, new = plain[rows].double().log_softmax(-1), edited.double().log_softmax(-1)
    divergence = (old.exp() * (old - new)).sum(-1) * mask[rows]
    wanted = targets[rows].clamp(min=0)[..., None]
    loss = (old - new).gather(2, wanted)[..., 0] * (targets[rows] >= 0)
    assert torch.allclose(made.of_token["kl"].double(), divergence, rtol=1e-4, atol=3e-8 + 1e-6 * scale)
    assert torch.allclose(made.of_token["loss"].double(), loss, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("kind", "to"), [("Llama lm", "mean"), ("Bert", "zero"), ("Bert masked", "zero")])
def test_a_neuron_is_moved_as_many_deviations_as_the_one_it_is_like(kind: str, to: str) -> None:
    texts, neuron, like = Texts(model_of(kind), SENTENCES), 3, 7
    rest = Rest(texts, "hidden", 1)
    reference = references_of(texts, [rest.tap], to=to, seed=0)[0]
    every = [rest.plain(np.array([row])) for row in np.flatnonzero(texts.usable).tolist()]
    own = torch.cat([each.states[each.inputs.own] for each in every]).double()
    deviation, target = own.std(0, unbiased=False), own.mean(0)[like] if to == "mean" else 0.0
    made = effects_of_pairs(rest, Pairs(np.array([0]), np.array([neuron]), np.array([like])), reference=reference)

    def move(_number: int, states: torch.Tensor) -> torch.Tensor:
        moved = states.clone()
        moved[..., neuron] += ((target - states[..., like]) / deviation[like] * deviation[neuron]).float()
        return moved

    inputs, plain, before, _ = every[0]
    with torch.no_grad(), write(texts.model.body, [rest.tap], edit=move):
        changes = texts.changes(plain, texts.run(inputs), inputs, torch.tensor([0]))
    at = int(torch.where(inputs.own[0], before[0, :, like], -torch.inf).argmax())
    expected = dict(changes.of_sentence) | {f"peak_{name}": v[:, at] for name, v in changes.of_token.items()}
    assert set(made) == set(expected)
    for name, values in expected.items():
        assert made[name][0] == pytest.approx(float(values[0]), rel=1e-3, abs=1e-7), name
    assert abs(made[texts.main][0]) > 1e-6
