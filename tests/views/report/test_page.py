import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.finding.striking import striking
from neurolect.store import Run
from neurolect.views import card, write_report
from neurolect.views.cards.facts import _moment
from neurolect.views.report import strongest
from neurolect.views.report.page import card_html, script_json
from neurolect.views.texts.bars import number
from neurolect.views.texts.striking import _fullest
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
    assert HOSTILE in [row[7] for row in data["rows"]]
    assert len(data["rows"]) == 32


def test_every_list_has_its_five_strongest_sentences(page: str, example_run: Run) -> None:
    data = data_of(page)
    assert len(data["strongest"]) == len(data["rows"]) == 32
    for row, flat in zip(data["rows"], data["strongest"], strict=True):
        listed = example_run.neuron(row[0]).list(row[1], limit=5).to_pylist()
        assert flat[::2] == [number(each["activation"]) for each in listed]
        shown = [data["texts"][place] for place in flat[1::2]]
        assert [text[:200] for text in shown] == [each["text"][:200] for each in listed]
        assert max(map(len, shown)) <= strongest.LONGEST
    assert len(set(data["texts"])) == len(data["texts"])


def test_sentences_that_would_be_too_much_are_left_out_and_named(
    example_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strongest, "MAX_BYTES", 2_000)
    text = write_report(example_run, tmp_path / "large.html", n_cards=0).read_text(encoding="utf-8")
    assert not {"texts", "strongest"} & set(data_of(text))
    assert f"neurolect export {example_run.folder.name} --to site --out FOLDER</code> has all" in text


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
        striking(example_run, limit=3).column("address").to_pylist()
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


def test_stale_results_are_left_out_and_named(example_run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "stale"
    shutil.copytree(example_run.folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["stages"]["fidelity"] = {"status": "complete", "described": "earlier"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    text = write_report(Run(folder), tmp_path / "stale.html", n_cards=0).read_text(encoding="utf-8")
    assert f"Renew it: neurolect fidelity {folder}" in text
    assert {row[5] for row in rows_of(text)} == {None}


def test_fidelity_has_a_column_where_signatures_were_scored(example_run: Run, tmp_path: Path, page: str) -> None:
    assert "Fidelity" not in page
    assert {row[5] for row in rows_of(page)} == {None}
    folder = tmp_path / "scored"
    shutil.copytree(example_run.folder, folder)
    scored = {"neuron_id": [2, 2, 3], "side": ["top", "top", "bottom"], "evidence": ["all", "words", "all"]}
    (folder / "fidelity").mkdir()
    pq.write_table(pa.table({**scored, "auroc": [0.914, 0.6, None]}), folder / "fidelity" / "scores.parquet")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["stages"]["fidelity"] = {
        "status": "complete",
        "described": manifest["stages"]["describe"].get("finished"),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    text = write_report(Run(folder), tmp_path / "scored.html", n_cards=0).read_text(encoding="utf-8")
    found = {(row[0], row[1]): row[5] for row in rows_of(text) if row[5] is not None}
    assert found == {(example_run.index.address(2), "top"): 0.91}
    assert 'data-sort="5"' in text


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


def rows_of(page: str) -> list[list[Any]]:
    rows: list[list[Any]] = data_of(page)["rows"]
    return rows


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data
