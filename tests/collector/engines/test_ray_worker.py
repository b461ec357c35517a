"""What runs on a cluster, run here without one."""

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.collector.engines.merging import write_merged
from neurolect.collector.engines.ray_engine import Tally, _cluster, _Machine, _share_of, collect_ray, cores_each
from neurolect.collector.engines.ray_worker import Job, ShardWorker, merge_two
from neurolect.collector.feed.shards import Shard
from neurolect.collector.held_out import joined_arrays
from neurolect.collector.state import CollectState, Plan
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, MissingExtraError
from neurolect.model import load_model
from neurolect.progress import NullProgress
from tests.collector.engines.test_local import one_thread, results  # noqa: F401 - a fixture
from tests.collector.engines.test_merging import SETTINGS
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

OPTIONS = CollectOptions(**SETTINGS)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_tiny_bert(tmp_path_factory.mktemp("bert")))


def job(model: str, corpus: Corpus, folder: Path, shard: Shard) -> Job:
    own = str(folder / "shards" / str(shard.number))
    return Job(model, corpus.location, own, shard, OPTIONS, None, "cpu", n_threads=1)


def test_workers_merged_in_a_tree_find_what_one_finds(corpus: Corpus, bert: str, tmp_path: Path) -> None:
    tally = Tally()
    workers = [ShardWorker(job(bert, corpus, tmp_path, Shard(number, 3)), tally.report) for number in range(3)]
    outcomes = [worker.collect() for worker in workers]
    again, arrays = workers[1].collect()
    assert again == outcomes[1][0]
    assert all(arrays[name].tobytes() == outcomes[1][1][name].tobytes() for name in arrays)

    def merged(plan: Plan) -> CollectState:
        states = [state for _, state in outcomes]
        for state in states:
            for array in state.values():
                array.setflags(write=False)  # as Ray hands them out
        both = merge_two(plan, merge_two(plan, states[0], states[1]), states[2])
        return CollectState.from_arrays(both, plan=plan)

    manifests = [outcome.manifest for outcome, _ in outcomes if outcome.manifest is not None]
    pooled = joined_arrays([state for _, state in outcomes])
    out = tmp_path / "merged"
    write_merged(manifests, merged, lambda: pooled, out=out, corpus=None, progress=NullProgress())
    assert (out / "held_out" / "activations.npy").is_file()
    collect(load_model(bert), corpus, out=tmp_path / "one", options=OPTIONS)
    assert results(tmp_path / "merged") == results(tmp_path / "one")
    for worker in workers:
        worker.forget()
    assert not (tmp_path / "shards").exists()


def test_a_worker_stops_when_it_is_asked_and_resumes_later(corpus: Corpus, bert: str, tmp_path: Path) -> None:
    tally = Tally()
    tally.stop()
    worker = ShardWorker(job(bert, corpus, tmp_path, Shard(0, 1)), tally.report)
    outcome, arrays = worker.collect()
    assert outcome == (None, None)
    assert not arrays
    tally = Tally()
    worker = ShardWorker(job(bert, corpus, tmp_path, Shard(0, 1)), tally.report)
    assert worker.collect()[0].manifest is not None
    assert tally.n_done() == corpus.n_mining


def test_what_a_worker_says_is_handed_on(corpus: Corpus, tmp_path: Path) -> None:
    worker = ShardWorker(job("./no-such-model", corpus, tmp_path, Shard(0, 1)), Tally().report)
    outcome, _ = worker.collect()
    assert "no-such-model" in str(outcome.failure)


def test_without_ray_the_install_line_is_reported(
    corpus: Corpus, bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"'ray' is needed for --engine ray(.|\n)*pip install \"ray>="):
        collect_ray(bert, corpus.folder, out=tmp_path / "run", workers=2, options=OPTIONS)


MACHINES = [_Machine(64, 0), _Machine(48, 8), _Machine(16, 2)]


@pytest.mark.parametrize(
    ("workers", "device", "share"),
    [(None, "cuda", (10, 6, 1)), (20, "cuda", (20, 6, 1)), (None, "cpu", (3, 32, 0)), (8, "cpu", (8, 16, 0))],
)
def test_the_cluster_is_shared_out(workers: int | None, device: str, share: Any) -> None:
    assert _share_of(MACHINES, workers, device=device) == share


def test_a_cluster_without_a_gpu_is_reported() -> None:
    with pytest.raises(CollectError, match=r"1 machines and no GPU(.|\n)*--device cpu"):
        _share_of([_Machine(64, 0)], 2, device="cuda")


@pytest.mark.parametrize("cores", [[1], [2, 2], [16, 3, 3], [64]])
@pytest.mark.parametrize("n_workers", [1, 2, 3, 7, 100])
def test_all_workers_fit_at_once(cores: list[float], n_workers: int) -> None:
    each = cores_each(cores, n_workers)
    assert sum(int(machine / each + 1e-9) for machine in cores) >= n_workers
    if each >= 1:
        assert sum(machine // (each + 1) for machine in cores) < n_workers


def test_a_cluster_where_nobody_listens_is_reported_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray: Any = SimpleNamespace(is_initialized=lambda: False)
    said = rf"The Ray cluster 127\.0\.0\.1:{port} cannot be reached: .*refused(.|\n)*ray start --head"
    with pytest.raises(CollectError, match=said), _cluster(ray, f"127.0.0.1:{port}"):
        pass
