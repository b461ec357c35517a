from pathlib import Path

import pytest

from neurolect.errors import OptionError
from neurolect.finding import find
from neurolect.finding.criteria import sentences_like
from neurolect.store import Run
from neurolect.store.sentence_index import SentenceIndex
from tests.command_line import command, succeed

RECIPES = (
    "Melt the butter in a pan and stir in the flour and milk.",
    "Bake in the oven until golden, then sprinkle with sugar.",
    "Chop the onion and garlic, add salt and pepper.",
)


def test_sentences_like_recipes_are_recipes_and_their_neuron_comes_first(example_run: Run) -> None:
    index = SentenceIndex(example_run.files)
    rows = sentences_like(RECIPES, index)
    assert rows.tolist() == sorted(set(rows.tolist()))
    every = example_run.sentences()["domain"].to_pylist()
    alike = [every[row] for row in rows]
    assert alike.count("recipe") / len(alike) > 2 * every.count("recipe") / len(every)
    best = find(example_run, examples=RECIPES).to_pylist()[0]
    assert (best["address"], best["side"], best["evidence"]) == ("hidden.1.0", "top", "like 3 examples")


def test_a_kept_sentence_is_like_itself(example_run: Run) -> None:
    texts = example_run.sentences()["text"].to_pylist()
    for row in (3, 250, 600):
        assert row in sentences_like([texts[row]], SentenceIndex(example_run.files))


@pytest.mark.parametrize("examples", [[], ["", "  "], ["qqq zzzq"], ["the of and"]])
def test_uninformative_examples(example_run: Run, examples: list[str]) -> None:
    with pytest.raises(OptionError, match=r"no example sentence|shares a rare word"):
        find(example_run, examples=examples)


def test_a_file_of_examples(example_run: Run, tmp_path: Path) -> None:
    (tmp_path / "like.txt").write_text("\n".join(RECIPES), encoding="utf-8")
    printed = succeed("find", example_run.folder, "--examples", tmp_path / "like.txt", "--where", "domain=recipe")
    assert "domain=recipe & like" in printed
    assert command("find", example_run.folder, "--examples", tmp_path / "none.txt").code == 1
