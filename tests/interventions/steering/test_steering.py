"""Steering end to end: on the planted model, where it is known what acts; resumed; and with bad input."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.errors import ModelError, OptionError, RunFolderError, VariantError
from neurolect.interventions import Steering, steer
from neurolect.interventions.steering import compare_steering
from neurolect.planted import Truth, planted_model, read_truth
from neurolect.planted.grammar import CLASSES
from neurolect.results import ranking_table, read_ranking, write_ranking
from neurolect.views.texts.steering import steering_text
from tests.command_line import command, succeed
from tests.interventions.measured import model_of
from tests.interventions.steering.concepts import FEW, films_and_banks, plurals, write_texts
from tests.made_once import copy_of

BEGINNINGS = ["The dog", "Anna", "This small fox", "Peter ran near", "Every horse", "A cat sat with", "Rosa", "The"]
OF_PLURALS = replace(FEW, words=CLASSES["plural"], tokens=6, top=(5,), strengths=(1.0,), rank_texts=60)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return read_truth(copy_of(planted_model, tmp_path_factory.mktemp("planted") / "model", noise=0.0))


def by_method(made: Steering) -> dict[str, dict[str, Any]]:
    return {row["method"]: row for row in made.table.to_pylist()}


def test_on_the_planted_model_those_that_act_steer_and_decoys_do_not(truth: Truth, tmp_path: Path) -> None:
    texts = plurals(tmp_path / "plurals.csv")
    asked: Any = {"concept": texts, "label": "topic=plural", "prompts": BEGINNINGS}
    made = steer(str(truth.folder), **asked, out=tmp_path / "steered", options=OF_PLURALS)
    roles = {each.address: each for each in truth.neurons}
    first = [roles[each] for each in made.facts["first"][:5]]
    assert {each.concept for each in first} <= {"plural", "number", "after_number"}
    assert any(each.used for each in first)
    rows = by_method(made)
    assert rows["experts"]["more"] > 0.4  # of a few prompts: other releases of PyTorch draw other texts
    assert rows["experts"]["concept"] > rows["random"]["concept"] + 0.4
    assert rows["plain"]["kl"] == rows["plain"]["more"] == 0.0
    assert rows["plain"]["same"] == 1.0
    unused = [
        each.address
        for each in truth.neurons
        if each.concept in ("plural", "number") and not each.used and each.address.startswith("mlp")
    ]
    assert len(unused) >= 3
    ranking = ranking_table({"address": unused, "score": np.ones(len(unused))}, runs=[], method="decoys")
    few = replace(OF_PLURALS, top=(len(unused),))
    decoys = steer(str(truth.folder), **asked, ranking=ranking, out=tmp_path / "decoys", options=few)
    nothing = by_method(decoys)["experts"]
    assert abs(nothing["more"]) < 0.2
    assert nothing["kl"] < 0.02 < rows["experts"]["kl"]
    kept = read_ranking(tmp_path / "steered" / "ranking.parquet")
    assert kept.column("address").to_pylist()[:10] == made.facts["first"]


def test_a_stopped_one_goes_on_and_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, texts = model_of("Llama lm"), films_and_banks(tmp_path / "texts.csv")
    asked: Any = {"concept": texts, "label": "topic=film", "prompts": ["the film", "a bank"], "options": FEW}
    whole = steer(model, **asked, out=tmp_path / "whole")
    run, calls = compare_steering._Work._run, list[str]()

    def counted(work: Any, setting: Any, held_out: Any) -> dict[str, Any]:
        calls.append(setting.name)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return run(work, setting, held_out)

    monkeypatch.setattr(compare_steering._Work, "_run", counted)
    with pytest.raises(KeyboardInterrupt):
        steer(model, **asked, out=tmp_path / "out")
    again = steer(model, **asked, out=tmp_path / "out")
    assert len(calls) == 1 + len(list((tmp_path / "out" / "parts").iterdir())), "what was done is done again"
    assert again.table.equals(whole.table)
    assert again.texts.equals(whole.texts)
    assert pq.read_table(tmp_path / "out" / "settings.parquet").to_pylist() == whole.table.to_pylist()
    assert json.loads((tmp_path / "out" / "steering.json").read_text())["judge"] == whole.facts["judge"]
    n_before = len(calls)
    more = steer(model, **(asked | {"options": replace(FEW, top=(2, 3), n_bootstrap=20)}), out=tmp_path / "out")
    assert {name.split("-")[1] for name in calls[n_before:]} == {"3"}, "what was done is done again"
    assert more.table.num_rows == whole.table.num_rows
    with pytest.raises(
        RunFolderError, match=r"steering by other inputs \(options, texts\)(.|\n)*Give another --out"
    ):
        steer(model, **(asked | {"options": replace(FEW, seed=1)}), out=tmp_path / "out")
    assert len(list((tmp_path / "out" / "parts").iterdir())) == len(calls) - 1, "something was lost"


def test_rows_and_text(tmp_path: Path) -> None:
    model, texts = model_of("Llama lm"), films_and_banks(tmp_path / "texts.csv")
    prompts = ["the film", "a bank", "it", "my team", "the price"]
    made = steer(model, concept=texts, label="topic=film", prompts=prompts, out=tmp_path / "out", options=FEW)
    rows = made.table.to_pylist()
    keys = [(row["method"], row["n_neurons"], row["strength"]) for row in rows]
    expected = [("plain", 0, None), ("prompt", 0, None), ("direction", 0, 1.0), ("direction", 0, 3.0)]
    sizes = [(n, strength) for n in FEW.top for strength in FEW.strengths]
    assert keys == expected + [(each, *size) for size in sizes for each in ("experts", "random")]
    texts_of = made.texts.to_pylist()
    assert len(texts_of) == len(prompts) * (4 + 4 * (1 + FEW.draws))
    experts = [each["concept"] for each in texts_of if (each["method"], each["n_neurons"]) == ("experts", 4)]
    own = [row["concept"] for row in rows if (row["method"], row["n_neurons"]) == ("experts", 4)]
    assert np.mean(own) == pytest.approx(np.mean(experts))
    text = steering_text(made)
    for word in ("plain prompt", "mean difference", "random neurons", "no edit", "the film"):
        assert word in text
    assert made.facts["prefix"] == "Write about film."


@pytest.mark.parametrize("set_to", ["zero", "scale=2", "0.5", "translate", "mean"])
def test_other_values(set_to: str, tmp_path: Path) -> None:
    model, texts = model_of("Llama lm"), films_and_banks(tmp_path / "texts.csv")
    options = replace(FEW, set_to=set_to, top=(3,), draws=1)
    made = steer(model, concept=texts, label="topic=film", prompts=["it"], out=tmp_path / "out", options=options)
    n_strengths = 2 if set_to in ("translate", "mean") else 1
    assert sum(row["method"] == "experts" for row in made.table.to_pylist()) == n_strengths
    assert made.facts["chosen"] == [], "one prompt cannot be parted"


def test_an_encoder_of_masked_tokens_is_measured_by_log_probability(tmp_path: Path) -> None:
    texts = films_and_banks(tmp_path / "texts.csv")
    made = steer(model_of("Bert masked"), concept=texts, label="topic=film", out=tmp_path / "out", options=FEW)
    assert "concept" not in made.table.column_names
    assert made.texts.num_rows == 0
    assert by_method(made)["experts"]["kl"] > 0
    assert "writes no text" in steering_text(made)
    for kind, gives in (("Bert class", "classes"), ("Bert", "an embedding")):
        with pytest.raises(ModelError, match=rf"gives {gives}, no tokens(.|\n)*a decoder, or an encoder"):
            steer(model_of(kind), concept=texts, label="topic=film", out=tmp_path / kind, options=FEW)
        assert not (tmp_path / kind).exists()


def test_nan_is_said_and_nothing_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = compare_steering._Work._run

    def broken(work: Any, setting: Any, held_out: Any) -> dict[str, Any]:
        if setting.method == "direction":
            message = "The network's result is NaN in its call 1 of 2 after the edit."
            raise ModelError(message)
        return run(work, setting, held_out)

    monkeypatch.setattr(compare_steering._Work, "_run", broken)
    asked: Any = {"label": "topic=film", "prompts": ["it"], "out": tmp_path / "out", "options": FEW}
    made = steer(model_of("Llama lm"), concept=films_and_banks(tmp_path / "texts.csv"), **asked)
    assert set(made.facts["failed"]) == {"direction-0-1-0", "direction-0-3-0"}
    assert "Failed: direction-0-1-0: The network's result is NaN" in steering_text(made)
    assert "experts" in by_method(made)


def ranking_of(addresses: list[str]) -> pa.Table:
    return ranking_table(
        {"address": addresses, "score": np.ones(len(addresses))}, runs=[], method="mine", models=["y"]
    )


def test_bad_input_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    model, texts = model_of("Llama lm"), films_and_banks(tmp_path / "texts.csv")
    (tmp_path / "empty.txt").write_text("\n \n")
    one = write_texts(tmp_path / "one.csv", [(f"a film {each}", "film") for each in range(40)])
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"label": "film"}, OptionError, r"The concept is 'film'(.|\n)*COLUMN=VALUE"),
        ({"label": "topic=fim"}, OptionError, r"0 texts of topic=fim(.|\n)*the nearest: 'film'"),
        ({"concept": one}, VariantError, r"not two classes"),
        ({"prompts": []}, OptionError, r"There is no prompt in the prompts given"),
        ({"prompts": tmp_path / "empty.txt"}, OptionError, r"There is no prompt in .*empty\.txt"),
        ({"prompts": tmp_path / "none.txt"}, OptionError, r"none\.txt cannot be read: No such file"),
        ({"prompts": ["it " * 70]}, OptionError, r"the model reads 64(.|\n)*steer\.tokens=16"),
        ({"ranking": ranking_of(["mlp.9.1", "mlp.1.1"] * 4)}, OptionError, r"first 4 of a ranking of 2 neurons"),
        ({"options": replace(FEW, top=(10_000,))}, OptionError, r"first 10,000 of \d+ neurons(.|\n)*--top 10"),
        ({"options": replace(FEW, top=(2, 2))}, OptionError, r"steer\.top is 2, 2(.|\n)*each once"),
        ({"options": replace(FEW, set_to="p5")}, OptionError, r"set to 'p5'"),
    ]
    usual: dict[str, Any] = {"concept": texts, "label": "topic=film", "options": FEW, "out": tmp_path / "out"}
    for given, error, message in cases:
        with pytest.raises(error, match=message):
            steer(model, **(usual | given))
        assert not (tmp_path / "out").exists()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="holds no steering; nothing is overwritten"):
        steer(model, **(usual | {"out": tmp_path / "taken"}))
    unknown = ranking_of(["hidden.1.1", "hidden.1.2", "hidden.1.999", "hidden.7.0"])
    with pytest.raises(OptionError, match=r"no neuron hidden\.1\.999 \(2 of 4 are missing\)"):
        steer(model, **(usual | {"ranking": unknown}))


def test_a_ranking_of_another_model_is_said(tmp_path: Path) -> None:
    asked: Any = {"label": "topic=film", "prompts": ["it"], "out": tmp_path / "out", "options": FEW}
    asked |= {"concept": films_and_banks(tmp_path / "texts.csv")}
    ranking = ranking_of([f"hidden.1.{each}" for each in range(6)])
    made = steer(model_of("Llama lm"), ranking=ranking, **asked)
    assert made.facts["first"] == [f"hidden.1.{each}" for each in range(6)]
    assert made.facts["notices"] == ["The ranking is of another model's neurons (y; this is x)."]


def test_the_command(truth: Truth, tmp_path: Path) -> None:
    texts = plurals(tmp_path / "plurals.csv")
    write_ranking(ranking_of([f"mlp.1.{each}" for each in range(5)]), tmp_path / "mine.parquet")
    (tmp_path / "prompts.txt").write_text("The dog\n\nAnna\nThe\nA cat\n")
    settings = ["rank_texts=10", "judge_texts=10", "dev_texts=2", "test_texts=4", "tokens=3", "n_bootstrap=20"]
    asked = [
        "edit",
        "steer",
        truth.folder,
        "--concept",
        texts,
        "--label",
        "topic=plural",
        "--out",
        tmp_path / "out",
    ]
    asked += ["--ranking", tmp_path / "mine.parquet", "--top", "2", "--to", "scale=4"]
    asked += [f"--set=steer.{each}" for each in settings]
    out = succeed(*asked, "--prompt", f"@{tmp_path / 'prompts.txt'}")
    assert "neurons set to scale=4" in out
    assert "4 prompts" in out
    assert (tmp_path / "out" / "summary.txt").read_text() == out
    assert (tmp_path / "out" / "curves.svg").read_text().startswith("<?xml")
    again = json.loads(succeed(*asked, "--prompt", f"@{tmp_path / 'prompts.txt'}", "--format", "json"))
    assert again["n_prompts"] == 4
    assert {"method", "concept", "loss"} <= set(again["rows"][0])
    answer = command(*asked, "--prompt", f"@{tmp_path / 'prompts.txt'}", "--prompt", "It")
    assert answer.code == 2
    assert "and others were given" in answer.err
