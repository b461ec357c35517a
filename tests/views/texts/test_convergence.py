"""The monitor's table."""

import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.model import load_model
from neurolect.store import Run
from neurolect.views.texts.convergence import convergence, convergence_text
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    options = CollectOptions(list_size=20, chunk_sentences=50, sample_size=90, monitor_every=100)
    model = load_model(str(write_tiny_bert(folder / "bert")))
    return collect(model, tiny_corpus(folder), out=folder / "run", options=options)


def test_every_step_has_a_line(run: Run) -> None:
    made = convergence(run)
    text = convergence_text(made)
    lines = text.splitlines()
    assert lines[0].split("  ")[-1].strip() == "settled"
    assert [int(line.split()[0]) for line in lines[1:6]] == [row["n_sentences"] for row in made["steps"]]
    assert lines[1].split()[1:] == ["100%", "100%", "100%", "-", "-"]
    assert made["ending"]["reason"] == "corpus"
    assert "Least settled: hidden." in text
    stabilities = [row["stability"] for row in made["least_settled"]]
    assert stabilities == sorted(stabilities)


def test_the_outlook_has_two_digits_or_is_none(run: Run) -> None:
    made = convergence(run)
    made["ending"] |= {"share_settled": 0.4, "share_wanted": 0.9, "n_sentences_needed": 274_135}
    assert "About 270,000 sentences until 90% have settled." in convergence_text(made)
    made["ending"]["n_sentences_needed"] = None
    assert "When 90% will have settled cannot be estimated" in convergence_text(made)
    made["ending"]["share_settled"] = 0.95
    assert "90%" not in convergence_text(made).partition("A neuron has settled")[2]


def test_merged_shards_say_that_nothing_was_compared(run: Run) -> None:
    made = convergence(run)
    for row in made["steps"]:
        row["stability"] = row["share_settled"] = None
    text = convergence_text(made)
    assert "What the lists say was not compared" in text
    assert "A neuron has settled" not in text
