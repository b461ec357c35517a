"""Texts that activate a neuron: what is scored is what plain reading gives, and the search finds what is known."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from neurolect import collect, load_model, prepare
from neurolect.collector import CollectOptions
from neurolect.errors import ModelError, NeuronAddressError, OptionError
from neurolect.interventions import DreamOptions, dream
from neurolect.interventions.dreaming import _front, _Goal
from neurolect.interventions.objective import Ids, Objective, Scored
from neurolect.interventions.resuming import tap_at
from neurolect.model import Model, ModelOptions
from neurolect.planted import planted_model
from neurolect.views.texts.interventions import dream_text
from tests.command_line import succeed
from tests.interventions.measured import model_of
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert

SMALL = DreamOptions(tokens=4, population=2, children=4, iterations=4, gumbel_steps=3, gumbel_restarts=2)


def objective_of(kind: str, address: tuple[str, int, int] = ("mlp", 2, 3)) -> Objective:
    model = model_of(kind)
    site, layer, index = address
    return Objective(model, tap_at(model, site, layer), index)


def ids_of(model: Model, text: str) -> Ids:
    tokenizer: Any = model.tokenizer
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("kind", ["Llama lm", "GPT2 lm", "Bert masked", "Bert"])
def test_texts_are_scored_as_plain_reading_gives_them(kind: str) -> None:
    objective = objective_of(kind)
    model, network = objective.model, objective.model.network
    rows = [ids_of(model, text) for text in ("the film was good", "the bank was bad", "a car")]
    reader = Model(
        model.body, model.tokenizer, name="x", options=ModelOptions(sites=("mlp",), layers=(2,)), max_tokens=64
    )
    for ids, scored in zip(rows, objective.score(rows), strict=True):
        assert scored is not None
        assert ids_of(model, scored.text) == ids
        assert scored.activation == pytest.approx(reader.activations([scored.text])[0, 3], abs=1e-5)
        whole = torch.tensor(model.tokenizer([scored.text])["input_ids"])
        at = whole[0].tolist().index(ids[0])
        expected = 0.0
        with torch.no_grad():
            if kind.endswith("lm"):
                scores = network(input_ids=whole).logits[0].log_softmax(-1)
                expected = -float(np.mean([scores[n - 1, whole[0, n]] for n in range(1, len(ids))]))
            elif kind.endswith("masked"):
                losses = []
                for place in range(at, at + len(ids)):
                    hidden = whole.clone()
                    hidden[0, place] = model.tokenizer.mask_token_id  # type: ignore[attr-defined]
                    losses.append(
                        -float(network(input_ids=hidden).logits[0, place].log_softmax(-1)[whole[0, place]])
                    )
                expected = float(np.mean(losses))
        assert scored.loss == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("kind", ["Llama lm", "Bert masked", "GPTNeoX lm"])
def test_gradients_are_those_of_mixtures_of_tokens(kind: str) -> None:
    objective = objective_of(kind)
    rows = [ids_of(objective.model, text) for text in ("the film was good", "the bank was bad")]
    found = objective.gradients(rows)
    n = objective.table.shape[0]
    weights = functional.one_hot(torch.tensor(rows), n).float().requires_grad_()
    (expected,) = torch.autograd.grad(objective.mixed(weights, rows).sum(), weights)
    torch.testing.assert_close(found.activation, expected, rtol=1e-3, atol=1e-5)
    scored = objective.score(rows)
    values = objective.mixed(weights, rows).tolist()
    assert values == pytest.approx([each.activation for each in scored if each], abs=1e-5)


def test_the_gradient_of_the_loss_counts_tokens_as_input_and_as_target() -> None:
    objective = objective_of("Llama lm")
    network: Any = objective.model.network
    ids = ids_of(objective.model, "the film was good")
    weights = functional.one_hot(torch.tensor([ids]), objective.table.shape[0]).float().requires_grad_()
    scores = network(inputs_embeds=weights @ objective.table.detach()).logits[:, :-1].log_softmax(-1)
    loss = -(scores * weights[:, 1:]).sum(-1).mean()
    (expected,) = torch.autograd.grad(loss, weights)
    found = objective.gradients([ids]).loss
    # the mean is over the tokens that have one before them; the target's part is over all
    target = -torch.cat([torch.zeros_like(scores[:, :1]), scores], 1).detach()
    wanted = expected - target / (len(ids) - 1) + target / len(ids)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)


def test_the_front_is_what_nothing_beats() -> None:
    random = np.random.default_rng(0)
    found = [
        Scored((number,), "", *values) for number, values in enumerate(random.integers(0, 6, (40, 2)).astype(float))
    ]
    for sign in (1.0, -1.0):
        goal = _Goal(1.0, 2.0, sign)
        slow = {
            (each.activation, each.loss)
            for each in found
            if not any(
                (sign * other.activation >= sign * each.activation and other.loss < each.loss)
                or (sign * other.activation > sign * each.activation and other.loss <= each.loss)
                for other in found
            )
        }
        front = _front(found, goal)
        assert {(each.activation, each.loss) for each in front} == slow
        assert len(front) == len(slow)


def test_a_planted_detector_is_written_to(tmp_path: Path) -> None:
    truth = planted_model(tmp_path / "planted", seed=0, noise=0.0)
    neuron = next(each for each in truth.neurons if each.role == "detector" and each.concept == "fox")
    made = dream(
        str(truth.folder), neuron.address, options=DreamOptions(tokens=4, iterations=12, gumbel_steps=0),
        model_options=ModelOptions(pooling="max"),
    )  # fmt: skip
    written = [row for row in made.table.to_pylist() if row["how"] == "EPO"]
    assert "fox" in written[0]["text"]
    assert "Gumbel-softmax" not in made.table.column("how").to_pylist()
    assert made.facts["gain"] >= 0


def test_of_a_run_the_texts_are_next_to_its_best_sentences(tmp_path: Path) -> None:
    documents = write_documents(tmp_path / "documents.jsonl", n_documents=20)
    corpus = prepare([documents], out=tmp_path / "corpus", workers=1)
    bert = load_model(str(write_tiny_bert(tmp_path / "bert")))
    run = collect(bert, corpus, out=tmp_path / "run", options=CollectOptions(list_size=10, sample_size=50))
    made = dream(run, "hidden.1.3", options=SMALL)
    rows = made.table.to_pylist()
    assert {row["how"] for row in rows} >= {
        "best sentence",
        "EPO",
        "EPO from random tokens",
        "best of random tokens",
    }
    best = run.neuron("hidden.1.3").list("top", limit=1).to_pylist()[0]
    assert made.facts["n_refused"] + made.facts["n_scored"] > 20
    assert rows[0]["activation"] == pytest.approx(best["activation"], abs=1e-4)
    again = dream(run, "hidden.1.3", options=SMALL)
    assert again.table.equals(made.table)
    low = dream(run, "hidden.1.3", options=DreamOptions(**{**_given(SMALL), "side": "bottom"}))
    values = {row["how"]: row["z"] for row in low.table.to_pylist()[::-1]}
    assert values["EPO"] <= values["best of random tokens"]
    assert "only activation counts" in dream_text(made)
    stopped = dream(
        run, "hidden.1.3", options=DreamOptions(**{**_given(SMALL), "iterations": 10**5, "max_seconds": 1.0})
    )
    assert stopped.facts["stopped"]
    asked = ("edit", "dream", run.folder, "hidden.1.3", "--tokens=3", "--set=dream.iterations=2", "--format")
    rows = json.loads(succeed(*asked, "json"))["rows"]
    lines = list(csv.DictReader(io.StringIO(succeed(*asked, "csv"))))
    assert [each["text"] for each in lines] == [each["text"] for each in rows]


def _given(options: DreamOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in options.__slots__}


def test_bad_input_is_named() -> None:
    model = model_of("Llama lm")
    for address in ("mlp.2", "mlp.2.0-3", "mlp.2.9999"):
        with pytest.raises(NeuronAddressError, match="not one neuron"):
            dream(model, address)
    with pytest.raises(OptionError, match="the model reads 64"):
        dream(model, "mlp.2.1", options=DreamOptions(tokens=60))
    with pytest.raises(ModelError, match="is a classifier"):
        dream(model_of("Bert class"), "mlp.2.1")


@pytest.mark.parametrize("kind", ["Llama lm", "Bert masked"])
def test_unknown_words_at_the_ends_are_of_the_text(kind: str) -> None:
    objective = objective_of(kind)
    texts = ["good film now", "\u4e2d film now", "good film \u4e2d", "\u4e2d"]
    alone = [objective.measure([text])[0] for text in texts]
    assert [len(each.ids) for each in alone] == [3, 3, 3, 1]
    for one, other in zip(alone, objective.measure(texts), strict=True):
        assert one.ids == other.ids
        assert one.loss == pytest.approx(other.loss, abs=1e-5)


def test_one_token_with_nothing_before_it_has_no_loss() -> None:
    found = dream(model_of("Llama lm"), "hidden.1.3", options=replace(SMALL, tokens=1))
    assert set(found.table.column("loss").to_pylist()) == {None}
    assert "nan" not in dream_text(found).lower()


def test_a_vocabulary_without_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurolect.interventions.dreaming._allowed", lambda _: np.empty(0, np.int64))
    with pytest.raises(OptionError, match="No random text of 4 tokens"):
        dream(model_of("Llama lm"), "hidden.1.3", options=SMALL)
