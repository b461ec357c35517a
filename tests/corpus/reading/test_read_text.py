from pathlib import Path

import pytest

from neurolect.corpus import PrepareOptions
from neurolect.corpus.options import TextDocuments
from neurolect.corpus.reading import rows as read_text
from neurolect.corpus.reading.rows import Row, RowReader
from neurolect.corpus.reading.sources import find_sources


def rows(path: Path, documents: TextDocuments = "auto") -> list[Row]:
    reader = RowReader(PrepareOptions(text_documents=documents))
    return [row for source in find_sources(path) for row in reader.rows(source)]


def test_a_small_file_is_one_document_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "pos").mkdir()
    (tmp_path / "pos" / "a.b.txt").write_text("One.\n\nTwo.\n")
    (tmp_path / "c.txt").write_text("Three.")
    assert rows(tmp_path) == [
        {"text": "Three.", "file": "c"},
        {"text": "One.\n\nTwo.\n", "file": "a", "folder": "pos"},
    ]


@pytest.mark.parametrize(
    ("documents", "texts"), [("line", ["One", "two.", "Three."]), ("paragraph", ["One\ntwo.", "Three."])]
)
def test_lines_and_paragraphs_as_documents(tmp_path: Path, documents: TextDocuments, texts: list[str]) -> None:
    (tmp_path / "a.txt").write_text("One\ntwo.\n\n\nThree.\n")
    assert [str(row["text"]).strip() for row in rows(tmp_path, documents)] == texts


@pytest.mark.parametrize("separator", ["\n\n", "\n", " ", ""])
def test_a_large_file_is_cut_and_nothing_lost(
    tmp_path: Path, separator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_text, "BLOCK", 30_000)
    text = separator.join(f"Caf\u00e9 number {n} is here." for n in range(12_000))
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    texts = [str(row["text"]) for row in rows(tmp_path)]
    assert "".join("".join(texts).split()) == "".join(text.split())
    assert len(texts) > 5
    if separator.startswith("\n"):
        assert max(map(len, texts)) < 11_000
