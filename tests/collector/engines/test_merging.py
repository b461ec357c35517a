"""Shards merged are one process, to the last bit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurolect.collector import CollectOptions, collect
from neurolect.collector.engines.merging import merge
from neurolect.collector.feed.shards import Shard, parse_shard
from neurolect.collector.lists.moments import ChunkSums
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, OptionError, RunFolderError
from neurolect.model import Model, ModelOptions, load_model
from neurolect.store import open_run
from tests.collector.test_corpus_pass import all_arrays
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

SETTINGS: dict[str, Any] = {
    "list_size": 20,
    "chunk_sentences": 30,
    "token_budget": 400,
    "sample_size": 90,
    "activation_sample_size": 50,
    "monitor_every": 120,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_model(str(write_tiny_bert(tmp_path_factory.mktemp("bert"))), options=ModelOptions(pooling="max"))
    torch.set_num_threads(n_threads)


def shards_of(model: Model, corpus: Corpus, folder: Path, n: int, options: CollectOptions) -> list[Path]:
    folders = [folder / f"shard-{index}" for index in range(n)]
    for index, each in enumerate(folders):
        collect(model, corpus, out=each, options=options, shard=Shard(index, n))
    return folders


@pytest.mark.parametrize(("n", "shuffle"), [(1, False), (2, False), (4, False), (3, True)])
def test_merged_shards_are_one_process(model: Model, corpus: Corpus, tmp_path: Path, n: int, shuffle: bool) -> None:
    options = CollectOptions(**SETTINGS, shuffle=shuffle)
    whole = collect(model, corpus, out=tmp_path / "whole", options=options)
    folders = shards_of(model, corpus, tmp_path, n, options)
    merged = merge(folders[::-1], out=tmp_path / "merged")
    one, other = (all_arrays(tmp_path / name) for name in ("whole", "merged"))
    for arrays in (one, other):
        # merged, every shard is one step
        del arrays["convergence/steps.parquet"], arrays["convergence/neurons.parquet"]
    assert one == other
    assert "neurons.parquet" in one
    last = merged.table("convergence/steps").to_pylist()[-1]
    assert last["n_sentences"] == corpus.n_mining
    counts = [run.manifest["stages"]["collect"]["n_sentences"] for run in (whole, merged)]
    assert counts == [corpus.n_mining] * 2
    assert merge(folders, out=tmp_path / "merged").manifest == merged.manifest


def test_only_all_shards_of_one_run_are_merged(model: Model, corpus: Corpus, tmp_path: Path) -> None:
    options = CollectOptions(**SETTINGS)
    folders = shards_of(model, corpus, tmp_path, 3, options)
    with pytest.raises(CollectError, match=r"shards 0/3, 2/3 were given(.|\n)*0/3, 1/3, 2/3"):
        merge([folders[0], folders[2]], out=tmp_path / "merged")
    with pytest.raises(CollectError, match=r"A shard was given twice"):
        merge([folders[0], folders[1], folders[1]], out=tmp_path / "merged")
    with pytest.raises(CollectError, match="no run to merge"):
        merge([], out=tmp_path / "merged")
    other = CollectOptions(**{**SETTINGS, "list_size": 19})
    collect(model, corpus, out=tmp_path / "other", options=other, shard=Shard(2, 3))
    with pytest.raises(CollectError, match=r"different runs: they differ in collect\.list_size"):
        merge([*folders[:2], tmp_path / "other"], out=tmp_path / "merged")
    with pytest.raises(CollectError, match=r"differs in shard"):
        collect(model, corpus, out=folders[0], options=options, shard=Shard(1, 3))
    with pytest.raises(RunFolderError, match=r"shard 0/3 of a run(.|\n)*neurolect merge"):
        open_run(folders[0])
    assert not (tmp_path / "merged").exists()


def test_an_unfinished_shard_or_a_whole_run_is_reported(model: Model, corpus: Corpus, tmp_path: Path) -> None:
    options = CollectOptions(**SETTINGS)
    (folder,) = shards_of(model, corpus, tmp_path, 1, options)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["stages"]["collect"]["status"] = "running"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CollectError, match=r"shard 0/1, is unfinished"):
        merge([folder], out=tmp_path / "merged")
    collect(model, corpus, out=tmp_path / "whole", options=options)
    with pytest.raises(CollectError, match="is not a shard"):
        merge([tmp_path / "whole"], out=tmp_path / "merged")


def test_shards_of_another_corpus_are_refused(model: Model, corpus: Corpus, tmp_path: Path) -> None:
    options = CollectOptions(**SETTINGS)
    first = collect(model, corpus, out=tmp_path / "first", options=options, shard=Shard(0, 2)).folder
    other = tiny_corpus(tmp_path / "corpus", n_documents=50)
    second = collect(model, other, out=tmp_path / "second", options=options, shard=Shard(1, 2)).folder
    with pytest.raises(CollectError, match="different runs: they differ in corpus"):
        merge([first, second], out=tmp_path / "merged")
    with pytest.raises(CollectError, match="is not the corpus that was read"):
        merge(shards_of(model, corpus, tmp_path, 2, options), out=tmp_path / "merged", corpus=other)


def test_other_threads_are_reported(model: Model, corpus: Corpus, tmp_path: Path) -> None:
    folders = shards_of(model, corpus, tmp_path, 2, CollectOptions(**SETTINGS))
    manifest = json.loads((folders[1] / "manifest.json").read_text())
    assert manifest["model"]["threads"] == 1
    manifest["model"]["threads"] = 7
    (folders[1] / "manifest.json").write_text(json.dumps(manifest))
    merged = merge(folders, out=tmp_path / "merged")
    said = "Shards were collected with 1 and 7 threads: last bits may differ from those of one process."
    assert said in merged.manifest["notices"]


@pytest.mark.parametrize("shard", [Shard(2, 2), Shard(-1, 2), Shard(0, 0), Shard(0, 99)])
def test_shards_that_are_none_or_empty_are_refused(
    model: Model, corpus: Corpus, tmp_path: Path, shard: Shard
) -> None:
    said = "at most" if shard.n == 99 else f"no shard {shard.number} of {shard.n}"
    with pytest.raises(OptionError, match=said):
        collect(model, corpus, out=tmp_path / "run", options=CollectOptions(**SETTINGS), shard=shard)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["", "1", "4/4", "a/b", "-1/3", "0/0", "1/2/3", "0.5/2"])
def test_other_shards_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="--shard is"):
        parse_shard(text)


def test_a_shard_does_not_end_early(model: Model, corpus: Corpus, tmp_path: Path) -> None:
    options = CollectOptions(**SETTINGS, max_seconds=1)
    with pytest.raises(OptionError, match="cannot end early"):
        collect(model, corpus, out=tmp_path / "run", options=options, shard=Shard(0, 2))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.integers(1, 9), st.randoms())
def test_sums_do_not_depend_on_shares_nor_on_their_order(values: list[float], n: int, choose: Any) -> None:
    whole = ChunkSums()
    for chunk, value in enumerate(values):
        whole.add(chunk, np.array([value]))
    parts = []
    for index in range(n):
        part = ChunkSums()
        for chunk in Shard(index, n).chunks(len(values)):
            part.add(chunk, np.array([values[chunk]]))
        parts.append(ChunkSums.from_arrays(part.to_arrays()))
    choose.shuffle(parts)
    merged = ChunkSums()
    for part in parts:
        merged.merge(part)
    assert np.array_equal(merged.total(), whole.total())
    np.testing.assert_allclose(whole.total(), sum(values), rtol=1e-9, atol=1e-6)
