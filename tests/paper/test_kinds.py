"""Kinds of neurons on the example run, whose neurons like something on purpose."""

from pathlib import Path

import numpy as np
import pytest

from neurolect.errors import NeurolectError
from neurolect.paper.finding import Verdict
from neurolect.paper.kinds import KINDS, Kind, find_kind, kinds_of_neurons
from neurolect.paper.report_text import QUOTED_WORDS, cell, signature_rows
from neurolect.store import Run, open_run
from tests.example_run import write_example_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return open_run(write_example_run(tmp_path_factory.mktemp("kinds") / "run"))


def kind(by: str, what: str) -> Kind:
    return Kind("E", "test", "none", 0.5, by, what)


def test_a_value_is_found_where_its_neuron_is(run: Run) -> None:
    found = find_kind(run, kind("value", "encyclopedia"))
    assert (found.address, found.value) == ("hidden.2.2", "domain = encyclopedia")
    texts = run.neuron(found.address).list("top").column("domain").to_pylist()
    assert found.share == pytest.approx(texts.count("encyclopedia") / len(texts))


def test_an_author_is_the_purest_one(run: Run) -> None:
    found = find_kind(run, kind("author", "author"))
    assert found.value == "author = Jane Austen"
    assert found.address == "hidden.1.2"


def test_neurons_that_hardly_vary_are_passed_over(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A constant neuron has equal sentences, so its list is the beginning of the corpus: often one author's."""
    wanted = [kind("author", "author"), kind("length", ""), kind("words", r"(?i)\bwater\b"), kind("pos", "noun")]
    before = [find_kind(run, each).address for each in wanted]
    still = np.array([run.index.address(number) in before for number in range(run.n_neurons)])
    monkeypatch.setattr("neurolect.paper.kinds.nearly_constant", lambda _: still)
    after = [find_kind(run, each).address for each in wanted]
    assert not set(before) & set(after)


def test_short_sentences(run: Run) -> None:
    found = find_kind(run, kind("length", ""))
    # the neuron that likes short ones, or the bottom list of its rival: only top lists count
    assert found.address == "hidden.2.3"
    assert found.share < found.base


def test_words_are_searched_in_sentences(run: Run) -> None:
    found = find_kind(run, kind("words", r"(?i)\bwater\b"))
    assert found.address == "hidden.2.6"
    texts = run.neuron(found.address).list("top").column("text").to_pylist()
    assert found.share == pytest.approx(
        sum("water" in text.lower().split() for text in texts) / len(texts), abs=0.2
    )


def test_nouns(run: Run) -> None:
    found = find_kind(run, kind("pos", "noun"))
    assert 0 < found.base < found.share <= 1


def test_what_no_metadata_tells_is_left_out(run: Run) -> None:
    with pytest.raises(NeurolectError, match=r"No metadata of the corpus \(50 sentences or more\)"):
        find_kind(run, kind("value", "social.*"))


def test_every_kind_has_a_row_and_those_found_an_address(run: Run) -> None:
    findings, addresses = kinds_of_neurons(run)
    assert [each.claim for each in findings] == [each.claim for each in KINDS]
    by_claim = {each.claim: each for each in findings}
    assert by_claim["Olympic neuron"].verdict is Verdict.left_out
    assert by_claim["Olympic neuron"].because == "no list has a sentence with the words"
    assert by_claim["Neuron of one author"].verdict is Verdict.reproduced
    assert "Olympic neuron" not in addresses
    for row in signature_rows(run, addresses):
        assert row.words
        assert len(row.typical.split()) <= QUOTED_WORDS + 1, "short quotations only"


def test_text_of_a_corpus_cannot_break_the_table() -> None:
    hostile = "a | b\n<script> *c* `d` [e](f) \\"
    assert cell(hostile) == r"a \| b &lt;script&gt; \*c\* \`d\` \[e\](f) \\"


def test_reports_need_the_steps_before(tmp_path: Path) -> None:
    from neurolect.errors import RunFolderError
    from neurolect.paper.folder import PaperFolder
    from neurolect.paper.report import write_report

    with pytest.raises(RunFolderError, match=r"has no related run of the pretrained model(.|\n)*without --until"):
        write_report(PaperFolder(tmp_path))
