"""Pages that hold no script: a card, and what is shown of a run."""

from neurolect.store import Run
from neurolect.views import card
from neurolect.views.cards.facts import _moment
from neurolect.views.report.page import card_html
from neurolect.views.texts.striking import _fullest


def test_one_card_is_a_page_of_its_own(example_run: Run) -> None:
    text = card_html(card(example_run.neuron("hidden.2.5")))
    assert text.count('<article class="card">') == 1
    assert "<script>" not in text


def test_a_tag_is_shown_by_the_sentence_that_is_fullest_of_it(example_run: Run) -> None:
    tagged = example_run.table("annotations", columns=["sentence_id", "tags"]).slice(0, 30).to_pylist()
    rows = [{"sentence_id": row["sentence_id"]} for row in tagged]
    shares = {row["sentence_id"]: row["tags"].count("NN") / len(row["tags"]) for row in tagged}
    first = _fullest(example_run, rows, "NN")[0]["sentence_id"]
    assert shares[first] == max(shares.values())
    assert min(shares.values()) < shares[first]


def test_moments_are_written_for_people() -> None:
    assert _moment("2026-11-22T10:54:27+01:00") == "22 November 2026, 09:54 UTC"
    assert _moment("<b>today") == "<b>today"
