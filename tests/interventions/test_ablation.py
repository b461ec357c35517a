"""What setting neurons changes, against plain loops over texts and neurons with whole passes."""

import re
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from neurolect.errors import ModelError, NeuronAddressError, OptionError, VariantError
from neurolect.interventions import EditOptions, ablate, edit, effects, estimate
from neurolect.interventions.effects import Pairs, effects_of_pairs, references_of
from neurolect.interventions.estimate import estimated_changes
from neurolect.interventions.outcomes import Inputs, Texts, of_tokens
from neurolect.interventions.resuming import Rest, tap_at
from neurolect.model import Model, ModelOptions
from neurolect.model.architecture.taps import write
from neurolect.results import provenance, ranking_table, write_ranking
from tests.command_line import command, succeed
from tests.interventions.test_editing import decoder
from tests.tiny_models import tiny_network, tiny_tokenizer, write_tiny_bert

SENTENCES = [
    "the film was good and the team was great",
    "a bank",
    "my team would then do no more of it",
    "the price of oil was bad for the bank and the car",
    "god made the game",
    "it",
]
LABELS = np.array([0, 1, 0, 1, 2, 2])


@cache
def with_head(family: str, head: str) -> Model:
    """An encoder with a head."""
    import transformers

    torch.manual_seed(1)
    body = tiny_network(family)
    automatic = getattr(transformers, f"AutoModelFor{head}")
    body.config.num_labels = 3
    whole = automatic.from_config(body.config).eval()
    whole.base_model.load_state_dict(body.state_dict(), strict=False)
    return Model(
        whole,
        tiny_tokenizer(),
        name=family,
        options=ModelOptions(),
        max_tokens=64,
        fingerprint="x",
        body=whole.base_model,
    )


@cache
def model_of(kind: str) -> Model:
    family, _, head = kind.partition(" ")
    if head == "lm":
        return decoder(family)
    if head:
        return with_head(family, {"masked": "MaskedLM", "class": "SequenceClassification"}[head])
    from tests.model.networks import tiny_model

    return tiny_model(family)


def result_of(texts: Texts, row: int) -> torch.Tensor:
    """Run one text by itself, the whole network."""
    with torch.no_grad():
        inputs = texts.inputs(np.array([row]))
        network: Any = texts.model.network
        result = network(input_ids=inputs.ids, attention_mask=inputs.mask)
    states: torch.Tensor = result.last_hidden_state if texts.kind == "embedding" else result.logits
    return states[0]


def slow(texts: Texts, row: int, address: str, value: float) -> dict[str, float]:
    """Measure one neuron on one text by a whole pass."""
    plain = result_of(texts, row)
    with edit(texts.model, {address: value}):
        edited = result_of(texts, row)
    inputs = texts.inputs(np.array([row]))
    targets = inputs.targets[0]
    if texts.kind == "embedding":
        return {"distance": float(1 - functional.cosine_similarity(plain.mean(0), edited.mean(0), dim=0))}
    old, new = plain.log_softmax(-1), edited.log_softmax(-1)
    if texts.kind == "class":
        label = int(targets)
        found = {"kl": float((old.exp() * (old - new)).sum())}
        if label < 0:
            return found
        found["loss"] = float(old[label] - new[label])
        right = [float(int(each.argmax()) == label) for each in (old, new)]
        return found | {"accuracy": right[1] - right[0], "flipped": float(old.argmax() != new.argmax())}
    losses, divergences = [], []
    for at, target in enumerate(targets.tolist()):
        if target >= 0:
            losses.append(float(old[at, target] - new[at, target]))
            divergences.append(float((old[at].exp() * (old[at] - new[at])).sum()))
    return {"loss": float(np.mean(losses)), "kl": float(np.mean(divergences))}


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
    others = effects_of_pairs(rest, Pairs(np.array([0]), np.array([4]), np.array([7])), reference=reference)
    states = rest.plain(np.array([0])).states[0]
    old = result_of(texts, 0).log_softmax(-1)
    with edit(model, {"mlp.2.4": 0.0}):
        new = result_of(texts, 0).log_softmax(-1)
    divergence = (old.exp() * (old - new)).sum(-1)
    for made, neuron in ((own, 4), (others, 7)):
        at = int(states[:, neuron].argmax())
        assert made["peak_kl"][0] == pytest.approx(float(divergence[at]), abs=1e-5)


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


def test_groups_are_set_together_and_compared_with_random_ones() -> None:
    model = model_of("Llama lm")
    texts = Texts(model, SENTENCES)
    made = ablate(model, ["mlp.2.3-6", "hidden.1.2"], on=SENTENCES, options=EditOptions(controls=3, to="zero"))
    rows = {row["address"]: row for row in made.to_pylist()}
    total = 0.0
    for row in np.flatnonzero(texts.usable).tolist():
        inputs = texts.inputs(np.array([row]))
        with torch.no_grad():
            plain = texts.loss(texts.run(inputs), inputs)
            with edit(model, {"mlp.2.3-6": 0.0}):
                total += float(texts.loss(texts.run(inputs), inputs) - plain) * texts.weights[row]
    assert rows["mlp.2.3-6"]["score"] == pytest.approx(total / texts.weights.sum(), abs=1e-5)
    assert rows["mlp.2.3-6"]["n_neurons"] == 4
    assert rows["mlp.2.3-6"]["low"] <= rows["mlp.2.3-6"]["score"] <= rows["mlp.2.3-6"]["high"]
    assert [rows[name]["n_random"] for name in ("mlp.2.3-6", "hidden.1.2")] == [3, 3]
    details = provenance(made).details
    assert (details["n_texts"], details["n_left_out"], details["n_predicted"]) == (5, 1, int(texts.weights.sum()))


def test_intervals_are_those_of_resampled_texts() -> None:
    model = model_of("Bert class")
    table = ablate(
        model, ["hidden.2.1"], on=SENTENCES, options=EditOptions(n_bootstrap=500, interval=0.8, controls=1)
    )
    row = table.to_pylist()[0]
    texts = Texts(model, SENTENCES)
    own = [slow(texts, each, "hidden.2.1", mean_of(texts, "hidden", 2)[1])["kl"] for each in range(len(SENTENCES))]
    random = np.random.default_rng(3)
    means = [np.mean(random.choice(own, len(own))) for _ in range(4_000)]
    assert row["score"] == pytest.approx(np.mean(own), abs=1e-5)
    spread = np.std(means)
    assert row["low"] == pytest.approx(np.quantile(means, 0.1), abs=0.25 * spread)
    assert row["high"] == pytest.approx(np.quantile(means, 0.9), abs=0.25 * spread)


def mean_of(texts: Texts, site: str, layer: int) -> NDArray[np.float64]:
    """Average a site over the texts' own tokens, one text at a time."""
    found: list[torch.Tensor] = []
    rest = Rest(texts, site, layer)
    for row in range(len(texts.lengths)):
        if texts.lengths[row]:
            plain = rest.plain(np.array([row]))
            found.append(plain.states[plain.inputs.own])
    return torch.cat(found).double().mean(0).numpy()


def test_each_neuron_is_estimated_and_the_first_are_measured() -> None:
    model = model_of("Llama lm")
    whole = ablate(model, ["mlp.2"], on=SENTENCES, each=True)
    some = ablate(model, ["mlp.2"], on=SENTENCES, each=True, options=EditOptions(exact=4))
    assert whole.column("score").null_count == 0
    assert (provenance(whole).details["rank_correlation"] or 0) > 0.8
    exact = {row["address"]: row["score"] for row in whole.to_pylist()}
    rows = some.to_pylist()
    measured = [row for row in rows if row["score"] is not None]
    first = sorted(rows, key=lambda row: -abs(row["estimate"]))[:4]
    assert {row["address"] for row in first} <= {row["address"] for row in measured}
    assert len(measured) <= 8 < len(rows) == 24
    assert rows[: len(measured)] == measured
    for row in measured:
        assert row["score"] == pytest.approx(exact[row["address"]], abs=1e-6)


def test_the_first_of_a_ranking_next_to_the_last(tmp_path: Path) -> None:
    model = model_of("Bert")
    addresses = [f"hidden.{layer}.{column}" for layer in (1, 2) for column in range(8)]
    ranking = ranking_table({"address": addresses, "score": np.arange(16)[::-1]}, runs=["x"], method="made up")
    file = write_ranking(ranking, tmp_path / "ranking.parquet")
    made = ablate(model, file, on=SENTENCES, options=EditOptions(top=(2, 5)))
    assert {row["address"] for row in made.to_pylist()} == {
        f"{which} {n} of made up" for which in ("first", "last") for n in (2, 5)
    }
    with pytest.raises(OptionError, match=r"first 17 of a ranking of 16"):
        ablate(model, file, on=SENTENCES, options=EditOptions(top=(17,)))


@pytest.mark.parametrize(
    ("neurons", "texts", "error", "message"),
    [
        ([], SENTENCES, OptionError, "No neuron"),
        (["hidden.2.99"], SENTENCES, NeuronAddressError, r"no neuron hidden\.2\.99"),
        (["hidden.9.1"], SENTENCES, ModelError, "layers 9"),
        (["brain.1.1"], SENTENCES, NeuronAddressError, "no site 'brain'"),
        (["hidden.1.1"], [], OptionError, "no text"),
        (["hidden.1.1"], ["", " "], OptionError, "None of the 2 texts"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    neurons: Sequence[str], texts: Sequence[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ablate(model_of("Llama lm"), neurons, on=texts)


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("kind", ["Llama lm", "Bert", "Bert class"])
def test_a_network_that_gives_nan_is_named(kind: str, each: bool) -> None:
    model = deepcopy(model_of(kind))
    next(model.body.parameters()).data[:] = float("nan")
    with pytest.raises(ModelError, match=r"is NaN on all \d texts(.|\n)*float32"):
        ablate(model, ["mlp.2.1", "mlp.2.3"], on=SENTENCES, each=each)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--neurons", "mlp.2.1", "--to", "median"], 1, r"edit\.to is 'median'(.|\n)*nearest: 'mean'"),
        (["--neurons", "mpl.2.1"], 1, r"no site 'mpl'(.|\n)*nearest: 'mlp'"),
        (["--neurons", "mlp.2.1 - 3"], 1, r"without spaces(.|\n)*mlp\.15\.0-9"),
        (["--neurons", "mlp.2.1-9999"], 1, "no neuron mlp.2.9999: the layer has"),
        (["--neurons", "mlp.9.1"], 1, "layers 9(.|\n)*from 1 to 2"),
        (["--neurons", "mlp.2.1", "--set", "edit.label=kind"], 1, "has no classifier"),
        (["--neurons", "mlp.2.1", "--top", "3,x"], 2, "not a list of numbers"),
        (["--ranking", "texts.txt"], 1, "cannot be read as a ranking"),
    ],
)
def test_the_command_says_what_it_cannot_do(
    arguments: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_tiny_bert(tmp_path / "model")
    (tmp_path / "texts.txt").write_text("The bank was good.\n\nThe team was great.\n")
    monkeypatch.chdir(tmp_path)
    answer = command("edit", "ablate", model, "--on", "texts.txt", *arguments)
    assert answer.code == code
    assert re.search(message, answer.err), answer.err


def test_one_text_is_measured_without_an_interval(tmp_path: Path) -> None:
    model = write_tiny_bert(tmp_path / "model")
    (tmp_path / "texts.txt").write_text("The bank was good.\n")
    said = succeed("edit", "ablate", model, "--neurons", "mlp.2.1", "--on", tmp_path / "texts.txt")
    assert "The embedding of 1 text (" in said
    assert "- .. -" in said


def test_classes_are_those_of_the_model(tmp_path: Path) -> None:
    model = model_of("Bert class")
    file = tmp_path / "texts.csv"

    def write_rows(labels: Sequence[str]) -> None:
        rows = [f"{text},{label}" for text, label in zip(SENTENCES * 2, labels, strict=True)]
        file.write_text(
            "text,kind\n" + "\n".join(f"{row.replace(',', ' too ' + str(n) + ',')}" for n, row in enumerate(rows))
        )

    options = EditOptions(label="kind", controls=1)
    write_rows(["LABEL_0", "LABEL_1"] * 6)
    made = ablate(model, ["hidden.1.1"], on=file, options=options).to_pylist()[0]
    assert {"accuracy", "flipped", "kl"} <= set(made)
    write_rows(["0", "1"] * 6)  # of a file with numbers
    assert ablate(model, ["hidden.1.1"], on=file, options=options).to_pylist()[0] == made
    write_rows(["0", "9"] * 6)
    with pytest.raises(OptionError, match=r"class '9'(.|\n)*0 'LABEL_0', 1 'LABEL_1'"):
        ablate(model, ["hidden.1.1"], on=file, options=options)
    write_rows(["LABEL_0", "good"] * 6)
    with pytest.raises(OptionError, match=r"class 'good'"):
        ablate(model, ["hidden.1.1"], on=file, options=options)
    write_rows(["LABEL_0"] * 12)
    with pytest.raises(VariantError, match="two classes"):
        ablate(model, ["hidden.1.1"], on=file, options=options)
    with pytest.raises(OptionError, match="no classifier"):
        ablate(model_of("Bert"), ["hidden.1.1"], on=file, options=options)


def test_the_command(tmp_path: Path) -> None:
    model = write_tiny_bert(tmp_path / "model")
    texts = tmp_path / "texts.txt"
    texts.write_text("\n\n".join(each.capitalize() + "." for each in SENTENCES))
    out = tmp_path / "made.parquet"
    said = succeed("edit", "ablate", model, "--layer", "2,mlp.1", "--each", "--on", texts, "--out", out)
    assert "Measured: 40 of 40 neurons" in said
    assert "Rank correlation of the estimate" in said
    assert "hidden.2." in said
    again = succeed("edit", "ablate", model, "--ranking", out, "--top", "3", "--on", texts, "--to", "zero")
    assert "first 3 of ablate (3)" in again
    answer = command("edit", "ablate", model, "--on", texts)
    assert answer.code == 1
    assert "No neuron was given" in answer.err
    both = command("edit", "ablate", model, "--ranking", out, "--neurons", "mlp.1.1", "--on", texts)
    assert (both.code, "a ranking says which" in both.err) == (2, True)
    alone = command("edit", "ablate", model, "--neurons", "mlp.1.1", "--top", "3", "--on", texts)
    assert (alone.code, "no --ranking is given" in alone.err) == (2, True)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 60.0])
def test_changes_of_distributions_near_and_far(scale: float) -> None:
    torch.manual_seed(0)
    plain = 5 * torch.randn(2, 4, 50)
    rows = torch.tensor([0, 0, 0, 1])
    edited = plain[rows] + scale * torch.randn(4, 4, 50)
    mask = torch.ones(2, 4, dtype=torch.int64)
    mask[1, 3] = 0
    targets = torch.tensor([[3, 7, 49, -100], [1, 2, -100, -100]])
    made = of_tokens(plain, edited, Inputs(mask, mask, mask.bool(), targets), rows)
    old, new = plain[rows].double().log_softmax(-1), edited.double().log_softmax(-1)
    divergence = (old.exp() * (old - new)).sum(-1) * mask[rows]
    wanted = targets[rows].clamp(min=0)[..., None]
    loss = (old - new).gather(2, wanted)[..., 0] * (targets[rows] >= 0)
    assert torch.allclose(made.of_token["kl"].double(), divergence, rtol=1e-4, atol=3e-8 + 1e-6 * scale)
    assert torch.allclose(made.of_token["loss"].double(), loss, rtol=1e-4, atol=1e-6)
