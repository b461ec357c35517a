"""Prompts go out as a batch and answers come back from a file; the outcome is what a server would have given."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from neurolect.errors import OptionError
from neurolect.naming import export_names, name_neurons
from neurolect.store import open_run
from tests.command_line import command, succeed
from tests.fidelity.scored_run import write_described_run
from tests.naming.stub_server import by_word, serving
from tests.naming.test_stage import FAST, named, rows_of

ADDRESSES = ["hidden.1.0", "hidden.1.1"]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batches") / "run"
    write_described_run(folder)
    return folder


@pytest.fixture
def folder(described: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(described, tmp_path / "run"))


def ask_by_hand(prompts: Path, url: str) -> list[dict[str, Any]]:
    """Do with a file of prompts what a provider does."""
    import httpx

    lines = []
    for line in map(json.loads, prompts.read_text("utf-8").splitlines()):
        body = httpx.post(f"{url.removesuffix('/v1')}{line['url']}", json=line["body"]).json()
        response = {"status_code": 200, "request_id": "r", "body": body}
        lines.append({"id": "b", "custom_id": line["custom_id"], "response": response, "error": None})
    return lines


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", "utf-8")
    return path


def through_files(folder: Path, url: str, answers: Path) -> int:
    """Two rounds: names and automatic ones, then what fits the new names."""
    n = 0
    for _ in range(2):
        prompts = folder.with_name("prompts.jsonl")
        export_names(folder, to="batch", out=prompts, model="m", neurons=ADDRESSES, options=FAST)
        lines = ask_by_hand(prompts, url)
        n += len(lines)
        write(answers, lines)
        name_neurons(folder, answers=answers, model="m", neurons=ADDRESSES, options=FAST)
    return n


def test_two_rounds_of_files_give_what_a_server_gives(folder: Path, described: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(described, tmp_path / "other"))
    with serving(by_word) as stub:
        by_server = rows_of(named(other, stub.url, neurons=ADDRESSES))
        n_asked = len(stub.asked)
        assert through_files(folder, stub.url, tmp_path / "answers.jsonl") == n_asked
    made = name_neurons(folder, answers=tmp_path / "answers.jsonl", model="m", neurons=ADDRESSES, options=FAST)
    by_files = rows_of(made)
    drop = {"asked", "described"}
    plain = [
        {key: {k: v for k, v in row.items() if k not in drop} for key, row in rows.items()}
        for rows in (by_files, by_server)
    ]
    assert plain[0] == plain[1]
    assert all(row["score"] is not None and row["other_score"] is not None for row in by_files.values())
    assert made.manifest["stages"]["name"]["endpoint"] == "the file answers.jsonl"
    with pytest.raises(OptionError, match=r"All questions of these 2 lists of .* have answers"):
        export_names(folder, to="batch", out=tmp_path / "more", model="m", neurons=ADDRESSES, options=FAST)


def test_plain_answers_failures_and_other_questions(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    settings = ["--set=name.judged=4", "--set=name.shown=4", "--neurons", ",".join(ADDRESSES), "--model", "m"]
    succeed("name", folder, *settings, "--to", "batch", "--out", prompts)
    ids = [json.loads(line)["custom_id"] for line in prompts.read_text("utf-8").splitlines()]
    assert [each.split()[:3] for each in ids[:2]] == [[address, "top", "name"] for address in ADDRESSES]
    answers = write(
        tmp_path / "answers.jsonl",
        [
            {"custom_id": ids[0], "answer": "NAME: recipes \u202e and ovens"},
            {"custom_id": ids[1], "response": {"status_code": 429, "body": {"error": "slow down"}}, "error": None},
            {"custom_id": ids[2], "response": {"status_code": 200, "body": {"choices": "none"}}, "error": None},
            {"custom_id": "hidden.1.0 top name 0123456789abcdef", "answer": "of another run"},
        ],
    )
    answer = command("name", folder, *settings, "--answers", answers)
    assert answer.code == 0
    assert "1 top lists named by m; 1 questions asked now, 0 answered before." in answer.out
    assert "no answer of the agreed form 1" in answer.out
    assert "request refused 1" in answer.out
    assert "\u202e" not in answer.out
    assert "1 of 4 answers are of other questions" in caplog.text
    (row,) = [each for each in rows_of(open_run(folder)).values() if each["name"]]
    assert row["name"].startswith("recipes ")


def test_files_without_answers_to_this_are_refused(folder: Path, tmp_path: Path) -> None:
    def refused(text: str, match: str, **more: Any) -> None:
        path = tmp_path / "answers.jsonl"
        path.write_text(text, "utf-8")
        with pytest.raises(OptionError, match=match):
            name_neurons(folder, answers=path, model="m", neurons=ADDRESSES, options=FAST, **more)
        assert not (folder / "names").exists()

    refused("", r"answers.jsonl has no answers")
    refused("{}", r"Line 1 of .* is no answer: \{\}")
    refused('{"custom_id": "x", "answer": "y"}\n\nnonsense', r"Line 3 of .* is no answer: nonsense")
    refused('{"custom_id": "hidden.1.0 top name abc", "answer": "y"}', r"None of the 1 answers(.|\n)*same --model")
    refused("{}", "A server and a file of answers were given", endpoint="http://127.0.0.1:1/v1")
    with pytest.raises(OptionError, match="Neither a server nor a file was given"):
        name_neurons(folder, model="m")
    with pytest.raises(OptionError, match=r"cannot be read from .*: No such file"):
        name_neurons(folder, answers=tmp_path / "none", model="m", neurons=ADDRESSES)
    assert "--answers" in command("name", folder, "--answers", tmp_path / "none").err
