"""Documents, corpora and run folders at URLs are those of a disk."""

import gzip
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.collector.engines.merging import merge
from neurolect.collector.feed.shards import Shard
from neurolect.corpus import Corpus, open_corpus, prepare
from neurolect.corpus.reading.sources import find_sources
from neurolect.errors import CorpusError, MissingExtraError, NeurolectError
from neurolect.folders.remote import RemotePath, fetched, is_url, place, publish, staged
from neurolect.model import load_model
from neurolect.store import open_run
from tests.collector.engines.test_merging import SETTINGS
from tests.collector.test_corpus_pass import all_arrays
from tests.command_line import command, succeed
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert

MEMORY = fsspec.filesystem("memory")
SET = [f"--set=collect.{name}={value}" for name, value in SETTINGS.items()]


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NEUROLECT_CACHE", str(tmp_path / "cache"))
    MEMORY.store.clear()
    yield
    MEMORY.store.clear()


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder of documents in three formats, also at ``memory://documents``."""
    folder = tmp_path / "documents"
    write_documents(folder / "kinds" / "many.jsonl")
    (folder / "notes.txt").write_text("The first sentence of a note. And the second one here.\n" * 30)
    with gzip.open(folder / "kinds" / "packed.csv.gz", "wt") as file:
        file.write("text,topic\n" + "".join(f"Row {n} speaks of price and bank.,money\n" for n in range(40)))
    MEMORY.put(f"{folder}/", "/documents/", recursive=True)
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_tiny_bert(tmp_path_factory.mktemp("bert")))


def texts(corpus: Corpus) -> Any:
    return [table.to_pylist() for table in corpus.batches(part="all")]


def test_a_corpus_is_prepared_from_and_to_urls(documents: Path, tmp_path: Path) -> None:
    here = prepare([documents], out=tmp_path / "corpus")
    there = prepare(["memory://documents"], out="memory://corpora/one")
    assert there.fingerprint == here.fingerprint
    assert there.location == "memory:///corpora/one"
    assert texts(there) == texts(here)
    opened = open_corpus("memory://corpora/one")
    ids = np.arange(3, 90, 7)
    assert opened.take(ids).to_pylist() == here.take(ids).to_pylist()
    opened.verify()
    with pytest.raises(CorpusError, match=r"no folder of this machine(.|\n)*Corpus\.location"):
        _ = opened.folder
    with pytest.raises(CorpusError, match="There is a corpus at memory://corpora/one already"):
        prepare(["memory://documents"], out="memory://corpora/one")
    path = "/corpora/one/sentences/part-00000.parquet"
    MEMORY.pipe_file(path, MEMORY.cat_file(path)[:-1] + b"?")
    with pytest.raises(CorpusError, match=r"changed since it was prepared: .*its content is another"):
        opened.verify()
    opened.verify(mining=range(here.n_mining, here.n_mining + 1))
    MEMORY.rm(path)
    with pytest.raises(CorpusError, match="it is missing"):
        open_corpus("memory://corpora/one")


def test_sources_at_urls_are_found_as_on_a_disk(documents: Path) -> None:
    def names(source: str) -> list[str]:
        return [each.name.split("documents/")[1] for each in find_sources(source)]

    for source in ("documents", "documents/**/*.jsonl", "documents/notes.txt"):
        found = names(f"memory://{source}")
        assert found == names(f"file://{documents.parent}/{source}") == names(f"{documents.parent}/{source}")
        assert found
    sizes = [each.n_bytes for each in find_sources("memory://documents")]
    assert sizes == [each.n_bytes for each in find_sources(documents)]
    with pytest.raises(CorpusError, match="no file at memory://elsewhere that can be read"):
        find_sources("memory://elsewhere")


def test_a_run_goes_to_a_url(
    documents: Path, bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here = prepare([documents], out=tmp_path / "corpus")
    collect(load_model(bert), here, out=tmp_path / "run", options=CollectOptions(**SETTINGS))
    MEMORY.put(f"{here.folder}/", "/corpus/", recursive=True)
    assert "in memory://runs/bert" in succeed("collect", bert, "memory://corpus", "--out=memory://runs/bert", *SET)
    put = sorted(name.removeprefix("/runs/bert/") for name in MEMORY.find("/runs/bert"))
    there = sorted(str(path.relative_to(tmp_path / "run")) for path in (tmp_path / "run").rglob("*.*"))
    assert put == there
    succeed("collect", bert, "memory://corpus", "--out", "memory://runs/bert", *SET)
    assert "already collected" in caplog.text
    # another machine, where no copy is
    monkeypatch.setenv("NEUROLECT_CACHE", str(tmp_path / "other"))
    run = open_run("memory://runs/bert")
    assert all_arrays(run.folder) == all_arrays(tmp_path / "run")
    assert run.manifest["corpus"]["path"] == "memory:///corpus"
    quick = ["--set=describe.tagger=none", "--set=describe.vectors=none", "--workers=1"]
    succeed("describe", "memory://runs/bert", *quick)
    assert MEMORY.exists("/runs/bert/signatures/words.parquet")
    assert "describe" in json.loads(MEMORY.cat_file("/runs/bert/manifest.json"))["stages"]
    assert "hidden.1.3" in succeed("show", "memory://runs/bert", "hidden.1.3")


def test_shards_are_merged_at_urls(documents: Path, bert: str, tmp_path: Path) -> None:
    here = prepare([documents], out=f"file://{tmp_path}/corpus")
    assert here.folder == tmp_path / "corpus"
    for number in range(2):
        line = ["collect", bert, here.folder, f"--shard={number}/2", "--out", f"memory://part-{number}", *SET]
        succeed(*line)
    succeed("merge", "memory://part-0", "memory://part-1", "--out=memory://merged")
    merged = open_run("memory://merged").manifest["stages"]["collect"]
    assert merged["n_sentences"] == here.n_mining


def test_functions_that_write_a_run_take_a_url(documents: Path, bert: str, tmp_path: Path) -> None:
    here = prepare([documents], out=tmp_path / "corpus")
    options, model = CollectOptions(**SETTINGS), load_model(bert)
    shards = [
        collect(model, here, out=f"memory://shards/{number}", options=options, shard=Shard(number, 2)).folder
        for number in range(2)
    ]
    assert MEMORY.exists("/shards/1/manifest.json")
    run = merge(shards, out="memory://merged")
    assert MEMORY.exists("/merged/lists/top.parquet")
    assert "memory" not in str(run.folder)
    merge(shards, out=f"file://{tmp_path}/merged")
    assert (tmp_path / "merged" / "lists" / "top.parquet").is_file()


def test_what_could_not_be_uploaded_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise PermissionError(13, "Access denied")

    folder = fetched("memory://runs/one")
    (folder / "checkpoint").mkdir(parents=True)
    for name in ("checkpoint/state.npz", "table", "manifest.json"):
        (folder / name).write_text("{}")
    with monkeypatch.context() as patch:
        patch.setattr(type(MEMORY), "open", refuse)
        with pytest.raises(NeurolectError, match=r"Access denied(.|\n)*lies whole in .*; the same command uploads"):
            publish(folder)
    with staged("memory://runs/one") as again:
        assert again == folder
    assert sorted(MEMORY.find("/runs/one")) == ["/runs/one/manifest.json", "/runs/one/table"]
    with suppress(KeyboardInterrupt), staged("memory://runs/two") as folder:
        folder.mkdir()
        (folder / "manifest.json").write_text("{}")
        raise KeyboardInterrupt
    assert not MEMORY.exists("/runs/two")


def test_only_copies_are_published(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "origin.json").write_text('{"url": "memory://elsewhere", "files": {}}')
    (tmp_path / "run" / "manifest.json").write_text("{}")
    publish(tmp_path / "run")
    assert not MEMORY.store
    assert fetched(f"file://{tmp_path}/run") == tmp_path / "run"


def test_a_path_at_a_url_reads_as_one_of_a_disk(documents: Path) -> None:
    remote, local = place("memory://documents"), place(documents)
    assert isinstance(remote, RemotePath)
    assert remote.is_dir()
    assert not remote.is_file()
    assert [each.relative_to(str(remote)).as_posix() for each in remote.files()] == sorted(
        each.relative_to(documents).as_posix() for each in documents.rglob("*.*")
    )
    for one, other in ((remote / "notes.txt", local / "notes.txt"),):
        assert (one.name, one.suffixes, one.exists()) == (other.name, other.suffixes, other.exists())
        assert one.read_text(encoding="utf-8") == other.read_text(encoding="utf-8")
        assert one.stat().st_size == other.stat().st_size
        assert one.parent.name == other.parent.name
    assert "memory:///documents" in repr(remote)


def test_what_is_no_url_is_reported(monkeypatch: pytest.MonkeyPatch, bert: str) -> None:
    assert not is_url("C:/corpus")
    with pytest.raises(NeurolectError, match=r"nowhere://x cannot be read: (.|\n)*Expected: a URL as fsspec knows"):
        open_corpus("nowhere://x")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingExtraError, match=r"s3://bucket/x cannot be read(.|\n)*pip install s3fs"):
        open_corpus("s3://bucket/x")
    with pytest.raises(CorpusError, match="memory:///none is not a corpus folder: there is no such folder"):
        open_corpus("memory://none")
    answer = command("collect", bert, "nowhere://x", "--out", "memory://run")
    assert answer.code == 1
    assert "Traceback" not in answer.err
    assert "nowhere://x cannot be read" in answer.err
