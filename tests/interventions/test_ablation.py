"""What setting neurons changes, against plain loops over texts and neurons with whole passes."""

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.errors import ModelError, NeuronAddressError, OptionError, VariantError
from neurolect.interventions import EditOptions, ablate, edit
from neurolect.interventions.outcomes import Texts
from neurolect.results import provenance, ranking_table, write_ranking
from neurolect.views.texts.interventions import ablation_text
from tests.command_line import command, succeed
from tests.interventions.measured import SENTENCES, mean_of, model_of, slow
from tests.tiny_models import write_tiny_bert


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


def test_each_neuron_is_estimated_and_the_first_are_measured() -> None:
    model = model_of("Llama lm")
    whole = ablate(model, ["mlp.2"], on=SENTENCES, each=True)
    some = ablate(model, ["mlp.2"], on=SENTENCES, each=True, options=EditOptions(exact=4))
    assert whole.column("score").null_count == 0
    assert (provenance(whole).details["rank_correlation"] or 0) > 0.6  # chance: 0.5 once in 100
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


def test_a_ranking_of_another_model_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = model_of("Bert"), model_of("MPNet")
    monkeypatch.setattr(own, "fingerprint", "abc")
    monkeypatch.setattr(other, "fingerprint", "def")
    made = ablate(own, ["hidden.1"], each=True, on=SENTENCES)
    assert provenance(made).models == (own.fingerprint,)
    few = EditOptions(top=(2,), controls=1)
    assert not provenance(ablate(own, made, on=SENTENCES, options=few)).details["notices"]
    assert not caplog.records
    notices = provenance(ablate(other, made, on=SENTENCES, options=few)).details["notices"]
    assert notices[0].startswith("The ranking is of another model's neurons")
    assert caplog.messages == notices


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


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("kind", ["Llama lm", "Bert", "Bert class"])
def test_texts_that_give_nan_are_left_out_and_counted(kind: str, each: bool) -> None:
    model = model_of(kind)
    word = model.tokenizer(["game"], add_special_tokens=False)["input_ids"][0][0]

    def broken(_module: object, given: tuple[torch.Tensor], states: torch.Tensor) -> torch.Tensor:
        return states.masked_fill(given[0].eq(word)[..., None], torch.nan)

    options = EditOptions(to="zero", controls=2)
    without = ablate(model, ["hidden.1.1-4"], on=SENTENCES[:4], each=each, options=options)
    body: Any = model.body
    hook = body.get_input_embeddings().register_forward_hook(broken)
    try:
        with_it = ablate(model, ["hidden.1.1-4"], on=SENTENCES[:5], each=each, options=options)
    finally:
        hook.remove()
    assert [provenance(table).details["n_nan"] for table in (without, with_it)] == [0, 1]
    assert "NaN on up to 1 of the texts" in ablation_text(with_it)
    expected = {row["address"]: row for row in without.to_pylist()}
    for row in with_it.to_pylist():
        for name in ("score", "estimate"):
            if name == "score" or kind != "Bert":  # directions of a distance are drawn for each call
                assert row[name] == pytest.approx(expected[row["address"]][name], abs=1e-5), name


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
    both = ("edit", "ablate", model, "--neurons", "hidden.2", "--layer", "mlp.1", "--each", "--on", texts)
    rows = succeed(*both, "--format", "csv").splitlines()
    assert len(rows) == 41
    assert [row["address"] for row in json.loads(succeed(*both, "--format", "json"))["rows"]] == [
        row.split(",")[rows[0].split(",").index("address")] for row in rows[1:]
    ]
    again = succeed("edit", "ablate", model, "--ranking", out, "--top", "3", "--on", texts, "--to", "zero")
    assert "first 3 of ablate (3)" in again
    answer = command("edit", "ablate", model, "--on", texts)
    assert answer.code == 1
    assert "No neuron was given" in answer.err
    twice = command("edit", "ablate", model, "--ranking", out, "--neurons", "mlp.1.1", "--on", texts)
    assert (twice.code, "a ranking says which" in twice.err) == (2, True)
    alone = command("edit", "ablate", model, "--neurons", "mlp.1.1", "--top", "3", "--on", texts)
    assert (alone.code, "no --ranking is given" in alone.err) == (2, True)
