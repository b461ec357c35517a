from pathlib import Path

import pytest

from neurolect.corpus.reading.sources import find_sources
from neurolect.errors import CorpusError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def found(folder: Path, *names: str) -> list[str]:
    return [
        Path(source.name).relative_to(folder).as_posix() for source in find_sources([folder / n for n in names])
    ]


def test_folders_are_searched_in_order_and_hidden_files_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "b.txt", "a/c.jsonl.gz", "a/notes.pdf", ".hidden/d.txt", "a/.e.txt", "z.tsv.zst")
    assert found(tmp_path, ".") == ["a/c.jsonl.gz", "b.txt", "z.tsv.zst"]


def test_globs_and_files_name_a_file_once(tmp_path: Path) -> None:
    touch(tmp_path, "b.txt", "a.txt", "c/d.txt", "e.csv")
    assert found(tmp_path, "b.txt", "*.txt", "**/d.txt") == ["b.txt", "a.txt", "c/d.txt"]


def test_a_file_named_in_two_ways_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.txt")
    monkeypatch.chdir(tmp_path)
    assert [source.name for source in find_sources(["a.txt", "./a.txt", tmp_path / "a.txt"])] == ["a.txt"]


def test_formats_are_known_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "a.ndjson", "b.CSV", "c.parquet", "d.txt.xz")
    assert [source.format for source in find_sources(tmp_path)] == ["json", "csv", "parquet", "text"]
    assert find_sources("hf:imdb:train")[0].format == "hub"


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    touch(tmp_path, "reviews.csv", "other.csv")
    with pytest.raises(CorpusError, match=r"no file or folder .*review\.csv(.|\n)*Hint: In .* 'reviews\.csv'"):
        find_sources(tmp_path / "review.csv")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty/a.txt", "The folder .* is empty"),
        ("none/a.txt", "does not exist either"),
        ("*.txt", "No file matches"),
        ("pdf", "holds no file that can be read"),
        ("pdf/a.pdf", r"format of .*a\.pdf is not known by its name \(\.pdf\)"),
    ],
)
def test_sources_that_cannot_be_found(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    touch(tmp_path, "pdf/a.pdf")
    with pytest.raises(CorpusError, match=message):
        find_sources(tmp_path / name)


def test_no_source_at_all() -> None:
    with pytest.raises(CorpusError, match="No source was given"):
        find_sources([])
