"""The whole way on a tiny model: folders, resuming, what is missing, bad input."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from neurolect.errors import OptionError, RunFolderError, VariantError
from neurolect.paper import PaperOptions, reproduce_paper
from neurolect.paper.folder import PaperFolder
from neurolect.progress import NullProgress
from tests.command_line import command
from tests.paper.labelled_corpus import SETTINGS, quick_config, quick_options, write_labelled
from tests.tiny_models import write_tiny_bert


class Listening(NullProgress):
    """Keeps what was reported."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def message(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, documents, and a reproduction that was stopped after `compare` and then went on."""
    folder = tmp_path_factory.mktemp("paper")
    write_tiny_bert(folder / "bert", n_layers=3)
    write_labelled(folder / "documents.jsonl")
    options = quick_options(folder, until="compare")
    assert reproduce_paper(out=folder / "out", options=options, config=quick_config()) is None
    return folder


def times(folder: Path) -> dict[str, int]:
    """When each file that takes long to make was written."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for name in ("*.safetensors", "activations.npy", "distances.parquet", "top.parquet", "data.json")
        for path in folder.rglob(name)
    }


def test_it_continues_to_a_report_and_makes_nothing_twice(workshop: Path) -> None:
    out = workshop / "copy"
    shutil.copytree(workshop / "out", out)
    before = times(out)
    assert len(before) == 3 + 2 + 3 + 1 + 3 + 1, "variants, their layers, samples, distances, lists, labelled data"
    report = reproduce_paper(out=out, options=quick_options(workshop), config=quick_config())
    assert report == out / "report" / "report.md"
    assert times(out) == before
    findings = json.loads((out / "report" / "findings.json").read_text(encoding="utf-8"))
    assert sum(findings["counts"].values()) == len(findings["findings"]) == 24
    text = report.read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[\w-]+\]\(([\w-]+\.png)\)", text)
    assert set(pictures) == {path.name for path in report.parent.glob("*.png")}
    assert len(pictures) == 7, "all but parts of speech: no tagger ran"
    assert str(workshop) not in text
    assert re.search(r"the most restless, \d\.\d+ \(.+\), had \d+\.\d% new", text)
    for part in (
        "The corpus is small",
        "Fine-tuned for sentiment (field `polarity`)",
        "## Rules",
        "learned little",
        " documents) |",
        "a list is ",
    ):
        assert part in text


def test_variants_learn_from_their_own_labels_and_sets_are_apart(workshop: Path) -> None:
    folder = PaperFolder(workshop / "out")
    sentiment, category = (pq.read_table(folder.data / f"{name}.parquet") for name in ("sentiment", "category"))
    assert set(sentiment.column("label").to_pylist()) == {"positive", "negative"}
    assert set(category.column("label").to_pylist()) == {"film", "sport", "money"}
    for name, n_classes in (("sentiment", 2), ("category", 3)):
        record = json.loads((folder.variant(name) / "variant.json").read_text(encoding="utf-8"))
        assert len(record["classes"]) == n_classes
    sets = pq.read_table(folder.data / "sentences.parquet").to_pylist()
    texts = {name: {row["text"] for row in sets if row["set"] == name} for name in ("trained", "unseen", "other")}
    assert all(texts.values())
    assert not texts["trained"] & texts["unseen"]
    assert not texts["other"] & (texts["trained"] | texts["unseen"])
    trained = " ".join(category.column("text").to_pylist())
    assert all(text in trained for text in texts["trained"])
    assert not any(text in trained for text in texts["unseen"])


def test_all_models_read_the_same_sentences_and_only_top_lists_are_kept(workshop: Path) -> None:
    folder = PaperFolder(workshop / "out")
    runs = [folder.opened(name) for name in ("pretrained", "random", "sentiment")]
    orders = [each.table("sample/sentences").column("sentence_id").to_pylist() for each in runs if each is not None]
    assert len(orders) == 3
    assert orders[0] == orders[1] == orders[2]
    for run in runs:
        assert run is not None
        assert not (run.folder / "lists" / "bottom.parquet").exists()
        assert run.table("convergence/steps").num_rows >= 18
    assert folder.opened("category") is None


def test_distances_are_those_of_the_two_models(workshop: Path) -> None:
    from neurolect.model import ModelOptions, load_model

    folder = PaperFolder(workshop / "out")
    options = ModelOptions(special_tokens="include")
    rows = {row["set"]: row for row in pq.read_table(folder.compared / "distances.parquet").to_pylist()}
    models = [load_model(str(place), options=options) for place in (workshop / "bert", folder.variant("category"))]
    sets = [row for row in pq.read_table(folder.data / "sentences.parquet").to_pylist() if row["set"] == "unseen"]
    texts, documents, before = [], [], {row["document_id"]: 0 for row in sets}
    for row in sets:
        number, own = row["document_id"], models[0].tokenize([row["text"]])
        before[number] += int(own.end[0] - own.first[0]) - 2
        if before[number] <= 128 - 2:
            texts.append(row["text"])
            documents.append(number)
    assert 0 < len(texts) < len(sets), "some lie beyond what is read of a text"
    values = []
    for model in models:
        tokens = model.tokenize(texts)
        found = [model.read(model.pad(tokens, np.array([number]))) for number in range(len(texts))]
        values.append(np.concatenate([each.values for each in found]))
    gaps = np.abs(values[0].astype(float) - values[1]).sum(axis=1)
    residuals = [sum(gaps[np.array(documents) == number] - gaps.mean()) for number in set(documents)]
    error = (np.square(residuals).sum() * len(residuals) / (len(residuals) - 1)) ** 0.5 / len(texts)
    assert rows["unseen"]["n_sentences"] == len(texts)
    assert rows["unseen"]["n_documents"] == len(set(documents))
    assert rows["unseen"]["manhattan"] == pytest.approx(gaps.mean(), rel=1e-3)
    assert rows["unseen"]["manhattan_error"] == pytest.approx(error, rel=1e-2)


def test_without_labels_findings_are_left_out_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurolect.paper.report._draw", lambda *_: {})  # takes seconds
    write_tiny_bert(tmp_path / "bert", n_layers=1)
    write_labelled(tmp_path / "documents.jsonl", without=("polarity", "topic"), n_documents=60)
    progress = Listening()
    report = reproduce_paper(
        out=tmp_path / "out", options=quick_options(tmp_path), config=quick_config(), progress=progress
    )
    assert report is not None
    assert sum("The findings that need them are left out." in each for each in progress.texts) == 2
    assert sorted(path.name for path in (tmp_path / "out" / "variants").iterdir()) == ["random"]
    rows = json.loads((tmp_path / "out" / "report" / "findings.json").read_text(encoding="utf-8"))["findings"]
    verdicts = {row["source"]: row["verdict"] for row in rows}
    assert verdicts["J table 3"] == verdicts["E fig. 4"] == verdicts["E fig. 5"] == verdicts["E 4.3"] == "left out"
    text = report.read_text(encoding="utf-8")
    assert "no sentiment labels" in text
    assert "Fine-tuned" not in text


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"sentiment": "mood"}, OptionError, r"field 'mood' of .* is not there(.|\n)*'topic', 'polarity'"),
        ({"category": "year"}, OptionError, r"field 'year' of .* holds numbers"),
        ({"sentiment": "topic"}, VariantError, r"'topic' of .* has no positive and negative values"),
    ],
)
def test_labels_that_are_asked_for_and_missing(
    workshop: Path, tmp_path: Path, changed: dict[str, str], error: type[Exception], message: str
) -> None:
    options = quick_options(workshop, until="data", **changed)
    with pytest.raises(error, match=message):
        reproduce_paper(out=tmp_path / "out", options=options, config=quick_config())
    assert not (tmp_path / "out" / "data" / "data.json").exists()


def test_a_variant_whose_weights_stayed_elsewhere_is_passed_over(workshop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(workshop / "out", out)
    for name in ("sentiment", "category"):
        (out / "variants" / name / "model.safetensors").unlink()
    (out / "compared" / "distances.parquet").unlink()
    shutil.rmtree(out / "runs" / "sentiment")
    shutil.rmtree(out / "compared" / "sentiment")
    progress = Listening()
    options = quick_options(workshop, until="compare")
    reproduce_paper(out=out, options=options, config=quick_config(), progress=progress)
    assert sum("what needs it is left out" in each for each in progress.texts) == 2
    assert not (out / "runs" / "sentiment").exists()
    runs = {name: PaperFolder(out).opened(name) for name in ("pretrained", "random")}
    assert all(runs.values())


def test_data_of_its_own_needs_labels(workshop: Path, tmp_path: Path) -> None:
    bare = write_labelled(tmp_path / "bare.jsonl", without=("polarity", "topic"))
    options = quick_options(workshop, until="data", sentiment_data=(str(bare),))
    with pytest.raises(VariantError, match=r"no metadata field 'polarity' or 'sentiment'(.|\n)*--sentiment"):
        reproduce_paper(out=tmp_path / "out", options=options, config=quick_config())


def test_labels_of_one_value_teach_nothing(workshop: Path, tmp_path: Path) -> None:
    path = write_labelled(tmp_path / "documents.jsonl")
    text = path.read_text(encoding="utf-8").replace('"film"', '"sport"').replace('"money"', '"sport"')
    path.write_text(text, encoding="utf-8")
    options = quick_options(workshop, until="data", category_data=(str(path),))
    with pytest.raises(VariantError, match=r"'topic' of .* has fewer than two values of 10 documents"):
        reproduce_paper(out=tmp_path / "out", options=options, config=quick_config())


def test_documents_of_their_own_are_learnt_from(workshop: Path, tmp_path: Path) -> None:
    own = write_labelled(tmp_path / "own.jsonl")
    own.write_text(re.sub(r"\bof\b", "off", own.read_text(encoding="utf-8")), encoding="utf-8")
    options = quick_options(workshop, until="data", category_data=(str(own),), sentiment_data=(str(own),))
    reproduce_paper(out=tmp_path / "out", options=options, config=quick_config())
    folder = PaperFolder(tmp_path / "out")
    texts = pq.read_table(folder.data / "category.parquet").column("text").to_pylist()
    assert texts
    assert not any(" of " in text for text in texts)
    sets = pq.read_table(folder.data / "sentences.parquet")
    others = [row["text"] for row in sets.to_pylist() if row["set"] == "other"]
    assert others, "the sentences of the sentiment data"
    assert not any(" of " in text for text in others)


def test_other_options_are_refused_in_the_same_folder(workshop: Path) -> None:
    options = quick_options(workshop, epochs=2)
    with pytest.raises(OptionError, match=r"was started with epochs 1, and now it is 2\.(.|\n)*another --out"):
        reproduce_paper(out=workshop / "out", options=options, config=quick_config())


def test_a_folder_of_something_else_is_refused(workshop: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OptionError, match=r"is there already, and no reproduction was begun in it"):
        reproduce_paper(out=tmp_path, options=quick_options(workshop), config=quick_config())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_another_corpus_is_refused(workshop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(workshop / "out", out)
    shutil.rmtree(out / "corpus")
    lines = (workshop / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    other = tmp_path / "fewer.jsonl"
    other.write_text("\n".join(lines[:60]), encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"is of another corpus than"):
        reproduce_paper(out=out, options=quick_options(workshop, corpus=str(other)), config=quick_config())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"until": "end"}, r"paper.until is 'end'(.|\n)*data, variants, collect"),
        ({"epochs": 0}, r"paper.epochs is 0\.(.|\n)*from 1"),
        ({"texts": 0}, r"paper.texts is 0"),
        ({"sentences": 1}, r"paper.sentences is 1(.|\n)*from 2"),
    ],
)
def test_options_out_of_range(changed: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        PaperOptions(**changed)  # type: ignore[arg-type]


def test_the_command_line(workshop: Path, tmp_path: Path) -> None:
    given = [
        "paper",
        "--out",
        tmp_path / "out",
        "--model",
        workshop / "bert",
        "--set=paper.epochs=1",
        "--until",
        "data",
    ]
    given += ["--corpus", workshop / "documents.jsonl", *(f"--set={setting}" for setting in SETTINGS)]
    answer = command(*given)
    assert answer.code == 0, answer.err
    assert "Done until data" in answer.out
    answer = command(*given, "--category", "theme")
    assert answer.code == 1
    assert "was started with category" in answer.err
