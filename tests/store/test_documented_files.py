"""Real folders have the files, columns and types that their pages name, and no others."""

from pathlib import Path

import pytest

from neurolect.store import Run
from tests.command_line import command
from tests.documented_folder import check_folder, described_files
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("documented")
    model = write_tiny_bert(folder / "bert")
    documents = write_documents(folder / "documents.jsonl", n_documents=30)
    answer = command(
        "run", model, documents, "--out", folder / "run", "--workers=1", "--set=describe.tagger=none",
        "--set=describe.vectors=none", "--set=model.pooling=max",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    return Run(folder / "run")


def test_a_run_has_the_files_of_its_page(described: Run) -> None:
    there = check_folder(described.folder, page="run_folder.md")
    known = described_files("run_folder.md")
    always = {name for name, file in known.items() if file.types and not file.only}
    assert len(always) > 30
    assert always <= there
    assert there - always >= {"token_spans.parquet", "lists/top_peaks.npy", "signatures/firing_words.parquet"}


def test_a_corpus_has_the_files_of_its_page(described: Run) -> None:
    corpus = Path(described.manifest["corpus"]["path"])
    assert "sentences/part-00000.parquet" in check_folder(corpus, page="corpus_folder.md")


def test_the_keys_of_manifests_are_named(described: Run) -> None:
    text = (Path(__file__).parents[2] / "docs" / "run_folder.md").read_text(encoding="utf-8")
    stages = described.manifest["stages"].values()
    entries = [described.manifest, described.manifest["model"], described.manifest["corpus"], *stages]
    assert not {key for entry in entries for key in entry if f"`{key}`" not in text}


@pytest.mark.parametrize("change", ["a column more", "a column less", "another type", "another file"])
def test_what_differs_is_named(described: Run, tmp_path: Path, change: str) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(described.folder / "lists" / "quantiles.parquet")
    names = {"another file": "others.parquet"}
    changed = {
        "a column more": lambda: table.append_column("more", table.column("quantile")),
        "a column less": lambda: table.drop_columns(["quantile"]),
        "another type": lambda: table.set_column(1, "quantile", table.column("quantile").cast("int16")),
        "another file": lambda: table,
    }[change]()
    (tmp_path / "lists").mkdir()
    pq.write_table(changed, tmp_path / "lists" / names.get(change, "quantiles.parquet"))
    with pytest.raises(AssertionError, match=r"column more|no column quantile|is int16|not in run_folder"):
        check_folder(tmp_path, page="run_folder.md")
