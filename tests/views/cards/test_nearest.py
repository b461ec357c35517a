import pytest

from neurolect.store import Run
from neurolect.views import card, card_text
from neurolect.views.report.page import card_html


def test_a_card_names_the_neurons_most_like_it(related_run: Run) -> None:
    run = related_run
    made = card(run.neuron("hidden.1.3"))
    assert made["responds_like"][0] == {"address": "hidden.2.7", "correlation": -1.0}
    first = made["sides"][0]["nearest"]["lists"][0]
    shared = run.neuron(first["address"]).list(first["side"])["sentence_id"].to_pylist()
    own = run.neuron("hidden.1.3").list("top")["sentence_id"].to_pylist()
    assert first["likeness"] == pytest.approx(len(set(own) & set(shared)) / 60, rel=1e-3)
    names = run.table("signatures/summary").to_pylist()
    at = run.index.neuron_id(first["address"])
    assert first["name"] == next(r["name"] for r in names if (r["neuron_id"], r["side"]) == (at, first["side"]))
    text = card_text(made)
    assert "responds like  hidden.2.7" in text
    assert "shares sentences with  " + first["address"] in text
    assert max(map(len, text.splitlines())) <= 100
    page = card_html(made)
    assert "responds like" in page
    assert "has a signature like" in page


def test_a_run_that_is_not_related_shows_none(example_run: Run) -> None:
    made = card(example_run.neuron("hidden.1.3"))
    assert made["responds_like"] is None
    assert made["sides"][0]["nearest"] is None
    assert "responds like" not in card_text(made)
