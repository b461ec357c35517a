"""What steering is measured by, each next to a plain slow twin."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from neurolect.errors import OptionError
from neurolect.interventions import SteerOptions, edit
from neurolect.interventions.outcomes import MASKED, NEXT
from neurolect.interventions.steering.concept_texts import PARTS, Part, part_texts, read_concept
from neurolect.interventions.steering.experts import To, rank_experts, read_to
from neurolect.interventions.steering.held_out_texts import HeldOutTexts
from neurolect.interventions.steering.mean_direction import mean_direction, preference
from neurolect.interventions.steering.summary import Outcome, chosen_of, merged, rows_of
from neurolect.interventions.steering.text_judge import WordList, bags, fit_words, words_of
from neurolect.interventions.steering.written_texts import Writer, distinct_pairs
from neurolect.model import Model
from neurolect.progress import NullTask
from tests.interventions.measured import SENTENCES, model_of
from tests.interventions.steering.concepts import FEW, films_and_banks

IS_OF = np.array([True, False, True, False, True, False])


def average_precision(values: list[float], is_of: list[bool]) -> float:
    """Mean over those of the concept of the share of it among all that are as high."""
    shares = []
    for value, own in zip(values, is_of, strict=True):
        if own:
            above = [other for each, other in zip(values, is_of, strict=True) if each >= value]
            shares.append(sum(above) / len(above))
    return float(np.mean(shares))


def test_experts_are_ranked_by_average_precision_of_the_better_side() -> None:
    model = model_of("Llama lm")
    found = rank_experts(model, Part(SENTENCES, IS_OF))
    values = np.array([model.activations([each])[0] for each in SENTENCES])
    for neuron in range(values.shape[1]):
        own = values[:, neuron].tolist()
        high = average_precision(own, IS_OF.tolist())
        low = average_precision([-each for each in own], IS_OF.tolist())
        assert found.precision[neuron] == pytest.approx(max(high, low))
        assert found.sign[neuron] == (-1 if low > high else 1)
        assert found.on["p50"][neuron] == pytest.approx(np.median(values[IS_OF, neuron]), abs=1e-5)
        assert found.on["mean"][neuron] == pytest.approx(values[IS_OF, neuron].mean(), abs=1e-5)
        assert found.off[neuron] == pytest.approx(values[~IS_OF, neuron].mean(), abs=1e-5)
    ordered = found.precision[found.order]
    assert (np.diff(ordered) <= 0).all()
    assert sorted(found.order.tolist()) == list(range(len(ordered)))
    ties = np.flatnonzero(np.diff(ordered) == 0)
    assert len(ties)
    assert (np.diff(found.order)[ties] > 0).all(), "ties are not by number"


def test_what_neurons_are_set_to() -> None:
    model = model_of("Llama lm")
    found = rank_experts(model, Part(SENTENCES, IS_OF))
    chosen = found.order[:3]
    names = [model.addresses[each] for each in chosen]
    once: Any
    twice: Any
    once, twice = (found.changes(chosen, To("p50"), strength=each) for each in (1.0, 2.0))
    assert list(once) == names
    np.testing.assert_allclose(list(once.values()), found.on["p50"][chosen])
    np.testing.assert_allclose(list(twice.values()), 2 * found.on["p50"][chosen] - found.off[chosen])
    assert found.changes(chosen, To("zero"), strength=2.0) == dict.fromkeys(names, 0.0)
    assert found.changes(chosen, To("scale", 3.0), strength=1.0) == dict.fromkeys(names, ("scale", 3.0))
    moved: Any = found.changes(chosen, To("translate"), strength=8.0)
    factors = [each[1] for each in moved.values()] / (found.on["mean"] - found.off)[chosen]
    np.testing.assert_allclose(factors, [8.0, np.sqrt(8.0 * 1e-3), 1e-3])
    others = found.random(chosen, seed=[1])
    assert not set(others.tolist()) & set(chosen.tolist())
    layers = [[model.addresses[each].rpartition(".")[0] for each in own] for own in (chosen, others)]
    assert layers[0] == layers[1]
    everything = found.order[: model.neurons.n_neurons]
    with pytest.raises(OptionError, match="are left to compare them with"):
        found.random(everything, seed=[1])


@pytest.mark.parametrize(
    ("text", "to"),
    [("p90", To("p90")), ("-1.5", To("number", -1.5)), ("scale=2", To("scale", 2.0)), ("zero", To("zero"))],
)
def test_values_are_read(text: str, to: To) -> None:
    assert read_to(text) == to


@pytest.mark.parametrize("text", ["p51", "nan", "scale=", "scale=inf", ""])
def test_odd_values_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"are to be set to(.|\n)*scale=NUMBER"):
        read_to(text)


def one_by_one(model: Model, texts: HeldOutTexts, changes: dict[str, Any], prefix: list[int]) -> tuple[Any, Any]:
    """Measure a text at a time, from the rows."""
    network: Any = model.network
    gains, divergences = [], []
    for own, given in zip(texts.rows(), texts.rows(prefix), strict=True):
        with torch.no_grad():
            plain = network(input_ids=torch.tensor([own.ids])).logits[0].log_softmax(-1)
            with edit(model, changes):
                edited = network(input_ids=torch.tensor([given.ids])).logits[0].log_softmax(-1)
        pairs = list(zip(own.at, given.at, own.targets, strict=True))
        gains.append(np.mean([float(edited[b, t] - plain[a, t]) for a, b, t in pairs]) if pairs else np.nan)
        each = [float((plain[a].exp() * (plain[a] - edited[b])).sum()) for a, b, _ in pairs]
        divergences.append(np.mean(each) if each else np.nan)
    return np.array(gains), np.array(divergences)


@pytest.mark.parametrize("kind", ["Llama lm", "GPT2 lm", "Bert masked"])
@pytest.mark.parametrize("prefix", [[], [7, 9, 8]])
def test_log_probabilities_are_those_of_one_text_at_a_time(kind: str, prefix: list[int]) -> None:
    model = model_of(kind)
    texts = HeldOutTexts(model, SENTENCES, max_tokens=6, seed=0)
    changes: dict[str, Any] = {"hidden.2.3": 2.0, "mlp.1.1": ("scale", 3.0)}
    found = texts.measure(partial(edit, model, changes), prefix=prefix)
    gain, divergence = one_by_one(model, texts, changes, prefix)
    np.testing.assert_allclose(found.gain, gain, atol=2e-5)
    np.testing.assert_allclose(found.kl, divergence, atol=2e-5)
    assert np.nanmax(found.kl) > 1e-3
    texts._plain = None  # as where the scores would be too many to keep
    again = texts.measure(partial(edit, model, changes), prefix=prefix)
    np.testing.assert_allclose(again.gain, found.gain, atol=1e-6)


def test_what_is_predicted_of_a_text() -> None:
    model = model_of("Llama lm")
    ids = list(model.tokenizer(["a bank"])["input_ids"][0])
    (row,) = HeldOutTexts(model, ["a bank"], max_tokens=9, seed=0).rows([5, 6])
    assert (row.ids, row.targets, row.at) == ([5, 6, *ids], ids[1:], [2])
    bert = model_of("Bert masked")
    texts = HeldOutTexts(bert, SENTENCES, max_tokens=9, seed=0)
    mask: Any = bert.tokenizer
    for own, prefixed, text in zip(texts.rows(), texts.rows([5]), SENTENCES, strict=True):
        assert [own.ids[each] for each in own.at] == [mask.mask_token_id] * len(own.at)
        given = list(bert.tokenizer([text])["input_ids"][0])
        assert own.targets == [given[each] for each in own.at]
        assert prefixed.ids == [own.ids[0], 5, *own.ids[1:]]
    assert (texts.kind, HeldOutTexts(model, ["a bank"], max_tokens=9, seed=0).kind) == (MASKED, NEXT)


def test_the_direction_is_the_difference_of_means_and_its_layer_the_best_of_all() -> None:
    model, part = model_of("Llama lm"), Part(SENTENCES, IS_OF)
    dev = HeldOutTexts(model, SENTENCES, max_tokens=12, seed=0)
    found = mean_direction(model, part, part, dev, task=NullTask())
    network: Any = model.network
    sums = []
    for side in (True, False):
        states = []
        for text in np.array(SENTENCES)[side == IS_OF].tolist():
            ids = torch.tensor(list(model.tokenizer([text])["input_ids"]))
            with torch.no_grad():
                states.append(network(input_ids=ids, output_hidden_states=True).hidden_states[found.layer][0, 1:])
        sums.append(torch.cat(states).mean(0))
    np.testing.assert_allclose(found.vector, (sums[0] - sums[1]).numpy(), atol=1e-5)
    measured = dev.measure(partial(edit, model, found.changes(1.0)))
    assert preference(measured.gain, IS_OF) == pytest.approx(max(found.gains.values()), abs=1e-6)
    assert found.gains[found.layer] == max(found.gains.values())


def test_the_loss_of_what_is_written_is_that_of_the_plain_network_after_the_plain_prompt() -> None:
    model = model_of("Llama lm")
    prompts = ["the film was", "a bank", "it"]
    writer = Writer(model, prompts, options=SteerOptions(tokens=5, samples=2))
    assert writer.prompts == [each for each in prompts for _ in range(2)]
    changes: dict[str, Any] = {"mlp.1.3": 8.0}
    written = writer.write(changes, prefix="the team ")
    assert {len(each) for each in written.ids} == {5}
    assert written.ids == writer.write(changes, prefix="the team ").ids, "the same seed writes another text"
    assert written.ids != writer.write({}).ids
    network: Any = model.network
    for loss, prompt, own in zip(writer.losses(written), writer.prompts, written.ids, strict=True):
        ids = list(model.tokenizer([prompt])["input_ids"][0])
        with torch.no_grad():
            scores = network(input_ids=torch.tensor([ids + own])).logits[0].log_softmax(-1)
        expected = -np.mean([float(scores[len(ids) - 1 + place, token]) for place, token in enumerate(own)])
        assert loss == pytest.approx(expected, abs=1e-4)
    likeliest = Writer(model, ["a bank"], options=SteerOptions(tokens=3, temperature=0.0))
    ids = list(model.tokenizer(["a bank"])["input_ids"][0])
    with torch.no_grad():
        for token in likeliest.write({}).ids[0]:
            assert int(network(input_ids=torch.tensor([ids])).logits[0, -1].argmax()) == token
            ids.append(token)


def test_distinct_pairs_by_hand() -> None:
    assert distinct_pairs([4, 4, 4, 4]) == pytest.approx(1 / 3)
    assert distinct_pairs([1, 2, 3]) == 1.0
    assert np.isnan(distinct_pairs([1]))


def test_the_classifier_is_a_logistic_regression_on_bags_of_words() -> None:
    texts = [*SENTENCES, "The film, the game!", "a bad bank", "good oil", "the price of the film"]
    part = Part(texts, np.array([*IS_OF, True, False, False, True]))
    made = fit_words(part)
    counts: dict[str, int] = {}
    for text in texts:
        for word in set(words_of(text)):
            counts[word] = counts.get(word, 0) + 1
    words = {word: place for place, word in enumerate(sorted(word for word, n in counts.items() if n > 1))}
    rows = bags(texts, words).toarray()
    for row, text in zip(rows, texts, strict=True):
        plain = np.array([1 + np.log(n) if (n := words_of(text).count(word)) else 0.0 for word in words])
        np.testing.assert_allclose(row, plain / max(np.linalg.norm(plain), 1e-12))
    other = LogisticRegression(C=1 / (2e-4 * len(texts)), tol=1e-8, max_iter=10_000).fit(rows, part.is_of)
    np.testing.assert_allclose(made.probabilities(texts), other.predict_proba(rows)[:, 1], atol=5e-3)
    assert made.probabilities(["xyz"])[0] == pytest.approx(made.probabilities([""])[0])


def test_a_list_of_words_asks_for_whole_words_in_any_case() -> None:
    assert WordList(["Oven"]).probabilities(["An OVEN.", "ovens", "no"]).tolist() == [1.0, 0.0, 0.0]


def test_parts_share_no_document_and_are_balanced(tmp_path: Path) -> None:
    texts, documents = [f"text {each}" for each in range(300)], [each // 3 for each in range(300)]
    is_of = [each % 4 == 0 for each in documents]
    parts = part_texts(texts, is_of, documents, options=FEW)
    where = [{documents[texts.index(each)] for each in parts[name].texts} for name in PARTS]
    assert all(not one & other for place, one in enumerate(where) for other in where[:place])
    assert all(2 * part.is_of.sum() == len(part.is_of) for part in parts.values())
    assert len(parts["rank"].texts) == 2 * FEW.rank_texts
    for part in parts.values():
        assert [is_of[texts.index(each)] for each in part.texts] == part.is_of.tolist()
    with pytest.raises(OptionError, match=r"The part 'rank'.*has 1 with it(.|\n)*5 of each at least"):
        part_texts(texts[:40], [each < 3 for each in range(40)], range(40), options=FEW)
    read = read_concept(films_and_banks(tmp_path / "texts.csv"), "topic=film", options=FEW)
    assert all("film" in text for text in np.array(read.parts["rank"].texts)[read.parts["rank"].is_of])


def outcome(method: str, n: int, strength: float | None, concept: list[float], loss: float) -> Outcome:
    size = len(concept)
    numbers = {"concept": np.array(concept), "loss": np.full(size, loss), "distinct": np.ones(size)}
    return Outcome(method, n, strength, numbers | {"same": np.zeros(size)}, np.array([1.0, 0.0]), np.zeros(2))


def test_the_setting_is_chosen_on_every_second_prompt_among_fluent_ones() -> None:
    plain = outcome("plain", 0, None, [0.0] * 8, 3.0)
    good = outcome("experts", 5, 1.0, [0.5, 0.4] * 4, 3.4)
    lucky = outcome("experts", 9, 1.0, [0.4, 0.9] * 4, 3.4)
    broken = outcome("experts", 9, 2.0, [1.0, 1.0] * 4, 3.6)
    draws = [outcome("random", 5, 1.0, [each] * 8, 3.0) for each in (0.1, 0.3)]
    far = outcome("direction", 0, 1.0, [1.0] * 8, 9.0)
    everything = merged([plain, good, lucky, broken, *draws, far])
    assert len(everything) == 6
    rows = {each["method"]: each for each in chosen_of(everything, FEW)}
    assert (rows["experts"]["n_neurons"], rows["experts"]["n_fluent"]) == (5, 2)
    assert rows["experts"]["more"] == pytest.approx(0.4)
    assert rows["experts"]["more_random"] == pytest.approx(0.2)
    assert rows["direction"] == {"method": "direction", "n_settings": 1, "n_fluent": 0}
    table = rows_of(everything, np.array([True, False]), FEW)
    assert table[1]["concept"] == pytest.approx(0.45)
    assert table[1]["preference"] == pytest.approx(1.0)
    assert table[1]["concept_low"] <= table[1]["concept"] <= table[1]["concept_high"]
