import json
import re
from pathlib import Path

import pytest

from neurolect.store import Run
from neurolect.views import card, write_report
from neurolect.views.report import card_html, script_json
from neurolect.views.striking import striking
from tests.example_run import HOSTILE


@pytest.fixture(scope="module")
def page(example_run: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write_report(example_run, tmp_path_factory.mktemp("report") / "report.html")
    return path.read_text(encoding="utf-8")


def test_it_asks_nothing_of_the_network(page: str) -> None:
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#)""", page)
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "@import" not in page
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_corpus_text_is_escaped_in_cards_and_data(page: str) -> None:
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page.replace("<mark>", "").replace("</mark>", "")
    assert "<b>Eve</b>" not in page
    assert page.count("</script>") == 2
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert HOSTILE in [row[6] for row in data["rows"]]
    assert len(data["rows"]) == 32


def test_template_syntax_in_a_sentence_is_not_run(page: str) -> None:
    assert "{{ 7 * 7 }}" in page


def test_striking_neurons_and_counts_are_there(page: str) -> None:
    assert "What 16 neurons of example-model read" in page
    assert "3 sentences were cut at 256 model tokens." in page
    assert "noun (NN)" in page
    assert '<template id="card-hidden.1.2">' in page


def test_n_cards_bounds_the_cards_and_striking_ones_come_first(example_run: Run, tmp_path: Path) -> None:
    text = write_report(example_run, tmp_path / "few.html", n_cards=3).read_text(encoding="utf-8")
    assert re.findall(r'<template id="card-([\w.]+)"', text) == sorted(
        each.address for each in striking(example_run, limit=3)
    )
    none = write_report(example_run, tmp_path / "none.html", n_cards=0).read_text(encoding="utf-8")
    assert "<template" not in none


def test_one_card_is_a_page_of_its_own(example_run: Run) -> None:
    text = card_html(card(example_run.neuron("hidden.2.5")))
    assert text.count('<article class="card">') == 1
    assert "<script>" not in text


def test_script_json_round_trips_whatever_it_holds() -> None:
    value = ["</script><!--", "a & b", "\u2028"]
    assert json.loads(script_json(value)) == value
    assert not set("<>&\u2028") & set(script_json(value))
