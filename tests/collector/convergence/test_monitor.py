"""The monitor: exact churn, evidence kept, order found, early ends, the same after a stop."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.collector import CollectOptions, collect
from neurolect.collector.convergence.leading_items import leading_items
from neurolect.collector.convergence.monitor import Convergence, Step, step_length
from neurolect.collector.device.lists import DeviceTopLists
from neurolect.collector.ending import order_notice, sentences_needed, step_note, steps_table
from neurolect.collector.feed.shards import shuffled_chunks, shuffled_ids
from neurolect.collector.lists.top_lists import TopLists, new_entries
from neurolect.collector.options import parse_stop_rule
from neurolect.corpus import Corpus
from neurolect.errors import OptionError
from neurolect.model import load_model
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

N = 20


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


def stream(
    acts_SN: NDArray[np.float32], words: list[str], size: int
) -> Iterator[tuple[pa.Table, NDArray[np.float32]]]:
    """Cut sentences and their activations into chunks."""
    for start in range(0, len(words), size):
        ids = np.arange(start, min(start + size, len(words)))
        yield pa.table({"sentence_id": ids, "text": [words[i] for i in ids]}), acts_SN[ids]


def watch(acts_SN: NDArray[np.float32], words: list[str], *, size: int = 100, stop: int = -1) -> Convergence:
    """Run the monitor over activations, saved and loaded after chunk ``stop``."""
    lists = {"top": TopLists(acts_SN.shape[1], N)}
    monitor = Convergence((), n_neurons=acts_SN.shape[1], list_size=N, length=200, sampled=N, seed=1)
    for number, (table, values) in enumerate(stream(acts_SN, words, size)):
        lists["top"].update(values, sentence_ids=table.column("sentence_id").to_numpy())
        monitor.end_chunk(table, lists)
        if number == stop:
            arrays = monitor.to_arrays()
            monitor = Convergence((), n_neurons=acts_SN.shape[1], list_size=N, length=200, sampled=N, seed=1)
            monitor.load(arrays)
    monitor.step(lists)
    return monitor


def watch_on_device(
    acts_SN: NDArray[np.float32], words: list[str], *, aside: bool, looks: int = -1
) -> tuple[list[Step], dict[str, NDArray[np.generic]]]:
    """Run the monitor over lists on a device; its steps are asked for after chunk ``looks``."""
    lists = DeviceTopLists(acts_SN.shape[1], N, device=torch.device("cpu"))
    monitor = Convergence((), n_neurons=acts_SN.shape[1], list_size=N, length=200, sampled=N, seed=1)
    monitor.aside = aside
    for number, (table, values) in enumerate(stream(acts_SN, words, 100)):
        lists.update(torch.from_numpy(values), sentence_ids=table.column("sentence_id").to_numpy())
        monitor.end_chunk(table, cast(Any, {"top": lists}))
        if number == looks:
            assert monitor.steps
    arrays = monitor.to_arrays()
    monitor.step(cast(Any, {"top": lists}))
    return monitor.steps, arrays


@pytest.mark.parametrize("looks", [-1, 1, 2, 7])
def test_lists_looked_into_aside_give_the_same_steps(looks: int) -> None:
    acts_SN, words = example()
    usual, arrays = watch_on_device(acts_SN, words, aside=False)
    for one, other in zip(usual, watch(acts_SN, words).steps, strict=True):
        np.testing.assert_array_equal(one.stability, other.stability)
    steps, others = watch_on_device(acts_SN, words, aside=True, looks=looks)
    assert len(steps) == len(usual) == 6
    for one, other in zip(usual, steps, strict=True):
        assert one[:2] == other[:2]
        for left, right in zip(one[2:], other[2:], strict=True):
            np.testing.assert_array_equal(left, right)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)


def example(n: int = 1050, n_neurons: int = 60) -> tuple[NDArray[np.float32], list[str]]:
    """Make random activations; the first half of the neurons likes sentences that hold ``water``."""
    rng = np.random.default_rng(0)
    acts_SN = rng.normal(size=(n, n_neurons)).astype(np.float32)
    wet = rng.random(n) < 0.2
    acts_SN[wet, : n_neurons // 2] += 4
    letters = rng.choice(list("abcdefghijklmnopqrst"), size=(n, 4))
    return acts_SN, [" ".join(row) + " water" * int(is_wet) for row, is_wet in zip(letters, wet, strict=True)]


def test_churn_is_what_two_plain_lists_differ_in_and_keeps_to_the_law() -> None:
    acts_SN, words = example()
    steps = watch(acts_SN, words).steps
    assert [(step.n_sentences, step.n_new) for step in steps] == [
        *((n, 200) for n in range(200, 1001, 200)),
        (1050, 50),
    ]
    before: list[set[int]] = [set() for _ in range(acts_SN.shape[1])]
    for step in steps:
        part = acts_SN[: step.n_sentences]
        now = [set(column.tolist()) for column in np.argsort(-part, axis=0, kind="stable")[:N].T]
        expected = [len(new - old) / N for new, old in zip(now, before, strict=True)]
        np.testing.assert_allclose(step.churn[0], expected, atol=1e-6)
        np.testing.assert_array_equal(step.threshold[0], np.sort(part, axis=0)[-N])
        assert step.churn.mean() == pytest.approx(step.expected_churn, abs=0.05)
        before = now
    assert order_notice(steps, list_size=N) is None


def test_a_run_looked_at_once_has_typed_columns() -> None:
    once = np.full((1, 3), np.nan, dtype=np.float32)
    step = Step(10, 10, np.ones((1, 3), dtype=np.float32), once, once)
    table = steps_table([step], sides=("top",), list_size=N, stable=0.9)
    for name in ("expected_churn", "churn_top", "dispersion", "stability", "share_settled"):
        assert table.schema.field(name).type == pa.float64()
    assert table.column("stability").to_pylist() == table.column("dispersion").to_pylist() == [None]


def test_a_look_is_noted_in_words_and_the_first_not_at_all() -> None:
    new, unknown = np.full((1, 4), 0.25, dtype=np.float32), np.full((1, 4), np.nan, dtype=np.float32)
    settled = np.array([[0.9, 0.9, 0.9, 0.1]], dtype=np.float32)
    assert step_note(Step(10, 10, new, new, unknown), stable=0.8) == ""
    said = step_note(Step(40, 8, new, new, settled), stable=0.8)
    assert said == "25% of the lists' sentences new since the last look (20% by chance), 75% of neurons settled"


def test_neurons_with_a_theme_keep_their_evidence() -> None:
    acts_SN, words = example()
    monitor = watch(acts_SN, words)
    assert np.isnan(monitor.steps[0].stability).all()
    last = monitor.steps[-1]
    assert last.stability[0, :30].min() > 0.8
    assert 0.4 < last.share_settled(0.9) <= 1
    table = steps_table(monitor.steps, sides=("top",), list_size=N, stable=0.9)
    assert table.column("stability").to_pylist()[0] is None
    assert table.column("share_settled").to_pylist()[-1] == pytest.approx(last.share_settled(0.9))


@pytest.mark.parametrize("stop", [0, 1, 4, 9])
def test_a_stop_changes_nothing(stop: int) -> None:
    acts_SN, words = example()
    whole, stopped = watch(acts_SN, words), watch(acts_SN, words, stop=stop)
    for one, other in zip(whole.steps, stopped.steps, strict=True):
        assert one[:2] == other[:2]
        for left, right in zip(one[2:], other[2:], strict=True):
            np.testing.assert_array_equal(left, right)
    assert whole.to_arrays().keys() == stopped.to_arrays().keys()


def test_an_ordered_corpus_is_reported() -> None:
    acts_SN, words = example()
    acts_SN[:400, :30] += 5
    acts_SN[400:, 30:] += 5
    notice = order_notice(watch(acts_SN, words).steps, list_size=N)
    assert notice is not None
    assert "collect.shuffle=true" in notice


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(0, 60))
def test_leading_items_equal_plain_counting(seed: int, n_entries: int, n_sampled: int) -> None:
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(100, size=n_sampled, replace=False)).astype(np.int64)
    lengths = rng.integers(0, 6, size=n_sampled)
    items = rng.integers(-1, 8, size=lengths.sum()).astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    shares = rng.random(8) * 0.1
    listed = rng.choice(100, size=(2, n_entries)).astype(np.uint64)
    keys = np.uint64(7 << 32) | (np.uint64(0xFFFFFFFF) - listed)
    found = leading_items(keys, np.array([n_entries] * 2), rows=(ids, starts, items), shares=shares)
    for neuron in range(2):
        rows = [int(np.searchsorted(ids, each)) for each in listed[neuron].astype(np.int64) if each in ids]
        counts = [0] * 8
        for row in rows:
            for item in items[starts[row] : starts[row + 1]]:
                counts[item] += item >= 0
        scores = {i: (c - len(rows) * shares[i]) / np.sqrt(len(rows) * shares[i] + 1) for i, c in enumerate(counts)}
        best = sorted((-np.float32(s), i) for i, s in scores.items() if counts[i] >= 3 and np.float32(s) >= 4)
        assert [i for i in found.items[neuron].tolist() if i >= 0] == [i for _, i in best][:20]
    assert found.used.tolist() == [each in listed for each in ids]
    assert new_entries(keys, np.array([n_entries] * 2), sentence_ids=ids).tolist() == [
        sum(int(each) in ids for each in row) for row in listed
    ]


def test_a_pass_ends_once_neurons_have_settled_and_says_so(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    options = CollectOptions(
        list_size=20, chunk_sentences=50, sample_size=90, monitor_every=50, stop_when="stable=0.01,share=0.01"
    )
    run = collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=options)
    stage = run.manifest["stages"]["collect"]
    assert (stage["n_sentences"], stage["ending"]["reason"]) == (100, "stable")
    assert any("because enough neurons had settled" in notice for notice in run.manifest["notices"])
    read = corpus.sentence_ids("mining")[:100]
    sample = run.table("sample/sentences").column("sentence_id").to_numpy()
    assert 0 < len(sample) < 90
    assert set(sample.tolist()) <= set(read.tolist())
    assert run.array("sample/activations").shape == (32, len(sample))
    assert np.isfinite(run.array("sample/activations")).all()
    assert run.table("convergence/steps").column("n_sentences").to_pylist() == [50, 100]
    assert run.table("convergence/neurons").num_rows == 32 * 2 * 2


def test_a_pass_ends_when_its_time_is_up(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    options = CollectOptions(list_size=20, chunk_sentences=64, sample_size=90, max_seconds=0, shuffle=True)
    run = collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=options)
    assert run.manifest["stages"]["collect"]["n_sentences"] == 64
    assert any("because its time was up" in notice for notice in run.manifest["notices"])
    sample = run.table("sample/sentences").column("sentence_id").to_numpy()
    assert sample.max() > corpus.sentence_ids("mining")[100]


def test_a_shuffled_pass_reads_everything_once_and_finds_the_same(
    corpus: Corpus, bert: Path, tmp_path: Path
) -> None:
    model = load_model(str(bert))
    plain = CollectOptions(list_size=20, chunk_sentences=30, sample_size=90)
    mixed = CollectOptions(list_size=20, chunk_sentences=30, sample_size=90, shuffle=True)
    one = collect(model, corpus, out=tmp_path / "plain", options=plain)
    two = collect(model, corpus, out=tmp_path / "mixed", options=mixed)
    tops: list[Any] = [run.table("lists/top").column("sentence_id").to_numpy() for run in (one, two)]
    assert (tops[0] == tops[1]).mean() > 0.99
    assert one.table("background/words").equals(two.table("background/words"))


@pytest.mark.parametrize(("size", "n"), [(5, 401), (50, 401), (500, 460)])
def test_shuffled_chunks_are_found_again_by_number(corpus: Corpus, size: int, n: int) -> None:
    whole = [
        each.column("sentence_id").to_pylist() for each in shuffled_chunks(corpus, size=size, n_sentences=n, seed=3)
    ]
    ids = corpus.sentence_ids("mining")[:n]
    assert sorted(each for chunk in whole for each in chunk) == ids.tolist()
    if size < n:
        assert whole != [sorted(ids.tolist())[i : i + size] for i in range(0, n, size)]
    for start in range(0, len(whole), max(1, len(whole) // 5)):
        again = shuffled_chunks(corpus, size=size, n_sentences=n, seed=3, start=start)
        assert next(again).column("sentence_id").to_pylist() == whole[start]
    order = shuffled_ids(ids, size=size, seed=3).tolist()
    at = 0
    for chunk in whole:
        assert sorted(order[at : at + len(chunk)]) == chunk
        at += len(chunk)


def test_sentences_needed_follow_the_rise() -> None:
    def step(n: int, settled: float) -> Step:
        stability = np.zeros((1, 100), dtype=np.float32)
        stability[0, : round(100 * settled)] = 1
        return Step(n, 1, stability, stability, stability)

    rising = [step(n, n / (n + 4000)) for n in (1000, 2000, 4000, 8000)]
    needed = sentences_needed(rising, stable=0.9, share=0.9)
    assert needed is not None
    assert needed == pytest.approx(36_000, rel=0.1)
    assert sentences_needed([step(n, 0.5) for n in (1000, 2000, 4000)], stable=0.9, share=0.9) is None
    assert sentences_needed(rising, stable=0.9, share=0.5) == 8000
    # too few to draw a line through, and a line that leads too far
    few = [step(n, share) for n, share in ((1000, 0.0), (2000, 0.01), (4000, 0.02), (8000, 0.04))]
    assert sentences_needed(few, stable=0.9, share=0.9) is None
    flat = [step(n, share) for n, share in ((1000, 0.1), (2000, 0.11), (4000, 0.12), (8000, 0.13))]
    assert sentences_needed(flat, stable=0.9, share=0.9) is None


def test_steps_lie_at_ends_of_chunks() -> None:
    assert step_length(5000, every=None, chunk=4096) == 12288
    assert step_length(5000, every=100, chunk=64) == 128


@pytest.mark.parametrize("text", ["", "stable=0.9", "stable=0.9,share=2", "stable=x,share=0.5", "share=1,other=1"])
def test_other_rules_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"collect\.stop_when"):
        parse_stop_rule(text)
    with pytest.raises(OptionError, match=r"collect\.stop_when"):
        CollectOptions(stop_when=text)
