"""A judge that is asked of one sentence at a time: the same scores by words, an AUROC by probabilities."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from neurolect.errors import EndpointError
from neurolect.naming import NameOptions, export_names, name_cost, name_neurons, plan, stage
from neurolect.naming.endpoint import RATE, Endpoint
from neurolect.naming.judging import NONSENSE_FIT, NONSENSE_YES
from neurolect.naming.sentences import HeldOut
from neurolect.results import rank
from neurolect.store import Run
from neurolect.views.texts.names import cost_text, names_of_run, names_text
from tests.fidelity.scored_run import RECIPE
from tests.naming.stub_server import Reply, by_share, by_word, completion, is_fit, is_yes, sentences_of, serving
from tests.naming.test_stage import FAST, rows_of

ONE = NameOptions(**{name: getattr(FAST, name) for name in FAST.__slots__} | {"ask": "sentence"})
SCORES = ("score", "automatic_score", "other_score")


def named(folder: Path, url: str, options: NameOptions = ONE, **more: Any) -> Run:
    return name_neurons(folder, endpoint=url, model="m", options=options, **more)


def test_by_words_the_scores_are_those_of_lists(folder: Path) -> None:
    with serving(by_word) as stub:
        lists = rows_of(named(Path(shutil.copytree(folder, folder.with_name("lists"))), stub.url, FAST))
        n = len(stub.asked)
        run = named(folder, stub.url)
        asked = stub.asked[n:]
    rows = rows_of(run)
    assert {key: [row[each] for each in SCORES] for key, row in rows.items()} == {
        key: [row[each] for each in SCORES] for key, row in lists.items()
    }
    assert {row["graded"] for row in rows.values()} == {False}
    fits = [each for each in asked if is_yes(each["messages"][0]["content"])]
    assert {each["top_logprobs"] for each in fits} == {20}
    assert {each["max_tokens"] for each in fits} == {5}
    judged = HeldOut(run, ONE).judged(RECIPE)
    assert judged is not None
    read = Counter(sentences_of(each["messages"][0]["content"])[0] for each in fits)
    assert set(judged.texts) <= set(read)
    found = names_of_run(run)
    assert found["n_read"] == sum(row[f"{each}_n"] or 0 for row in rows.values() for each in SCORES)
    assert "probability" not in names_text(found)
    assert "The judge said yes to" in names_text(found)


def test_by_probabilities_the_score_is_an_auroc(folder: Path) -> None:
    """Of a judge that says yes to all: words alone would leave it at chance."""
    with serving(by_share) as stub:
        run = named(folder, stub.url)
    rows = rows_of(run)
    assert {row["graded"] for row in rows.values()} == {True}
    row = rows[RECIPE]
    judged = HeldOut(run, ONE).judged(RECIPE)
    assert judged is not None
    answers = [json.loads(line) for line in (folder / "names/answers.jsonl").read_text().splitlines()]
    sure = {
        (each["request"]["messages"][0]["content"].split("\n")[0], sentences_of(_asked(each))[0]): each["chances"]
        for each in answers
        if is_yes(_asked(each))
    }
    start = f"A description of some sentences: {json.dumps(row['name'])}"
    chances = [sure[start, text] for text in judged.texts]
    values = [each["yes"] / (each["yes"] + each["no"]) for each in chances]
    assert row["score"] == pytest.approx(roc_auc_score(judged.fits, values))
    assert row["score"] > 0.8
    assert 0 < row["score_low"] < row["score"] <= row["score_high"] <= 1
    assert row["score_n"] == len(judged.texts)
    found = names_of_run(run)
    assert found["n_graded"] == len(rows)
    assert found["n_yes"] == found["n_read"]
    assert "probability of yes against no" in names_text(found)
    assert "said yes to 100% of the sentences" in names_text(found)
    assert rank(run, by="model-name").column("score")[0].as_py() == max(each["score"] for each in rows.values())


def _asked(record: dict[str, Any]) -> str:
    return str(record["request"]["messages"][0]["content"])


def test_the_cost_is_what_is_asked(folder: Path) -> None:
    cost = name_cost(folder, model="m", options=ONE)
    with serving(by_share) as stub:
        named(folder, stub.url)
        assert len(stub.asked) <= cost.n_names + cost.n_fits < len(stub.asked) + 12  # lists share sentences here
        most = sum(each["max_tokens"] for each in stub.asked)
        tokens = sum(len(each) for each in stub.prompts) / 4
    assert most <= cost.most_tokens_out < most + 12 * 5
    assert cost.n_fits >= 12 * 3 * (cost.n_judged - 1)
    assert 0.7 < cost.tokens_in / tokens < 1.4
    assert "each of its sentences one question" in cost_text(cost, model="m")
    assert name_cost(folder, model="m", options=ONE).n_names == 0


@pytest.mark.parametrize("status", [400, 422, 501])
def test_a_server_that_refuses_probabilities_is_asked_without(folder: Path, status: int) -> None:
    def refusing(prompt: str, number: int) -> Reply:
        refused = "logprobs" in stub.asked[number]
        return (
            Reply(b'{"error": {"message": "logprobs are not supported"}}', status) if refused else by_word(prompt)
        )

    with serving(refusing) as stub:
        run = named(folder, stub.url)
        reported = [each for each in stub.asked if "logprobs" in each]
        assert len(reported) == 1  # it is known then
        n = len(stub.asked)
        named(folder, stub.url)
        assert len(stub.asked) == n
    assert {row["graded"] for row in rows_of(run).values()} == {False}
    assert names_of_run(run)["failures"] == {}
    assert all(row["score"] is not None for row in rows_of(run).values())


def test_what_cannot_be_read_is_counted_and_left_out(folder: Path) -> None:
    """A fourth of the sentences: scored by the others; three fourths: not scored."""
    fixed = {text: number for number, text in enumerate(_texts(folder))}

    def rule(prompt: str, share: int) -> Reply:
        if not is_yes(prompt) or fixed[sentences_of(prompt)[0]] % 8 < share:
            return by_word(prompt)
        return completion("Perhaps.")

    with serving(lambda prompt, _: rule(prompt, 7)) as stub:
        run = named(Path(shutil.copytree(folder, folder.with_name("most"))), stub.url)
    found, rows = names_of_run(run), rows_of(run)
    n_asked = sum(is_yes(each) for each in stub.prompts)
    assert 0 < found["failures"][NONSENSE_YES] < n_asked / 3
    assert found["n_read"] == sum(row[f"{each}_n"] or 0 for row in rows.values() for each in SCORES)
    assert f"{NONSENSE_YES} {found['failures'][NONSENSE_YES]}" in names_text(found)
    assert {row["score_n"] for row in rows.values()} - {12, None}
    with serving(lambda prompt, _: rule(prompt, 1)) as stub:
        run = named(folder, stub.url)
    rows = rows_of(run)
    assert any(row["score"] is None and row["name"] for row in rows.values())


def _texts(folder: Path) -> list[str]:
    texts = Run(folder).table("held_out/sentences").column("text").to_pylist()
    return [str(each) for each in dict.fromkeys(texts)]


def test_unreadable_lists_point_to_single_sentences(folder: Path) -> None:
    with serving(lambda prompt, _: completion("All good!" if is_fit(prompt) else "NAME: food")) as stub:
        found = names_of_run(named(folder, stub.url, FAST, neurons=["hidden.1.0"]))
    assert found["failures"] == {NONSENSE_FIT: 2}
    assert "--set name.ask=sentence" in names_text(found)


def test_a_kill_loses_no_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(by_share) as stub:
        whole = rows_of(named(Path(shutil.copytree(folder, folder.with_name("whole"))), stub.url))
        n = len(stub.asked)
    asks, ask = [], Endpoint.ask

    def killed(self: Endpoint, question: Any) -> Any:
        asks.append(question)
        if len(asks) == n // 2:
            raise KeyboardInterrupt
        return ask(self, question)

    monkeypatch.setattr(Endpoint, "ask", killed)
    with serving(by_share) as stub, pytest.raises(KeyboardInterrupt):
        named(folder, stub.url)
    monkeypatch.setattr(Endpoint, "ask", ask)
    with serving(by_share) as stub:
        again = rows_of(named(folder, stub.url))
        assert len(stub.asked) == n - (n // 2 - 1)
    untimed = [{key: row | {"asked": None} for key, row in rows.items()} for rows in (whole, again)]
    assert untimed[0] == untimed[1]


def test_a_server_that_goes_in_the_middle_takes_no_score_away(folder: Path) -> None:
    """Scores of lists stay until those of single sentences are there."""
    with serving(by_word) as stub:
        lists = rows_of(named(folder, stub.url, FAST))
    with (
        serving(lambda prompt, n: by_share(prompt) if n < 40 else Reply(b"{}", 429)) as stub,
        pytest.raises(EndpointError, match=rf"does not answer: {RATE}(.|\n)*40 answers came before"),
    ):
        named(folder, stub.url)
    rows = rows_of(Run(folder))
    assert {row["ask"] for row in rows.values()} == {"list", "sentence"}
    assert all(row == lists[key] for key, row in rows.items() if row["ask"] == "list")
    assert all(row["score"] is not None for row in rows.values())
    shown = names_of_run(Run(folder))
    assert len(shown["rows"]) == sum(row["ask"] == "sentence" for row in rows.values())  # one kind in a mean
    with serving(by_share) as stub:
        rows = rows_of(named(folder, stub.url))
    assert {row["ask"] for row in rows.values()} == {"sentence"}


def test_rows_of_before_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of earlier versions have fewer columns."""
    new = {"ask", "graded", *(f"{each}_n" for each in SCORES)}
    with serving(by_word) as stub:
        with monkeypatch.context() as earlier:
            earlier.setattr(stage, "ROWS", pa.schema([each for each in stage.ROWS if each.name not in new]))
            first = rows_of(named(folder, stub.url, FAST, neurons=["hidden.1.0", "hidden.1.1"]))
        assert not new & set(first[RECIPE])
        assert names_of_run(Run(folder))["means"]["score"]["n"] == 2
        rows = rows_of(named(folder, stub.url, FAST, neurons=["hidden.1.4"]))
    assert set(rows) > set(first)
    assert {rows[key]["score"] for key in first} == {row["score"] for row in first.values()}
    assert {rows[key]["ask"] for key in first} == {"list"}


def test_exports_have_the_probabilities(folder: Path, tmp_path: Path) -> None:
    with serving(by_share) as stub:
        run = named(folder, stub.url)
    export_names(run, to="delphi", out=tmp_path / "delphi", options=ONE)
    samples = [json.loads(path.read_text()) for path in (tmp_path / "delphi/scores/detection").iterdir()]
    values = np.array([each["probability"] for sample in samples for each in sample])
    assert len(set(values.tolist())) > 3
    assert ((values > 0) & (values < 1)).all()
    assert all(each["prediction"] for sample in samples for each in sample)


def test_a_batch_asks_sentence_by_sentence(folder: Path, tmp_path: Path) -> None:
    """Names first, then what fits them; the result is a server's."""
    with serving(by_word) as stub:
        wanted = rows_of(named(Path(shutil.copytree(folder, folder.with_name("served"))), stub.url))
    for turn in range(2):
        prompts, answers = tmp_path / f"prompts{turn}.jsonl", tmp_path / f"answers{turn}.jsonl"
        export_names(folder, to="batch", out=prompts, model="m", options=ONE)
        lines = [json.loads(line) for line in prompts.read_text().splitlines()]
        given = [
            {
                "custom_id": line["custom_id"],
                "answer": json.loads(by_word(line["body"]["messages"][0]["content"]).body)["choices"][0]["message"][
                    "content"
                ],
            }
            for line in lines
        ]
        answers.write_text("".join(json.dumps(each) + "\n" for each in given))
        run = name_neurons(folder, answers=answers, model="m", options=ONE)
    found = rows_of(run)
    columns = ("name", *SCORES, "graded", "score_n")
    assert {key: [row[each] for each in columns] for key, row in found.items()} == {
        key: [row[each] for each in columns] for key, row in wanted.items()
    }


def test_the_hint_is_of_what_fails(folder: Path) -> None:
    """A server that limits the rate, or is slow, is there."""
    with (
        serving(lambda *_: Reply(b"{}", 429)) as stub,
        pytest.raises(EndpointError, match=r"limits the rate: wait"),
    ):
        named(folder, stub.url)
    slow = NameOptions(**{name: getattr(ONE, name) for name in ONE.__slots__} | {"timeout": 0.2})
    with (
        serving(lambda *_: Reply(b"{}", seconds=3.0)) as stub,
        pytest.raises(EndpointError, match=r"name\.timeout=600"),
    ):
        named(folder, stub.url, slow)
    with pytest.raises(EndpointError, match="Is the server running"):
        named(folder, "http://127.0.0.1:9/v1")


def test_no_clear_theme_is_no_name_to_judge() -> None:
    names = pa.table({"name": ["no clear theme", "pasta", "no clear theme \u00b7 at plural nouns (NNS)", None]})
    found = [plan._automatic_name(names.slice(each, 1)) for each in range(5)]
    assert found == [None, "pasta", "at plural nouns (NNS)", None, None]
