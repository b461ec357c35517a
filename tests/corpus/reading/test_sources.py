import os
from pathlib import Path

import pytest

from neurolect.corpus import PrepareOptions, open_corpus, prepare
from neurolect.corpus.reading.sources import find_sources, unique_sources
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


def test_what_neurolect_wrote_is_no_source(tmp_path: Path) -> None:
    touch(tmp_path, "a.txt", "sub/b.jsonl")
    for place, kind in {"c": "corpus", "sub/run": "run", "cmp": "comparison"}.items():
        folder = tmp_path / place / "sentences"
        folder.mkdir(parents=True)
        (folder / "part-00000.parquet").write_bytes(b"x")
        (tmp_path / place / "manifest.json").write_text(f'{{"format": "neurolect-{kind}", "schema_version": 1}}')
    result = unique_sources(tmp_path)
    assert [Path(source.name).name for source in result.sources] == ["a.txt", "b.jsonl"]
    assert sorted(result.notices) == [
        f"{tmp_path / 'c'} is a corpus folder and was left out of the sources.",
        f"{tmp_path / 'cmp'} is a comparison folder and was left out of the sources.",
        f"{tmp_path / 'sub' / 'run'} is a run folder and was left out of the sources.",
    ]
    with pytest.raises(CorpusError, match=r"is a corpus folder: it was made from sources(.|\n)*neurolect collect"):
        find_sources(tmp_path / "c")
    with pytest.raises(CorpusError, match="No file matches"):
        find_sources(str(tmp_path / "**" / "*.parquet"))
    # a file that is named itself is meant
    assert len(find_sources(tmp_path / "c" / "sentences" / "part-00000.parquet")) == 1


def test_files_of_other_kinds_are_reported(tmp_path: Path) -> None:
    touch(tmp_path, "a.txt", "b.pdf", "c.docx", "sub/d.pdf", "README", ".hidden.pdf")
    notices = unique_sources(tmp_path).notices
    assert notices == [f"4 files of other kinds were left out of {tmp_path} (.pdf: 2, .docx: 1, no ending: 1)."]


@pytest.mark.parametrize("name", ["x" * 300 + ".txt", "x/" * 3000 + "a.txt", "a\x00b.txt"])
def test_names_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match=r"cannot be a file or folder"):
        find_sources(f"{tmp_path}/{name}")


ODD_NAMES = [
    b"two\nlines.txt",
    b"bad\xff\xfebytes.txt",
    b"-dash.txt",
    b"a[1].txt",
    b"sp ace.txt",
    b"\x1b[31mred.txt",
]
ODD_NAMES += ["caf\u00e9 \u202etxt.txt".encode(), b"x" * 200 + b".txt", b"{0}.txt", b"a%20b.txt", b"'quoted\".txt"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_file_names(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    path = Path(os.fsdecode(bytes(folder) + b"/" + name))
    path.write_text("A first sentence of it. Then a second one.")
    (folder / "other.txt").write_text("And one more sentence here. " * 9)
    corpus = prepare(
        folder, out=tmp_path / "corpus", options=PrepareOptions(metadata_columns=("file",), held_out=0.0)
    )
    assert corpus.n_sentences == 3
    files = {row["file"] for row in next(open_corpus(tmp_path / "corpus").batches()).to_pylist()}
    assert len(files) == 2
    assert all(file.isprintable() for file in files)
    assert all(notice.isprintable() for notice in corpus.manifest["notices"])
    path.write_bytes(bytes(100))
    with pytest.raises(CorpusError, match=r"is no text") as raised:
        prepare(path, out=tmp_path / "second")
    assert all(line.isprintable() for line in str(raised.value).split("\n"))
