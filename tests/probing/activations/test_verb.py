"""``neurolect probing activations``: every sentence, word and unit is in what it prints."""

import json
from pathlib import Path

from tests.command_line import command, succeed
from tests.probing.treebanks import sentences, write_treebank
from tests.tiny_models import write_tiny_bert


def test_what_became_of_the_data_is_printed(tmp_path: Path) -> None:
    rows = sentences(60)
    rows[0]["tags"] = ["A", "B"] * 20
    rows[1] |= {"tokens": ["of"] * 70, "tags": ["OF"] * 70}
    write_treebank(tmp_path / "data.jsonl", rows)
    model, out = write_tiny_bert(tmp_path / "bert"), tmp_path / "acts"
    given = (model, tmp_path / "data.jsonl", "--concept", "tags", "--out", out, "--sites=hidden,mlp", "--layers=2")
    few = ("--set=activations.min_train=10", "--set=activations.min_test=2", "--balance=weights")
    text = succeed("probing", "activations", *given, *few, "--aggregate=mean")
    lines = text.splitlines()
    n_words, n_first = sum(len(each["tokens"]) for each in rows), len(rows[0]["tokens"])
    labelled = n_words - n_first
    assert lines[0].startswith(f"{out}: ")
    assert lines[0].endswith(" rows of 40 neurons, float16.")
    assert lines[1] == f"60 sentences, 1 of them skipped; {n_words:,} words."
    assert lines[2].startswith(f"{labelled:,} labelled words: ")
    assert "  8 cut off at the model's longest sentence" in lines
    assert f"  skipped: data.jsonl, sentence 1 (s0): {n_first} words and 40 values of 'tags'" in lines
    read = int(lines[2].rpartition(": ")[2].split()[0].replace(",", ""))
    lost = [int(line.split()[0]) for line in lines if line.startswith("  ") and "small" in line]
    assert read + 8 + sum(lost) == labelled
    assert sum(map(int, next(line for line in lines if line.startswith("  all")).split()[1:])) == read
    assert f"Store of activations {out}: nothing is damaged." in succeed("verify", out)
    again = succeed("probing", "activations", *given, *few, "--aggregate=mean")
    assert again == text
    facts = json.loads(succeed("probing", "activations", *given, *few, "--aggregate=mean", "--format=json"))
    assert facts["parts"] == {part: sum(row[part] for row in facts["classes"]) for part in facts["parts"]}
    assert sum(facts["parts"].values()) == read


def test_pairs_and_numbers_are_printed(tmp_path: Path) -> None:
    write_treebank(tmp_path / "data.jsonl", sentences(300))
    model = write_tiny_bert(tmp_path / "bert")
    few = ("--set=activations.min_train=10", "--set=activations.min_test=2")
    given = (model, tmp_path / "data.jsonl", *few)
    pairs = succeed("probing", "activations", *given, "--concept=arcs", "--out", tmp_path / "arcs")
    assert " labelled pairs of words: " in pairs
    numbers = succeed("probing", "activations", *given, "--concept=position", "--out", tmp_path / "position")
    assert "; numbers from 0 to 1" in numbers


def test_an_error_is_one_message_and_leaves_nothing(tmp_path: Path) -> None:
    write_treebank(tmp_path / "data.jsonl")
    model = write_tiny_bert(tmp_path / "bert")
    answer = command(
        "probing", "activations", model, tmp_path / "data.jsonl", "--concept=tgs", "--out", tmp_path / "acts"
    )
    assert answer.code == 1
    assert answer.err.startswith("neurolect: There is no concept 'tgs'")
    assert not (tmp_path / "acts").exists()
