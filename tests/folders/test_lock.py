"""Two processes at one run folder, a corpus that changed, a run that never began."""

from pathlib import Path

import pytest

from neurolect.collector import CollectOptions, collect, corpus_pass
from neurolect.collector.feed.shards import Shard
from neurolect.corpus import Corpus
from neurolect.corpus.shards import ShardWriter, file_hash
from neurolect.errors import CollectError, CorpusError, NonFiniteActivationsError, RunFolderError
from neurolect.folders.lock import only_here
from neurolect.model import load_model
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

FEW = CollectOptions(list_size=5, sample_size=20, activation_sample_size=10, limit=50)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


def refuse(*_: object) -> None:
    what = "Activations are NaN, as if."
    raise NonFiniteActivationsError(what)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return tiny_corpus(tmp_path, n_documents=12)


def test_a_second_process_is_refused(tmp_path: Path, bert: Path, corpus: Corpus) -> None:
    out = tmp_path / "run"
    out.mkdir()
    message = r"another process \(process \d+ on .*, collect(.|\n)*Wait for it"
    with (
        only_here(out, doing="collect"),
        pytest.raises(RunFolderError, match=message),
        only_here(out, doing="describe"),
    ):
        pass
    assert list(out.iterdir()) == []
    collect(load_model(str(bert)), corpus, out=out, options=FEW)
    assert not (out / ".lock").exists()


def test_a_shard_of_the_same_size_but_other_bytes_is_refused(tmp_path: Path, bert: Path, corpus: Corpus) -> None:
    shard = corpus.folder / corpus.manifest["shards"][0]["file"]
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(bytes(data))
    with pytest.raises(CorpusError, match=r"changed since it was prepared(.|\n)*prepare it again"):
        collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=FEW)
    shard.unlink()
    with pytest.raises(CorpusError, match=r"cannot be read \(No such file"):
        corpus.verify()


def test_a_shard_looks_at_the_files_of_its_share_alone(
    tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShardWriter.__init__, "__kwdefaults__", {"shard_rows": 100, "group_rows": 50})
    corpus = tiny_corpus(tmp_path)
    files = [each["file"] for each in corpus.manifest["shards"]]
    looked: list[str] = []

    def changed(path: Path) -> str:
        """Hash files as if the last one had changed."""
        looked.append(str(path.relative_to(corpus.folder)))
        return "another" if looked[-1] == files[-1] else file_hash(path)

    monkeypatch.setattr("neurolect.corpus.folder.file_hash", changed)
    options = CollectOptions(list_size=5, chunk_sentences=100, sample_size=20, activation_sample_size=10)
    model, n = load_model(str(bert)), -(-corpus.n_mining // 100)
    collect(model, corpus, out=tmp_path / "first", options=options, shard=Shard(0, n))
    assert looked == files[: len(looked)]
    assert 0 < len(looked) < len(files)
    for shard in (Shard(n - 1, n), None):
        with pytest.raises(CorpusError, match="its content is another"):
            collect(model, corpus, out=tmp_path / "run", options=options, shard=shard)


def test_a_run_that_computed_nothing_makes_way(
    tmp_path: Path, bert: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(str(bert))
    with monkeypatch.context() as patch:
        patch.setattr(corpus_pass, "raise_if_non_finite", refuse)
        patch.setattr(corpus_pass, "non_finite", lambda *_: [1])
        with pytest.raises(NonFiniteActivationsError, match="as if"):
            collect(model, corpus, out=tmp_path / "run", options=FEW)
    other = CollectOptions(list_size=4, sample_size=20, activation_sample_size=10, limit=50)
    assert collect(model, corpus, out=tmp_path / "run", options=other).is_current("collect")
    with pytest.raises(CollectError, match=r"differs in collect\.list_size: 4 there, 5 now"):
        collect(model, corpus, out=tmp_path / "run", options=FEW)
