"""What notebooks show of a run and a neuron: static, offline, and nothing of a text is taken for markup."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from neurolect.errors import OptionError
from neurolect.finding import find
from neurolect.results import ranking_table, show_ranking
from neurolect.store import Run, open_run
from neurolect.views.notebook import page_of
from tests.example_run import HOSTILE

WORSE = HOSTILE + ' <img src=x onerror="alert(1)"> \u202egnp.exe\u2066 \x1b[31m'


class Tags(HTMLParser):
    """Gathers the elements of a page, their attributes and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(html: str) -> Tags:
    """Read what is in the frame; fails where anything could run, load or turn the text around."""
    outer = Tags(html)
    assert outer.names == ["iframe"]
    given = dict(outer.attributes)
    assert set(given) == {"sandbox", "srcdoc", "title", "style"}
    assert given["sandbox"] is None  # no rights
    inner = Tags(str(given["srcdoc"]))
    assert not {"script", "img", "iframe"} & set(inner.names)
    assert not [name for name, _ in inner.attributes if name.startswith("on") or name in ("src", "href", "action")]
    assert not set("\u202e\u2066\x1b") & set(html)
    return inner


def hostile(run: Run, folder: Path, *, described: bool = True) -> Run:
    shutil.copytree(run.folder, folder)
    sentences = pq.read_table(folder / "sentences.parquet")
    at = sentences.column_names.index("text")
    texts = [WORSE if text == HOSTILE else text for text in sentences.column("text").to_pylist()]
    assert WORSE in texts
    pq.write_table(sentences.set_column(at, "text", pa.array(texts)), folder / "sentences.parquet")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["model"]["name"] = "<script>alert(2)</script>\u202e"
    if not described:
        manifest["stages"].pop("describe")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return open_run(folder)


def test_a_run_shows_its_facts_and_striking_neurons(example_run: Run, tmp_path: Path) -> None:
    page = checked(hostile(example_run, tmp_path / "run")._repr_html_())
    for text in ("What 16 neurons of", "Most striking", "noun (NN)", "hidden.1.2", "\\u202e"):
        assert text in page.text


def test_a_neuron_shows_its_card_or_without_signatures_its_sentences(example_run: Run, tmp_path: Path) -> None:
    run = hostile(example_run, tmp_path / "run")
    holders = run.table("lists/top").filter(pc.field("rank") < 3)
    hostile_id = pc.index(run.sentences().column("text"), WORSE).as_py()
    wanted = run.sentences().column("sentence_id")[hostile_id].as_py()
    at = holders.filter(pc.field("sentence_id") == wanted).column("neuron_id")[0].as_py()
    page = checked(run.neuron(run.index.address(at))._repr_html_())
    shown = '<img src=x onerror="alert(1)"> \\u202egnp.exe\\u2066 \\x1b[31m'
    assert shown in page.text
    assert "top" in page.text
    bare = hostile(example_run, tmp_path / "bare", described=False)
    page = checked(bare.neuron(run.index.address(at))._repr_html_())
    assert shown in page.text
    assert "neurolect describe" in page.text
    assert "neurolect describe" in checked(bare._repr_html_()).text


def test_a_list_shorter_than_100_says_so(example_run: Run, tmp_path: Path) -> None:
    path = hostile(example_run, tmp_path / "run").folder / "signatures" / "summary.parquet"
    summary = pq.read_table(path)
    for name in ("name_share_10", "name_share_100", "name_share_list"):
        summary = summary.append_column(name, pa.array([0.5] * len(summary)))
    pq.write_table(summary, path)
    neuron = open_run(tmp_path / "run").neuron("hidden.1.2")
    assert len(neuron.list("top")) == 60
    assert "held by 5 of the strongest 10, 30 of all 60" in checked(neuron._repr_html_()).text


def test_a_ranking_shows_its_first_neurons_and_how_it_was_made(example_run: Run) -> None:
    found = find(example_run, word="shall")
    page = checked(show_ranking(found)._repr_html_())
    for row in found.slice(0, 20).to_pylist():
        assert row["address"] in page.text
    for text in ("Neurons found", "find", "shall", "score"):
        assert text in page.text
    assert {"-1": "-1", "1": "+1"}[str(found.column("sign")[0].as_py())] in page.text
    assert page.names.count("i") == min(20, len(found))  # a bar each
    with pytest.raises(OptionError, match="does not say how it came about"):
        show_ranking(pa.table({"a": [1]}))


def test_texts_of_a_ranking_stay_texts(example_run: Run) -> None:
    columns = {"score": [2.0, None], "address": ["hidden.1.0", "hidden.1.1"], "name": [WORSE, None]}
    made = ranking_table(columns, runs=example_run, method="<b>by hand</b>")
    page = checked(show_ranking(made)._repr_html_())
    assert "<script>" in page.text
    assert "<b>by hand</b>" in page.text


def test_long_texts_of_a_ranking_are_cut_visibly_and_what_all_rows_share_is_left_out(example_run: Run) -> None:
    names = ["so many words " * 20, "few"]
    columns = {"score": [2.0, 1.0], "address": ["hidden.1.0", "hidden.1.1"], "name": names}
    for evidence, shown in ((["oven", "oven"], False), (["oven", "stove"], True)):
        made = ranking_table({**columns, "evidence": evidence}, runs=example_run, method="find")
        page = page_of(show_ranking(made))
        assert ('<th scope="col">evidence</th>' in page) is shown
        assert "<td>" + names[0][:79] + "\u2026</td>" in page
        assert names[0].strip() not in page
