"""A limited pass reads a fair sample of documents: the same by any way of reading; old runs go on as they began."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from neurolect.collector import CollectOptions, collect, merge
from neurolect.collector.feed.chosen import chosen_ids
from neurolect.collector.record import finished_run
from neurolect.corpus import Corpus, PrepareOptions, prepare
from neurolect.corpus.shards import ShardWriter
from neurolect.errors import CollectError, InterruptedRunError, OptionError
from neurolect.model import Model, ModelOptions, load_model
from neurolect.store import Run
from tests.collector.test_corpus_pass import Stopping, all_arrays
from tests.tiny_corpora import TOPICS, write_documents
from tests.tiny_models import write_tiny_bert

SETTINGS: dict[str, Any] = {
    "list_size": 12, "chunk_sentences": 30, "token_budget": 400, "sample_size": 60, "checkpoint_seconds": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Prepare a corpus whose documents come ordered by topic."""
    folder = tmp_path_factory.mktemp("corpus")
    lines = write_documents(folder / "documents.jsonl", n_documents=90).read_text().splitlines()
    lines.sort(key=lambda line: str(json.loads(line)["topic"]))
    (folder / "sorted.jsonl").write_text("\n".join(lines))
    return prepare(folder / "sorted.jsonl", out=folder / "corpus", options=PrepareOptions(held_out=0.2))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(str(write_tiny_bert(tmp_path_factory.mktemp("bert"))), options=ModelOptions(pooling="max"))


def read(corpus: Corpus, **asked: Any) -> Any:
    given: dict[str, Any] = {"limit": 200, "limit_by": "documents"}
    ids = chosen_ids(corpus, CollectOptions(**given | asked))
    assert ids is not None
    assert len(ids) == len(set(ids.tolist())) == asked.get("limit", 200)
    return corpus.take(ids)


def test_whole_documents_of_all_topics_are_chosen(corpus: Corpus) -> None:
    table = read(corpus)
    assert not any(table["held_out"].to_pylist())
    whole = Counter(corpus.take(corpus.sentence_ids("mining"))["document_id"].to_pylist())
    ours = Counter(table["document_id"].to_pylist())
    assert sum(ours[document] != whole[document] for document in ours) <= 1
    assert set(table["topic"].to_pylist()) == set(TOPICS)
    assert read(corpus, seed=1)["sentence_id"] != table["sentence_id"]
    fewer = set(read(corpus, limit=100)["document_id"].to_pylist())
    assert fewer <= set(ours)


@pytest.mark.parametrize("by", ["documents", "sentences"])
@pytest.mark.parametrize("field", ["topic", "year"])
def test_a_field_keeps_its_shares(corpus: Corpus, by: str, field: str) -> None:
    shares = Counter(corpus.take(corpus.sentence_ids("mining"))[field].to_pylist())
    ours = Counter(read(corpus, limit_by=by, limit_field=field)[field].to_pylist())
    slack = 12 if by == "documents" else 2
    for value, n in shares.items():
        assert abs(ours[value] - n * 200 / shares.total()) <= slack


def test_the_choice_does_not_depend_on_the_files(corpus: Corpus, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(ShardWriter.__init__, "__kwdefaults__", {"shard_rows": 50, "group_rows": 10})
    monkeypatch.setattr("neurolect.collector.feed.chosen._AT_ONCE", 7)
    asked = CollectOptions(limit=200, limit_by="documents", limit_field="topic")
    source = corpus.folder.parent / "sorted.jsonl"
    other = prepare(source, out=tmp_path / "corpus", options=PrepareOptions(held_out=0.2))
    ids, usual = chosen_ids(other, asked), chosen_ids(corpus, asked)
    assert len(other.manifest["shards"]) > 9
    assert ids is not None
    assert usual is not None
    assert ids.tolist() == usual.tolist()


@pytest.mark.parametrize("shuffle", [False, True])
def test_stopped_or_in_shards_the_results_are_the_same(
    corpus: Corpus, model: Model, tmp_path: Path, shuffle: bool
) -> None:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    options = CollectOptions(**SETTINGS, limit=200, shuffle=shuffle)
    whole = collect(model, corpus, out=tmp_path / "whole", options=options)
    assert whole.manifest["options"]["collect"]["limit_by"] == "documents"
    counted = whole.table("background/metadata").to_pylist()
    ours = Counter(read(corpus)["topic"].to_pylist())
    assert {each["value"]: each["n_sentences"] for each in counted if each["field"] == "topic"} == ours
    parts = [tmp_path / f"shard-{n}" for n in range(3)]
    for n, part in enumerate(parts):
        collect(model, corpus, out=part, options=options, shard=f"{n}/3")
    merge(parts, out=tmp_path / "merged")
    one, other = (all_arrays(tmp_path / name) for name in ("whole", "merged"))
    for arrays in (one, other):
        del arrays["convergence/steps.parquet"], arrays["convergence/neurons.parquet"]
    assert one == other
    stop(model, corpus, tmp_path / "stopped", options)
    collect(model, corpus, out=tmp_path / "stopped", options=options)
    torch.set_num_threads(n_threads)
    assert all_arrays(tmp_path / "stopped") == all_arrays(tmp_path / "whole")


def stop(model: Model, corpus: Corpus, out: Path, options: CollectOptions) -> None:
    """Begin a run and stop it about midway."""
    stopping = Stopping.__new__(Stopping)
    stopping.__dict__.update(model.__dict__)
    stopping.passes_left, stopping.dies = 12, False
    with pytest.raises(InterruptedRunError):
        collect(stopping, corpus, out=out, options=options)
    assert (out / "checkpoint" / "state.npz").is_file()


def forget_rule(folder: Path) -> None:
    """Make a manifest say what those of 0.1 said."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in ("limit_by", "limit_field"):
        manifest["options"]["collect"].pop(name, None)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_an_old_run_keeps_the_first_sentences(corpus: Corpus, model: Model, tmp_path: Path) -> None:
    first = CollectOptions(**SETTINGS, limit=200, limit_by="first")
    usual = CollectOptions(**SETTINGS, limit=200)
    whole = collect(model, corpus, out=tmp_path / "whole", options=first)
    stop(model, corpus, tmp_path / "old", first)
    forget_rule(tmp_path / "old")
    collect(model, corpus, out=tmp_path / "old", options=usual)
    assert all_arrays(tmp_path / "old") == all_arrays(whole.folder)
    forget_rule(tmp_path / "old")
    assert isinstance(collect(model, corpus, out=tmp_path / "old", options=usual), Run)
    for options in (usual, first):
        assert finished_run(tmp_path / "old", model=model.name, corpus=corpus, options=options)
    asked = CollectOptions(**SETTINGS, limit=200, limit_by="documents")
    with pytest.raises(CollectError, match=r"collect\.limit_by: 'first' there, 'documents' now"):
        collect(model, corpus, out=tmp_path / "old", options=asked)


def test_fields_that_differ_are_reported(corpus: Corpus, model: Model, tmp_path: Path) -> None:
    first = CollectOptions(**SETTINGS, limit=120, limit_by="first")
    run = collect(model, corpus, out=tmp_path / "first", options=first)
    (notice,) = [each for each in run.manifest["notices"] if "total variation" in each]
    assert notice.startswith("What was read and what is held out differ in 'topic' (total variation 0.")
    assert "100% of what was read" in notice
    fair = CollectOptions(**SETTINGS, limit=120, limit_field="topic")
    run = collect(model, corpus, out=tmp_path / "fair", options=fair)
    assert not [each for each in run.manifest["notices"] if "total variation" in each]


def test_what_cannot_be_chosen_is_refused(corpus: Corpus) -> None:
    with pytest.raises(OptionError, match=r"limit_field is 'topic', and nothing is sampled"):
        CollectOptions(limit_field="topic")
    with pytest.raises(OptionError, match=r"limit_field is 'topc'(.|\n)*Nearest: 'topic'"):
        read(corpus, limit_field="topc")
    for limit, by in ((None, None), (corpus.n_mining, "documents"), (9, "first")):
        assert chosen_ids(corpus, CollectOptions(limit=limit, limit_by=by)) is None
