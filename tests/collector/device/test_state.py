"""What is kept on a device against what is kept on the host: the same arrays. Run on the CPU here."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.collector.device import spilled as spilled_lists
from neurolect.collector.device.lists import DeviceTopLists
from neurolect.collector.device.moments import DeviceMoments, DeviceSample
from neurolect.collector.device.spilled import SpilledTopLists
from neurolect.collector.lists.entry_keys import MAX_SENTENCE_ID, ids_of
from neurolect.collector.lists.moments import Moments, choose_bins
from neurolect.collector.lists.sample import SampleActivations
from neurolect.collector.lists.top_lists import TopLists
from neurolect.errors import CollectError

CPU = torch.device("cpu")
VALUES = [-2.0, -1.0, -0.0, 0.0, 1e-40, 0.5, 1.0, 3e38, float("inf"), float("nan")]
Stream = tuple[NDArray[np.float32], NDArray[np.int64], list[int]]


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    n_sentences, n_neurons = draw(st.integers(0, 40)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    activations = rng.choice(np.array(VALUES, dtype=np.float32), size=(n_sentences, n_neurons))
    ids = rng.permutation(1000)[:n_sentences].astype(np.int64)
    cuts = sorted(draw(st.lists(st.integers(0, n_sentences), max_size=5)))
    return activations, ids, [0, *cuts, n_sentences]


def on_device(n_neurons: int, *, list_size: int, side: str, spilled: bool = False) -> DeviceTopLists:
    if spilled:
        return SpilledTopLists(n_neurons, list_size, side=side, with_tokens=True, device=CPU, room=3)
    lists = DeviceTopLists(n_neurons, list_size, side=side, with_tokens=True, device=CPU)
    # as little room as it gets, so that buffers fill and are cut
    lists._keys, lists._tokens = lists._keys[:, : 2 * list_size].clone(), lists._tokens[:, : 2 * list_size].clone()
    lists._room = list_size
    return lists


@settings(max_examples=150)
@given(
    stream=streams(),
    list_size=st.integers(1, 9),
    side=st.sampled_from(["top", "bottom"]),
    merged=st.booleans(),
    spilled=st.booleans(),
)
def test_lists_are_those_of_the_host(
    stream: Stream, list_size: int, side: str, merged: bool, spilled: bool
) -> None:
    activations, ids, cuts = stream
    tokens = np.broadcast_to((ids % 500).astype(np.int16)[:, None], activations.shape).copy()
    host = TopLists(activations.shape[1], list_size, side=side, with_tokens=True)
    device = on_device(activations.shape[1], list_size=list_size, side=side, spilled=spilled)
    for start, stop in pairwise(cuts):
        rows = slice(start, stop)
        host.update(activations[rows], sentence_ids=ids[rows], tokens=tokens[rows])
        part = on_device(activations.shape[1], list_size=list_size, side=side) if merged else device
        values, own = torch.from_numpy(activations[rows]), torch.from_numpy(tokens[rows])
        part.update(values, sentence_ids=ids[rows], tokens=own)
        if merged:
            device.merge(part)
    arrays = device.to_arrays()
    kind = SpilledTopLists if spilled else DeviceTopLists
    again = kind.from_arrays(arrays, list_size=list_size, side=side, with_tokens=True, device=CPU)
    back = TopLists.from_arrays(arrays, list_size=list_size, side=side, with_tokens=True)
    expected = host.sorted()
    assert np.array_equal(device.sentence_ids(), np.unique(expected.sentence_ids[expected.sentence_ids >= 0]))
    assert np.array_equal(host.sentence_ids(), device.sentence_ids())
    for other in (device, again, back):
        for ours, theirs in zip(other.sorted(), expected, strict=True):
            assert ours is not None
            assert theirs is not None
            assert np.array_equal(ours, theirs, equal_nan=ours.dtype == np.float32)
    assert np.array_equal(host.thresholds, device.thresholds)
    look: dict[str, Any] = {
        "sampled": ids[::2],
        "neurons": np.arange(0, activations.shape[1], 2),
        "width": list_size,
    }
    seen, of_host = (each.watch(ids[:7], **look)() for each in (device, host))
    for name in ("n_among", "fill", "thresholds"):
        assert np.array_equal(getattr(seen, name), getattr(of_host, name)), name
    for row in zip(seen.keys, seen.n_keys, of_host.keys, of_host.n_keys, strict=True):
        one, other_ = (np.sort(keys[:n][np.isin(ids_of(keys[:n]), ids[::2])]) for keys, n in (row[:2], row[2:]))
        assert np.array_equal(one, other_)


def test_buffers_are_moved_to_the_host_in_the_stream_of_the_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread's own stream would not wait for what this one's has yet to write; on a GPU see test_kernels."""
    inside, moved = threading.local(), []

    @contextmanager
    def here() -> Iterator[None]:
        inside.now = True
        yield
        inside.now = False

    def move(self: SpilledTopLists, neurons: torch.Tensor) -> None:
        moved.append((getattr(inside, "now", False), threading.get_ident()))

    monkeypatch.setattr(spilled_lists, "in_stream_of_here", lambda device: here)
    monkeypatch.setattr(spilled_lists, "_BLOCK", 2)
    monkeypatch.setattr(SpilledTopLists, "_move", move)
    lists = SpilledTopLists(4, 3, device=CPU)
    lists.update(torch.ones(2, 4), sentence_ids=np.arange(2))
    lists.sentence_ids()
    assert [in_stream for in_stream, _ in moved] == [True, True]
    assert threading.get_ident() not in [thread for _, thread in moved]


def test_lists_of_the_host_go_on_on_a_device_and_refuse_what_does_not_fit() -> None:
    rng = np.random.default_rng(0)
    activations, ids = rng.standard_normal((500, 3)).astype(np.float32), np.arange(500)
    first, second, whole = TopLists(3, 20), TopLists(3, 20), TopLists(3, 20)
    first.update(activations[:200], sentence_ids=ids[:200])
    second.update(activations[200:], sentence_ids=ids[200:])
    whole.update(activations, sentence_ids=ids)
    device = DeviceTopLists.from_arrays(first.to_arrays(), list_size=20, side="top", device=CPU)
    device.merge(second)
    assert np.array_equal(device.sorted(1, 3).sentence_ids, whole.sorted(1, 3).sentence_ids)
    with pytest.raises(CollectError, match="cannot be merged"):
        device.merge(TopLists(3, 20, side="bottom"))
    with pytest.raises(CollectError, match="cannot be listed"):
        device.update(torch.zeros(1, 3), sentence_ids=np.array([MAX_SENTENCE_ID + 1]))
    with pytest.raises(CollectError, match="the batch has none"):
        on_device(3, list_size=2, side="top").update(torch.zeros(1, 3), sentence_ids=np.array([1]))


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(0, 120), std=st.floats(0.01, 20))
def test_moments_are_those_of_the_host(seed: int, cut: int, std: float) -> None:
    rng = np.random.default_rng(seed)
    activations = rng.normal(3, std, size=(120, 5)).astype(np.float32)
    activations[rng.random(activations.shape) < 0.02] = np.nan
    pilot = rng.normal(3, std, size=(30, 5)).astype(np.float32)
    empty = Moments(pilot.mean(axis=0, dtype=np.float64), bins=choose_bins(pilot, n_bins=16))
    first, second = DeviceMoments(empty, device=CPU), DeviceMoments(empty, device=CPU)
    first.update(torch.from_numpy(activations[:cut]))
    first = DeviceMoments.from_arrays(first.to_arrays(), device=CPU)
    second.update(torch.from_numpy(activations[cut:]))
    first.merge(second)
    empty.update(activations)
    ours, theirs = first.to_arrays(), empty.to_arrays()
    for name in ("n", "extremes", "histograms", "shift", "low", "width"):
        assert np.array_equal(ours[name], theirs[name]), name
    got, expected = (each["powers"].astype(np.float64) for each in (ours, theirs))
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * std)
    assert np.array_equal(first.to_host().table().n, empty.table().n)


def test_the_sample_is_that_of_the_host() -> None:
    rng = np.random.default_rng(0)
    activations, ids = rng.standard_normal((50, 4)).astype(np.float32), rng.permutation(50)
    host = SampleActivations(np.array([7, 3, 49, 1000]), 4)
    device, other = DeviceSample(host, device=CPU), DeviceSample(host, device=CPU)
    device.update(torch.from_numpy(activations[:30]), sentence_ids=ids[:30])
    other.update(torch.from_numpy(activations[30:]), sentence_ids=ids[30:])
    device.merge(other)
    host.update(activations, sentence_ids=ids)
    again = DeviceSample.from_arrays(device.to_arrays(), device=CPU)
    assert np.array_equal(again.to_host().activations, host.activations, equal_nan=True)
    assert np.isnan(host.activations[3]).all()
    assert np.isfinite(host.activations[:3]).all()
