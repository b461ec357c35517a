"""What a model does with a typed sentence, and what setting neurons of each kind of model changes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from neurolect.collector import CollectOptions, collect
from neurolect.errors import ModelError, NeurolectError, NeuronAddressError, OptionError
from neurolect.explorer import Answers, ServeOptions
from neurolect.explorer.live.asked import LiveModel
from neurolect.explorer.live.editing import edited, read_change
from neurolect.explorer.live.rate import Rate, TooOftenError
from neurolect.model import ModelOptions, load_model
from tests.interventions.measured import model_of
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny, write_tiny_bert

TEXT = "the movie was great , and the film is good ."


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> LiveModel:
    """A decoder with its head, and a run of it that is not described."""
    home = tmp_path_factory.mktemp("live")
    folder = str(write_tiny(home / "model", family="Llama"))
    torch.manual_seed(0)
    config = transformers.AutoConfig.from_pretrained(folder)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    corpus = tiny_corpus(home, n_documents=9)
    model = load_model(folder, options=ModelOptions(sites=("hidden", "mlp")))
    run = collect(model, corpus, out=home / "run", options=CollectOptions(list_size=5, held_out_size=0))
    return LiveModel(Answers([run.folder], model=folder), ServeOptions(sentence_characters=200))


def test_the_farthest_neurons_and_their_tokens(live: LiveModel) -> None:
    found = live.answer("sentence", {"run": 0, "text": TEXT})
    assert "".join(found["tokens"]) == TEXT
    run = live._answers.run(0).run()
    moments = run.neurons().to_pylist()
    for layer in found["layers"]:
        z = [abs(each["z"]) for each in layer["neurons"] if each["z"] is not None]
        assert z == sorted(z, reverse=True)
        for each in layer["neurons"][:2]:
            row = moments[run.index.neuron_id(each["address"])]
            assert each["z"] == pytest.approx((each["value"] - row["mean"]) / row["std"], rel=1e-3)
            values = live.answer("neuron", {"run": 0, "text": TEXT, "address": each["address"]})
            assert values["tokens"] == found["tokens"]
            signed = np.sign(each["z"]) * np.array(values["values"])
            assert int(signed.argmax()) == each["token"]
            assert values["low"] < values["high"]


def test_half_characters_are_read_as_question_marks(live: LiveModel) -> None:
    found = live.answer("sentence", {"run": 0, "text": "the \ud800 film"})
    assert "".join(found["tokens"]) == "the ? film"


def test_setting_a_neuron_changes_the_next_token(live: LiveModel) -> None:
    found = live.answer("edit", {"run": 0, "text": TEXT, "change": "hidden.1.3=40"})
    assert found["change"] > 0
    assert any(row["before"] != row["after"] for row in found["rows"])
    assert found["texts"]["before"]
    same = live.answer("edit", {"run": 0, "text": TEXT, "change": "hidden.1.3=add:0"})
    assert same["change"] == pytest.approx(0, abs=1e-6)
    assert same["texts"]["before"] == same["texts"]["after"]


@pytest.mark.parametrize(
    ("kind", "label"), [("Bert masked", "hidden word"), ("Bert class", "nats"), ("Bert", "cosine")]
)
def test_other_models_give_what_they_have(kind: str, label: str, live: LiveModel) -> None:
    model = model_of(kind)
    of: Any = type("Of", (), {"run": lambda _: type("R", (), {"neuron": lambda *_: None})()})()
    found = edited(of, model, TEXT, "hidden.1.3=40")
    assert found["change"] > 0
    assert label in found["change_label"]
    assert sum(row["before"] for row in found["rows"]) <= 1.001


def test_questions_to_the_model_are_bounded(live: LiveModel, tmp_path: Path) -> None:
    wrong: list[tuple[str, Any, type[NeurolectError]]] = [
        ("sentence", None, OptionError),
        ("sentence", [1], OptionError),
        ("sentence", {"text": 3}, OptionError),
        ("sentence", {"text": " "}, OptionError),
        ("sentence", {"text": "x" * 201}, OptionError),
        ("sentence", {"text": TEXT, "run": 7}, OptionError),
        ("sentence", {"text": TEXT, "run": True}, OptionError),
        ("open", {"text": TEXT}, OptionError),
        ("neuron", {"text": TEXT, "address": "hidden.9.1"}, NeuronAddressError),
        ("edit", {"text": TEXT, "change": "hidden.1.99=0"}, NeuronAddressError),
        ("edit", {"text": TEXT, "change": "hidden.1.3=__import__('os')"}, OptionError),
    ]
    for kind, given, error in wrong:
        with pytest.raises(error):
            live.answer(kind, given)
    for change in ("", "hidden.1.3", "a=nan", "a=mean", ",".join(f"hidden.1.{each}=0" for each in range(9))):
        with pytest.raises(OptionError):
            read_change(change)
    folder = live._answers.opened.runs[0].folder
    with pytest.raises(OptionError, match="No model is loaded"):
        LiveModel(Answers([folder]), ServeOptions()).answer("sentence", {"text": TEXT})
    another = str(write_tiny_bert(tmp_path / "another"))
    with pytest.raises(ModelError, match="is not the model"):
        LiveModel(Answers([folder], model=another), ServeOptions()).answer("sentence", {"text": TEXT})


def test_the_model_is_asked_so_often_in_any_minute() -> None:
    rate = Rate(2)
    rate.take(now=0.0)
    rate.take(now=30.0)
    with pytest.raises(TooOftenError, match="2 times within a minute"):
        rate.take(now=59.9)
    rate.take(now=60.0)
