import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.corpus import Corpus, Part, PrepareOptions, open_corpus, prepare, shards
from neurolect.errors import CorpusError, FormatVersionError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("sources")
    rows = [{"text": f"Sentence {n} of the file. Another {n} is here.", "topic": f"t{n % 7}"} for n in range(60)]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards.ShardWriter.__init__, "__kwdefaults__", {"shard_rows": 40, "group_rows": 10})
        return prepare(folder, out=folder / "corpus", options=PrepareOptions(held_out=0.3))


def plain(corpus: Corpus, part: Part) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = corpus.take(np.arange(corpus.n_sentences)).to_pylist()
    return [row for row in rows if part == "all" or row["held_out"] == (part == "held_out")]


@given(
    part=st.sampled_from(["mining", "held_out", "all"]),
    batch_size=st.integers(1, 150),
    skip=st.integers(0, 130),
)
def test_batches_are_the_part_less_what_is_skipped(corpus: Corpus, part: Part, batch_size: int, skip: int) -> None:
    tables = list(corpus.batches(part=part, batch_size=batch_size, skip=skip))
    rows = [row for table in tables for row in table.to_pylist()]
    assert rows == plain(corpus, part)[skip:]
    assert all(len(table) == batch_size for table in tables[:-1])
    assert all(table.num_rows for table in tables)


@given(ids=st.lists(st.integers(0, 119), max_size=30).map(sorted))
def test_take_reads_what_was_asked_for(corpus: Corpus, ids: list[int]) -> None:
    table = corpus.take(np.array(ids, dtype=np.int64), columns=["topic", "sentence_id"])
    assert table.column_names == ["topic", "sentence_id"]
    assert table["sentence_id"].to_pylist() == ids
    assert table["topic"].to_pylist() == [plain_topic(corpus, number) for number in ids]


def plain_topic(corpus: Corpus, sentence_id: int) -> str:
    return f"t{sentence_id // 2 % 7}"


def test_columns_and_types(corpus: Corpus) -> None:
    table = next(corpus.batches(columns=["text", "topic"], batch_size=3))
    assert table.column_names == ["text", "topic"]
    assert pa.types.is_dictionary(table.schema.field("topic").type)
    schema = next(corpus.batches()).schema
    assert corpus.columns == schema.names
    assert [str(schema.field(name).type) for name in schema.names[:7]] == [
        "int64",
        "int64",
        "int32",
        "bool",
        "int32",
        "int32",
        "string",
    ]


@pytest.mark.parametrize("part", ["mining", "held_out", "all"])
def test_sentence_ids(corpus: Corpus, part: Part) -> None:
    ids = corpus.sentence_ids(part)
    assert ids.dtype == np.int64
    assert ids.tolist() == [row["sentence_id"] for row in plain(corpus, part)]
    assert ids.size > 0


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda c: c.batches(part="test"), "has no part 'test'"),
        (lambda c: c.sentence_ids("test"), "has no part 'test'"),
        (lambda c: c.batches(columns=["txt"]), r"has no column 'txt'(.|\n)*'text'"),
        (lambda c: c.batches(batch_size=0), "cannot give batches of 0"),
        (lambda c: c.batches(skip=-1), "after skipping -1"),
        (lambda c: c.take(np.array([3, 1])), "cannot read ids from 1 to 3"),
        (lambda c: c.take(np.array([3, 120])), "ascending ids from 0 to 119"),
    ],
)
def test_what_cannot_be_read(corpus: Corpus, ask: Callable[[Corpus], object], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        ask(corpus)


@pytest.fixture
def copy(corpus: Corpus, tmp_path: Path) -> Path:
    for path in corpus.folder.rglob("*"):
        if path.is_file():
            target = tmp_path / path.relative_to(corpus.folder)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    return tmp_path


def test_a_copy_is_the_same_corpus(corpus: Corpus, copy: Path) -> None:
    assert open_corpus(copy).fingerprint == corpus.fingerprint
    open_corpus(str(copy)).verify()
    assert "120 sentences" in repr(open_corpus(copy))


def test_a_share_looks_at_its_own_files_and_at_those_of_nobody(copy: Path) -> None:
    shard = copy / "sentences" / "part-00001.parquet"
    data = bytearray(shard.read_bytes())
    data[100] ^= 1
    shard.write_bytes(data)
    corpus = open_corpus(copy)
    corpus.verify(mining=range(1))
    second = corpus.manifest["shards"][1]
    second["n_held_out"] = second["n_sentences"]
    with pytest.raises(CorpusError, match=r"part-00001.*its content is another"):
        corpus.verify(mining=range(1))


def test_a_changed_corpus_is_noticed(copy: Path) -> None:
    shard = copy / "sentences" / "part-00001.parquet"
    data = bytearray(shard.read_bytes())
    data[100] ^= 1
    shard.write_bytes(data)
    with pytest.raises(CorpusError, match=r"changed since it was prepared.*part-00001.*its content is another"):
        open_corpus(copy).verify()
    shard.write_bytes(data + b"x")
    with pytest.raises(CorpusError, match=r"changed since it was prepared.*it has \d+ bytes, not \d+"):
        open_corpus(copy)
    shard.unlink()
    with pytest.raises(CorpusError, match=r"changed since it was prepared.*it is missing"):
        open_corpus(copy)


def test_a_shard_that_cannot_be_read(copy: Path) -> None:
    shard = copy / "sentences" / "part-00001.parquet"
    shard.write_bytes(b"x" * shard.stat().st_size)
    with pytest.raises(CorpusError, match=r"part-00001\.parquet: its content is another"):
        open_corpus(copy).take(np.array([50]))


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, CorpusError, "is not a corpus folder: it has no manifest.json"),
        ('{"format": "neurolect-run", "corpus": {"path": "x"}}', CorpusError, r"is a run folder(.|\n)*from: x"),
        ('{"format": "neurolect-corpus", "schema_version": 2}', FormatVersionError, "schema version 2"),
    ],
)
def test_folders_that_are_no_corpus(
    tmp_path: Path, content: str | None, error: type[Exception], message: str
) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(error, match=message):
        open_corpus(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="there is no such folder"):
        open_corpus(tmp_path / "none")
