"""Senses on a card: of a described run whose lists hold two kinds of sentences."""

from pathlib import Path

import pytest

from neurolect.signatures import DescribeOptions, describe
from neurolect.store import Run, open_run
from neurolect.views import card, card_text
from neurolect.views.cards.contents import card_senses, sense_label
from neurolect.views.report.page import card_html
from tests.signatures.collected_run import COOKING, NEWS, write_collected_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = write_collected_run(tmp_path_factory.mktemp("senses") / "run")
    # words of recipes point one way, words of news another: every list that holds both has two senses
    words = [{word.lower().strip(".") for text in texts for word in text.split()} for texts in (COOKING, NEWS)]
    lines = [f"{word} 1 0.1" for word in sorted(words[0] - words[1])]
    lines += [f"{word} 0.1 1" for word in sorted(words[1] - words[0])]
    vectors = Path(folder).parent / "words.vec"
    vectors.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return describe(open_run(folder), options=DescribeOptions(tagger="none", vectors=str(vectors)))


def test_a_list_of_two_kinds_has_two_senses_that_say_so(run: Run) -> None:
    found = card_senses(run.neuron("hidden.1.4"), "top")
    assert found is not None
    assert len(found["senses"]) == 2
    assert found["polysemy"] > 1.3
    assert sum(sense["share"] for sense in found["senses"]) == pytest.approx(1.0)


def test_text_and_page_show_them(run: Run, example_run: Run) -> None:
    made = card(example_run.neuron("hidden.1.0"), sides=("top",))
    assert "senses" not in card_text(made)
    found = card_senses(run.neuron("hidden.1.4"), "top")
    assert found is not None
    found["senses"][0]["label"] = "<b>bold</b>"
    made["sides"][0]["senses"] = found
    page, text = card_html(made), card_text(made)
    assert "2 senses" in text
    assert "2 senses" in page
    assert found["senses"][0]["typical"]["text"] in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in page


def test_one_sense_is_not_reported(run: Run, example_run: Run) -> None:
    found = card_senses(run.neuron("hidden.1.0"), "top")
    assert found is not None
    assert [sense["share"] for sense in found["senses"]] == [1.0]
    made = card(example_run.neuron("hidden.1.0"), sides=("top",))
    made["sides"][0]["senses"] = found
    assert "sense" not in card_text(made)


def test_a_run_described_before_there_were_senses_has_none(example_run: Run) -> None:
    assert card_senses(example_run.neuron("hidden.1.0"), "top") is None


def test_a_sense_of_tags_only() -> None:
    tag = {"kind": "tag", "field": None, "label": "NNS", "share_sense": 0.2, "share_background": 0.1, "lift": 2.0}
    assert sense_label([tag]) == "NNS 20% of tokens"
    assert sense_label([]) == ""
