import errno
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.corpus import Corpus, PrepareOptions, open_corpus, prepare, shards
from neurolect.corpus.options import Duplicates
from neurolect.errors import CorpusError


def write(path: Path, documents: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(map(json.dumps, documents)), encoding="utf-8")
    return path


def documents(n: int = 40) -> list[dict[str, object]]:
    return [
        {
            "text": f"This is document {n_doc} here. It is all the same. And {n_doc} ends.",
            "topic": ("a", "b", None)[n_doc % 3],
            "year": 1990 + n_doc % 5,
        }
        for n_doc in range(n)
    ]


def everything(corpus: Corpus) -> pa.Table:
    return corpus.take(np.arange(corpus.n_sentences))


def test_a_corpus_has_what_its_sources_have(tmp_path: Path) -> None:
    corpus = prepare(write(tmp_path / "a.jsonl", documents()), out=tmp_path / "corpus")
    rows = everything(corpus).to_pylist()
    assert [row["sentence_id"] for row in rows] == list(range(81))
    assert [row["text"] for row in rows[:4]] == [
        "This is document 0 here.",
        "It is all the same.",
        "And 0 ends.",
        "This is document 1 here.",
    ]
    assert [(row["document_id"], row["position"], row["n_words"]) for row in rows[2:5]] == [
        (0, 2, 3),
        (1, 0, 5),
        (1, 2, 3),
    ]
    assert {row["n_in_document"] for row in rows} == {3}
    assert [(row["topic"], row["year"]) for row in rows[3::2][:3]] == [("b", 1991.0), (None, 1992.0), ("a", 1993.0)]
    assert corpus.fields == [{"name": "topic", "kind": "category"}, {"name": "year", "kind": "number"}]
    assert corpus.manifest["counts"]["duplicates_dropped"] == 39
    assert corpus.manifest["sources"][0]["n_documents"] == corpus.manifest["n_documents"] == 40
    assert any("39 sentences that had occurred before" in notice for notice in corpus.manifest["notices"])


def test_a_source_given_twice_is_read_once_and_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", documents())
    corpus = prepare([path, tmp_path, str(path)], out=tmp_path / "corpus")
    assert corpus.n_sentences == 81
    assert "1 source was given more than once and is read once." in corpus.manifest["notices"]


def test_parts_are_chosen_by_document(tmp_path: Path) -> None:
    options = PrepareOptions(held_out=0.3)
    corpus = prepare(write(tmp_path / "a.jsonl", documents(200)), out=tmp_path / "corpus", options=options)
    table = everything(corpus)
    held_out = {row["document_id"] for row in table.to_pylist() if row["held_out"]}
    mining = {row["document_id"] for row in table.to_pylist() if not row["held_out"]}
    assert not held_out & mining
    assert 30 < len(held_out) < 90
    assert corpus.n_held_out + corpus.n_mining == corpus.n_sentences == len(table)


def test_workers_and_chunks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "a.jsonl", documents(60))
    one = prepare(source, out=tmp_path / "one")
    monkeypatch.setattr(sys.modules["neurolect.corpus.prepare"], "CHUNK_DOCUMENTS", 7)
    small = prepare(source, out=tmp_path / "small")
    several = prepare(source, out=tmp_path / "several", workers=2)
    assert everything(small).to_pylist() == everything(one).to_pylist()
    assert several.fingerprint == small.fingerprint == one.fingerprint


@pytest.mark.parametrize(("duplicates", "n"), [("drop", 3), ("near", 2), ("keep", 4)])
def test_duplicates(tmp_path: Path, duplicates: Duplicates, n: int) -> None:
    texts = ["Page 1 of three.", "Page 2 of three.", "page 1 of three", "Page 1 of three."]
    source = write(tmp_path / "a.jsonl", [{"text": text} for text in [*texts[:2], texts[3], "Some other thing."]])
    options = PrepareOptions(duplicates=duplicates, held_out=0.0)
    assert prepare(source, out=tmp_path / "corpus", options=options).n_sentences == n


def test_sources_of_several_kinds(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["A first sentence."], "topic": ["x"]}), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("body,year,topic\nA second sentence.,1999,y\n,,\n")
    (tmp_path / "c.txt").write_text("A third sentence.")
    corpus = prepare(tmp_path, out=tmp_path / "corpus", options=PrepareOptions(held_out=0.0))
    columns = ("text", "topic", "year")
    assert [[row[name] for name in columns] for row in everything(corpus).to_pylist()] == [
        ["A first sentence.", "x", None],
        ["A second sentence.", "y", 1999.0],
        ["A third sentence.", None, None],
    ]
    assert corpus.manifest["counts"]["documents_without_text"] == 1


def test_troubles_are_counted_and_reported(tmp_path: Path) -> None:
    lines = [json.dumps(row).encode() for row in documents(1200)]
    lines += [b'{"text": "A caf\xe9 is \xc3\xa9.", "year": "soon"}', b"{broken", b'{"text": 3}']
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    corpus = prepare(tmp_path, out=tmp_path / "corpus", options=PrepareOptions(skip_broken_lines=True))
    counts = corpus.manifest["counts"]
    assert counts["broken_lines"] == counts["replaced_characters"] == counts["documents_without_text"] == 1
    assert corpus.manifest["misfits"] == {"year": 1}
    assert any("1 value of the field 'year' was" in notice for notice in corpus.manifest["notices"])


def test_shards_are_filled_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards.ShardWriter.__init__, "__kwdefaults__", {"shard_rows": 20, "group_rows": 10})
    corpus = prepare(write(tmp_path / "a.jsonl", documents(22)), out=tmp_path / "corpus")
    assert [shard["n_sentences"] for shard in corpus.manifest["shards"]] == [20, 20, 5]
    assert [shard["first_sentence_id"] for shard in corpus.manifest["shards"]] == [0, 20, 40]
    corpus.verify()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"The corpus is empty: there is no document with text in .*a\.jsonl"),
        ('{"text": "  "}', r"The text column \('text'\) is empty in all 1 rows"),
        ('{"text": "Too short. !!!"}', r"no sentence is left(.|\n)*2 sentences had fewer than 3 words"),
        ('{"n": 3}', r"No column of .*a\.jsonl is clearly the text. Its columns: 'n'"),
    ],
)
def test_empty_corpora_leave_nothing_behind(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(CorpusError, match=message):
        prepare(tmp_path / "a.jsonl", out=tmp_path / "corpus")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("place", ["a.jsonl/corpus", "/proc/none/corpus"])
def test_places_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    source = write(tmp_path / "a.jsonl", documents(1))
    with pytest.raises(CorpusError, match=r"corpus could not be written: (.|\n)*Hint: Choose another --out"):
        prepare(source, out=tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_part_without_documents(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", documents(1))
    with pytest.raises(CorpusError, match="All 3 sentences fell into the held-out part"):
        prepare(source, out=tmp_path / "all", options=PrepareOptions(held_out=0.99))
    corpus = prepare(source, out=tmp_path / "none", options=PrepareOptions(held_out=0.001))
    assert any("No document fell into the held-out part" in notice for notice in corpus.manifest["notices"])


def test_out_is_not_overwritten_unasked(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", documents())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(CorpusError, match="exists and is no corpus folder"):
        prepare(source, out=tmp_path / "mine", overwrite=True)
    (tmp_path / "corpus").mkdir()
    first = prepare(source, out=tmp_path / "corpus")
    with pytest.raises(CorpusError, match="There is a corpus at"):
        prepare(source, out=tmp_path / "corpus")
    options = PrepareOptions(duplicates="keep")
    second = prepare(source, out=tmp_path / "corpus", options=options, overwrite=True)
    assert second.fingerprint != first.fingerprint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "corpus", "mine"]
    assert sorted(path.name for path in second.folder.iterdir()) == ["manifest.json", "sentences"]


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), CorpusError, "The disk is full"),
        (PermissionError(errno.EACCES, "denied"), CorpusError, r"No permission to write .*corpus"),
        (KeyboardInterrupt("by hand"), KeyboardInterrupt, "by hand"),
    ],
)
def test_nothing_half_made_stays(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    expected: type[BaseException],
    message: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    source = write(tmp_path / "a.jsonl", documents())
    monkeypatch.setattr(shards.ShardWriter, "write", fail)
    with pytest.raises(expected, match=message):
        prepare(source, out=tmp_path / "corpus")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_corpus_that_another_process_made_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("One two three four. Five six seven eight.")
    (tmp_path / "b.txt").write_text("Nine ten eleven twelve.")
    preparing = sys.modules["neurolect.corpus.prepare"]
    make = preparing.process_chunks

    def slow(*args: Any, **rest: Any) -> Any:
        monkeypatch.setattr(preparing, "process_chunks", make)
        prepare(tmp_path / "b.txt", out=tmp_path / "other")
        (tmp_path / "other").rename(tmp_path / "corpus")
        return make(*args, **rest)

    monkeypatch.setattr(preparing, "process_chunks", slow)
    with pytest.raises(CorpusError, match=r"There is a corpus at .* already"):
        prepare(tmp_path / "a.txt", out=tmp_path / "corpus")
    assert open_corpus(tmp_path / "corpus").n_sentences == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.txt", "b.txt", "corpus"]


def test_no_workers(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be prepared by 0 workers"):
        prepare(write(tmp_path / "a.jsonl", documents()), out=tmp_path / "corpus", workers=0)


def test_the_manifest_says_how_it_was_made(tmp_path: Path) -> None:
    prepare(write(tmp_path / "a.jsonl", documents()), out=tmp_path / "corpus", options=PrepareOptions(seed=5))
    manifest = open_corpus(tmp_path / "corpus").manifest
    assert (manifest["format"], manifest["schema_version"]) == ("neurolect-corpus", 1)
    assert manifest["options"]["seed"] == 5
    assert manifest["created"].endswith("+00:00")


def test_it_says_which_column_is_the_text_and_what_separates_columns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for name, separator in (("a.csv", ","), ("b.csv", ","), ("c.tsv", "\t")):
        rows = "".join(f"A dog ran home {n} times{separator}x\n" for n in range(9))
        (tmp_path / name).write_text(f"Review{separator}kind\n{rows}", encoding="utf-8")
    (tmp_path / "d.jsonl").write_text('{"text": "A cat slept all day"}', encoding="utf-8")
    (tmp_path / "e.txt").write_text("One more dog.", encoding="utf-8")
    prepare([tmp_path / name for name in ("a.csv", "b.csv", "c.tsv", "d.jsonl", "e.txt")], out=tmp_path / "out")
    said = [each for each in caplog.messages if each.startswith("The text is ")]
    assert said == [
        f"The text is the column 'Review' of {tmp_path / 'a.csv'} and 1 other file; commas separate its columns.",
        f"The text is the column 'Review' of {tmp_path / 'c.tsv'}; tabs separate its columns.",
        f"The text is the column 'text' of {tmp_path / 'd.jsonl'}.",
    ]
