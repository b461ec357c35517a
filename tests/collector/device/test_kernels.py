"""On a GPU: kernels of lists, firing tokens and pooling next to the plain ones on the CPU."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neurolect.collector.device.lists import DeviceTopLists
from neurolect.collector.device.peaks import Peaks, watch_for
from neurolect.collector.device.spilled import SpilledTopLists
from neurolect.collector.device.transfers import OnItsWay
from neurolect.collector.lists.entry_keys import ids_of
from neurolect.collector.lists.top_lists import TopLists
from neurolect.model.pooling.packed import Segments, pool_segments_plain
from neurolect.model.pooling.receive import Seen

if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)

from neurolect.model.pooling import kernels

pytestmark = pytest.mark.gpu
WIDTH, N_BEFORE = 300, 5


def batch_of(random: np.random.Generator, *, ties: bool) -> tuple[torch.Tensor, torch.Tensor, Segments]:
    """States, gates and segments of some sentences, the first token of which is not pooled."""
    lengths = random.integers(1, 40, random.integers(600, 1200))
    ends = torch.tensor(np.cumsum([0, *lengths]), dtype=torch.int32)
    states = random.standard_normal((int(ends[-1]), WIDTH)).astype(np.float32)
    if ties:
        np.round(states * 4, out=states)
    first = torch.tensor(np.minimum(1, lengths - 1), dtype=torch.int32)
    gates = torch.from_numpy(random.standard_normal(states.shape).astype(np.float32))
    return torch.from_numpy(states), gates, Segments(ends[:-1], ends[:-1] + first, ends[1:])


def plainly(
    states: torch.Tensor, gates: torch.Tensor, segments: Segments, sign: int
) -> tuple[torch.Tensor, torch.Tensor]:
    values = torch.empty((len(segments.start), WIDTH))
    tokens = torch.empty(values.shape, dtype=torch.int16)
    pool_segments_plain(sign * states, segments=segments, pooling="max", out=values, tokens=tokens)
    negative = gates.gather(0, segments.origin.long()[:, None] + tokens.long()) < 0
    return sign * values, torch.where(negative, ~tokens, tokens)


def on_gpu(
    states: torch.Tensor,
    gates: torch.Tensor,
    segments: Segments,
    *,
    reach: tuple[torch.Tensor, torch.Tensor] | None,
) -> Seen:
    values, lows = (torch.empty((len(segments.start), WIDTH), device="cuda") for _ in range(2))
    tokens, low_tokens = (torch.empty(values.shape, device="cuda", dtype=torch.int16) for _ in range(2))
    there = Segments(*(each.cuda() for each in segments))
    states, low = states.cuda(), {"lows": lows, "low_tokens": low_tokens}
    kernels.pool_max(states, *there, out=values, tokens=tokens, gate=gates.cuda(), reach=reach, **low)
    return Seen(slice(N_BEFORE, N_BEFORE + WIDTH), states, there, values, tokens, lows, low_tokens)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_maxima_gates_and_firing_tokens_are_those_of_the_plain_way(dtype: torch.dtype) -> None:
    random = np.random.default_rng(3)
    kept = {
        (side, device): Peaks(N_BEFORE + WIDTH, 10, side=side, device=torch.device(device))
        for side in ("top", "bottom")
        for device in ("cpu", "cuda")
    }
    for number in range(4):
        states, gates, segments = batch_of(random, ties=number % 2 > 0)
        states, gates = states.to(dtype), gates.to(dtype)
        if number == 3:
            states[5, 3] = torch.inf
        (values, tokens), (lows, low_tokens) = (plainly(states, gates, segments, sign) for sign in (1, -1))
        there = on_gpu(states, gates, segments, reach=None)
        here = Seen(there.columns, states, segments, values, tokens, lows, low_tokens)
        for own, found in zip(here[3:], there[3:], strict=True):
            assert isinstance(own, torch.Tensor)
            assert isinstance(found, torch.Tensor)
            assert torch.equal(own, found.cpu())
        ids = random.permutation(2000)[: len(values)].astype(np.int64) + 2000 * number
        for device, seen in (("cpu", here), ("cuda", there)):
            whole = {side: each for (side, at), each in kept.items() if at == device}
            parts = {
                side: Peaks(N_BEFORE + WIDTH, 10, side=side, device=each.device, floor=each)
                for side, each in whole.items()
            }
            watch = watch_for(parts, ids, device=torch.device(device), careful=number == 3)
            assert watch is not None
            watch(seen)
            for side, each in whole.items():
                each.merge(parts[side])
        for side in ("top", "bottom"):
            for x, y in zip(kept[side, "cpu"].sorted(), kept[side, "cuda"].sorted(), strict=True):
                np.testing.assert_array_equal(x, y)


def test_gates_are_asked_for_where_a_value_may_be_listed() -> None:
    states, gates, segments = batch_of(np.random.default_rng(4), ties=False)
    every = on_gpu(states, gates, segments, reach=None)
    high, low = torch.full((WIDTH,), 2.0, device="cuda"), torch.full((WIDTH,), 2.2, device="cuda")
    some = on_gpu(states, gates, segments, reach=(high, low))
    for (values, tokens, marked), least in (
        ((every.values, every.tokens, some.tokens), 2.0),
        ((-every.lows, every.low_tokens, some.low_tokens), 2.2),  # type: ignore[operator]
    ):
        assert tokens is not None
        assert marked is not None
        reached = values >= least
        assert torch.equal(tokens[reached], marked[reached])
        assert bool((tokens[reached] < 0).any())
        assert bool((marked[~reached] >= 0).all())


@pytest.mark.parametrize("side", ["top", "bottom"])
def test_lists_are_those_of_the_host(side: str) -> None:
    random = np.random.default_rng(9)
    host = TopLists(WIDTH, 50, side=side, with_tokens=True)
    there = DeviceTopLists(WIDTH, 50, side=side, with_tokens=True, device=torch.device("cuda"))
    there._room = 64
    for number in range(8):
        n = int(random.integers(60, 700))
        values: NDArray[np.float32] = np.round(random.standard_normal((n, WIDTH)) * 50).astype(np.float32)
        values[0, 0] = -0.0
        tokens = random.integers(-60, 60, (n, WIDTH)).astype(np.int16)
        ids = random.permutation(1000)[:n].astype(np.int64) + 1000 * number
        host.update(values, sentence_ids=ids, tokens=tokens)
        there.update(torch.from_numpy(values).cuda(), sentence_ids=ids, tokens=torch.from_numpy(tokens).cuda())
    for x, y in zip(host.sorted(), there.sorted(), strict=True):
        assert x is not None
        assert y is not None
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("side", ["top", "bottom"])
@pytest.mark.parametrize("step", [1, 3])
def test_what_the_monitor_sees_is_that_of_the_host(side: str, step: int) -> None:
    random = np.random.default_rng(11)
    host, there = (
        TopLists(WIDTH, 1500, side=side),
        DeviceTopLists(WIDTH, 1500, side=side, device=torch.device("cuda")),
    )
    neurons = np.arange(0, WIDTH, step)
    read = np.empty(0, dtype=np.int64)
    for number in range(6):
        n = int(random.integers(900, 1800))
        values: NDArray[np.float32] = np.round(random.standard_normal((n, WIDTH)) * 500).astype(np.float32)
        ids = random.permutation(2000)[:n].astype(np.int64) + 2000 * number
        read = np.concatenate([read, ids])
        host.update(values, sentence_ids=ids)
        there.update(torch.from_numpy(values).cuda(), sentence_ids=ids)
        look: dict[str, Any] = {"sampled": np.sort(read[::7]), "neurons": neurons, "width": 1500}
        seen, of_host = (each.watch(ids, **look)() for each in (there, host))
        for name in ("n_among", "fill", "thresholds"):
            np.testing.assert_array_equal(getattr(seen, name), getattr(of_host, name))
        for keys, n_keys, all_keys, n_all in zip(seen.keys, seen.n_keys, of_host.keys, of_host.n_keys, strict=True):
            some = all_keys[:n_all][np.isin(ids_of(all_keys[:n_all]), read[::7])]
            np.testing.assert_array_equal(np.sort(keys[:n_keys]), np.sort(some))
        narrow = there.watch(ids, **look | {"width": 20})()
        np.testing.assert_array_equal(narrow.n_keys, np.minimum(seen.n_keys, 20))
        for few, n_few, keys in zip(narrow.keys, narrow.n_keys, seen.keys, strict=True):
            assert np.isin(few[:n_few], keys).all()
            assert len(np.unique(few[:n_few])) == n_few
    for x, y in zip(host.sorted()[:2], there.sorted()[:2], strict=True):
        np.testing.assert_array_equal(x, y)


class Late(SpilledTopLists):
    """What follows a look at the buffers is late on the device, by some 10 ms."""

    def look(self, activations: torch.Tensor) -> OnItsWay:
        found = super().look(activations)
        found.array()
        torch.cuda._sleep(20_000_000)  # type: ignore[no-untyped-call]
        return found


@pytest.mark.parametrize("side", ["top", "bottom"])
def test_lists_kept_on_the_host_are_those_of_the_gpu_in_a_stream_aside(side: str) -> None:
    random, cuda = np.random.default_rng(3), torch.device("cuda")
    known: dict[str, Any] = {"side": side, "with_tokens": True, "device": cuda}
    there, host = DeviceTopLists(WIDTH, 50, **known), Late(WIDTH, 50, room=64, **known)
    aside = torch.cuda.Stream(cuda)  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream(cuda))
    with torch.cuda.stream(aside):
        for number in range(8):
            values = torch.from_numpy(random.standard_normal((500, WIDTH)).astype(np.float32))
            tokens = torch.from_numpy(random.integers(-60, 60, (500, WIDTH)).astype(np.int16))
            ids = np.arange(500, dtype=np.int64) + 500 * number
            for each in (there, host):
                each.update(values.cuda(), sentence_ids=ids, tokens=tokens.cuda())
        for x, y in zip(there.sorted(), host.sorted(), strict=True):
            assert x is not None
            assert y is not None
            np.testing.assert_array_equal(x, y)
