"""A kind of evidence that one file adds is counted, shown, scored, searched and compared like neurolect's own."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from neurolect.errors import OptionError, RunFolderError
from neurolect.fidelity.agreement import stability, stability_summary
from neurolect.fidelity.results import fitted
from neurolect.finding import find
from neurolect.pipeline import run as run_all
from neurolect.signatures import DescribeOptions, describe
from neurolect.signatures.evidence import EvidenceKind, kind_of_sentences, kinds, register, unregister
from neurolect.signatures.evidence.collected import Annotated, kept_sentences
from neurolect.store import Run
from neurolect.views import card, card_text
from neurolect.views.report.page import card_html
from neurolect.views.texts.fidelity import fidelity_of_run, fidelity_text, stability_text
from tests.command_line import succeed
from tests.test_disjoint import CONFIG
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert

OPTIONS = DescribeOptions(tagger="none", vectors="none", prior_size=2.0)
COLLECT = dataclasses.replace(CONFIG.collect, list_size=60, sample_size=300)


def first_letters(sentences: Annotated) -> list[list[str]]:
    return [[text[:1].lower()] for text in sentences.table.column("text").to_pylist()]


TOY = kind_of_sentences("toy", "first letter", labels=first_letters)


@pytest.fixture(scope="module")
def toy() -> Iterator[EvidenceKind]:
    register(TOY)
    yield TOY
    unregister("toy")


@pytest.fixture(scope="module")
def run(toy: EvidenceKind, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("toy")
    write_tiny_bert(folder / "bert")
    documents = write_documents(folder / "documents.jsonl", n_documents=150)
    config = dataclasses.replace(CONFIG, collect=COLLECT, describe=OPTIONS)
    return run_all(str(folder / "bert"), [documents], out=folder / "run", config=config)


@pytest.fixture(scope="module")
def best(run: Run) -> dict[str, Any]:
    """The strongest row of the kind, with the address of its neuron."""
    rows: list[dict[str, Any]] = run.table("signatures/toy").to_pylist()
    row = max(rows, key=lambda row: row["log_odds_z"])
    return row | {"address": run.index.address(row["neuron_id"])}


def test_it_is_in_the_signature_with_true_counts(run: Run, best: dict[str, Any]) -> None:
    neuron = run.neuron(best["address"])
    assert best["label"] in neuron.signature(best["side"])["toy"].column("label").to_pylist()
    texts = neuron.list(best["side"]).column("text").to_pylist()
    assert best["n_list"] == sum(text.lower().startswith(best["label"]) for text in texts)


def test_cards_show_it(run: Run, best: dict[str, Any]) -> None:
    made = card(run.neuron(best["address"]), sides=(best["side"],))
    assert made["sides"][0]["evidence"]["toy"][0]["label"] == best["label"]
    assert "\u2502 first letter" in card_text(made) or " first letter  " in card_text(made)
    assert "first letter" in [each["name"] for each in made["sides"][0]["fidelity"]["evidence"]]
    page = card_html(made)
    assert '<th scope="col">first letter</th>' in page
    assert "by first letter 0." in page


def test_it_is_fitted_and_scored(run: Run, best: dict[str, Any]) -> None:
    scores = run.rows("fidelity/scores", neuron_id=best["neuron_id"], side=best["side"]).to_pylist()
    assert {row["evidence"]: row["auroc"] for row in scores}["toy"] > 0.5
    assert "by first letter" in fidelity_text(fidelity_of_run(run))
    weights = run.rows("fidelity/weights", neuron_id=best["neuron_id"], side=best["side"])
    features = weights.filter(pc.equal(weights.column("evidence"), "toy")).column("feature").to_pylist()
    assert best["label"] in features


def test_it_is_searched_for_alone_and_with_others(run: Run, best: dict[str, Any]) -> None:
    has = f"toy={best['label']}"
    found, plain = find(run, has=has).to_pylist()[0], find(run, regex=f"(?i)^{best['label']}").to_pylist()[0]
    assert found["evidence"] == f"first letter {best['label']}"
    assert {**found, "evidence": ""} == {**plain, "evidence": ""}
    assert find(run, has=has, word="the").to_pylist()[0]["n_list"] <= found["n_list"]
    assert found["evidence"] in succeed("find", run.folder, "--has", has)


def test_another_corpus_may_give_it_again(run: Run) -> None:
    table = stability(run, run)
    rows = {row["evidence"]: row for row in stability_summary(table)}
    assert rows["toy"]["agreement"] == pytest.approx(1.0)
    assert "first letter" in stability_text(table)


def test_any_sentences_can_be_asked(run: Run) -> None:
    found = TOY.features(["m", "?"], kept_sentences(run))
    texts = run.sentences().column("text").to_pylist()
    assert (found.offsets[1:] - found.offsets[:-1]).tolist() == [int(text.startswith("M")) for text in texts]


def test_a_run_described_without_it_has_none(toy: EvidenceKind, run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.folder, tmp_path / "run")
    unregister("toy")
    try:
        plain = describe(Run(tmp_path / "run"), options=dataclasses.replace(OPTIONS, n_typical=2))
    finally:
        register(toy)
    neuron = plain.neuron(plain.index.address(0))
    assert "toy" not in card(neuron)["sides"][0]["evidence"]
    assert "toy" not in neuron.signature("top")
    with pytest.raises(RunFolderError, match=r"described without first letter: neurolect describe"):
        find(plain, has="toy=?")
    again = describe(plain, options=dataclasses.replace(OPTIONS, n_typical=2))
    assert again.table("signatures/toy").equals(run.table("signatures/toy"))


def test_weights_of_a_kind_that_nobody_registered_are_refused(toy: EvidenceKind, run: Run) -> None:
    unregister("toy")
    try:
        with pytest.raises(RunFolderError, match=r"not registered here: toy(.|\n)*Register it first"):
            fitted(run)
    finally:
        register(toy)
    assert len(fitted(run).weights.alone) == run.table("fidelity/weights").num_rows


def test_what_find_knows_already_is_found_its_own_way(run: Run) -> None:
    for has, usual in (
        ("words=film", {"word": "film"}),
        ("phrases=the film", {"pattern": "the * film"}),
        ("metadata=topic=film", {"where": "topic=film"}),
    ):
        assert find(run, has=has).equals(find(run, **usual))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"has": "toy"}, "is no kind and label of evidence"),
        ({"has": "tooy=b"}, r"(?s)no kind of evidence 'tooy'.*Nearest: 'toy'"),
        ({"has": "length=long"}, "No sentence has or has not length"),
        ({"has": "words=film", "word": "game"}, "asks for a word, and so does 'game'"),
    ],
)
def test_what_cannot_be_searched_is_said(run: Run, asked: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        find(run, **asked)  # type: ignore[arg-type]


def test_names_of_neurolects_own_are_taken(toy: EvidenceKind) -> None:
    with pytest.raises(OptionError, match="'words' is neurolect's own"):
        register(kind_of_sentences("words", "words", labels=first_letters))
    register(TOY)  # a second time replaces the first
    assert [kind.name for kind in kinds()].count("toy") == 1
    assert kinds()[-1].name == "senses"


def test_the_page_names_every_part_of_a_kind() -> None:
    page = (Path(__file__).parents[3] / "docs" / "evidence_kinds.md").read_text(encoding="utf-8")
    assert not {each.name for each in dataclasses.fields(EvidenceKind) if f"`{each.name}`" not in page}
