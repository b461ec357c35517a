"""Where a pass on one GPU spends its time: which parts, the GPU's idle moments, and how it begins and ends.

``parts`` puts marks around what the host asks for and what the GPU then does; ``traced`` reads PyTorch's profiler.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from pass_clock import PassClock, event

from neurolect.collector import chunk_pass, corpus_pass
from neurolect.collector.convergence.monitor import Convergence
from neurolect.collector.device.lists import DeviceTopLists
from neurolect.collector.device.moments import DeviceMoments, DeviceSample
from neurolect.collector.state import CollectState

_LONG = 2e-4
"""Seconds; gaps that are shorter lie between any two kernels of a network that is run eagerly."""


class Span(NamedTuple):
    """Something the host asked for: when, in ``time.perf_counter``, and marks of the GPU about what it did."""

    name: str
    begun: float
    ended: float
    first: Any
    last: Any


@contextmanager
def parts(spans: list[Span]) -> Iterator[None]:
    """Remember every call of a pass's parts."""
    watched: list[tuple[Any, str]] = [
        (chunk_pass.Launched, "run_by"),
        (corpus_pass, "_take_in"),
        (CollectState, "look"),
        (CollectState, "end_chunk"),
        (DeviceTopLists, "update"),
        (DeviceTopLists, "_cut"),
        (DeviceTopLists, "watch"),
        (DeviceMoments, "update"),
        (DeviceSample, "update"),
        (Convergence, "step"),
        (Convergence, "_finish"),
        (chunk_pass.Aside, "end"),
    ]
    usual = [getattr(owner, name) for owner, name in watched]

    def marked(name: str, call: Any) -> Any:
        def marking(*args: Any, **keywords: Any) -> Any:
            begun, first = time.perf_counter(), event()
            try:
                return call(*args, **keywords)
            finally:
                spans.append(Span(name, begun, time.perf_counter(), first, event()))

        return marking

    for (owner, name), call in zip(watched, usual, strict=True):
        setattr(owner, name, marked(f"{getattr(owner, '__name__', owner).split('.')[-1]}.{name}", call))
    try:
        yield
    finally:
        for (owner, name), call in zip(watched, usual, strict=True):
            setattr(owner, name, call)


def show_parts(spans: list[Span], clock: PassClock, *, n_shown: int = 14) -> None:
    """Print what each part took of host and GPU, and the first and last spans of the pass."""
    own = [each for each in spans if clock.begun - 1e-3 <= each.begun <= clock.through]
    sums: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    rows = []
    for each in own:
        on_gpu = each.first.elapsed_time(each.last) / 1e3
        found = sums[each.name]
        found[0] += 1
        found[1] += each.ended - each.begun
        found[2] += on_gpu
        at = [each.begun - clock.begun, each.ended - clock.begun]
        at += [clock.first.elapsed_time(mark) / 1e3 for mark in (each.first, each.last)]
        rows.append((*at, each.name))
    print("    part: calls, ms of the host, ms between its marks on the GPU", flush=True)
    for name, (n, host, gpu) in sorted(sums.items(), key=lambda each: -each[1][2]):
        print(f"    {name:28} {n:5.0f} {host * 1e3:9.1f} {gpu * 1e3:9.1f}", flush=True)
    rows.sort()
    wanted = [each for each in rows if not each[-1].endswith(("_cut", "look"))]
    print("    host from, to; GPU from, to, in s since the pass began", flush=True)
    for row in [*wanted[: 2 * n_shown], *wanted[-2 * n_shown :]]:
        print("    " + " ".join(f"{each:7.3f}" for each in row[:4]), row[4], flush=True)
    print(f"    the pass ends at {clock.seconds:.3f}", flush=True)


class Kernel(NamedTuple):
    """What the GPU did, in seconds of the profiler's clock."""

    start: float
    end: float
    stream: int
    name: str


@contextmanager
def traced(kernels: list[Kernel]) -> Iterator[None]:
    """Let PyTorch's profiler look at the GPU."""
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        yield
        torch.cuda.synchronize()
    found: Any = profile.profiler
    for each in found.kineto_results.events():
        if each.device_type().name == "CUDA" and each.duration_ns():
            start = each.start_ns() / 1e9
            kernels.append(
                Kernel(start, start + each.duration_ns() / 1e9, each.device_resource_id(), each.name()[:56])
            )
    kernels.sort()


def show_traced(kernels: list[Kernel], *, n_windows: int = 16) -> None:
    """Print how long the GPU is busy and idle from the first kernel to the last, by stream, window and kernel."""
    begun, until = kernels[0].start, kernels[0].start
    end = max(each.end for each in kernels)
    gaps, idle = [], [0.0] * n_windows
    by_stream: dict[int, float] = defaultdict(float)
    by_name: dict[tuple[int, str], list[float]] = defaultdict(lambda: [0, 0.0])
    last = kernels[0]
    for each in kernels:
        if each.start > until:
            gaps.append((each.start - until, until - begun, last.name, each.name))
            window = min(n_windows - 1, int((until - begun) / (end - begun) * n_windows))
            idle[window] += each.start - until
        if each.end > until:
            until, last = each.end, each
        by_stream[each.stream] += each.end - each.start
        found = by_name[each.stream, each.name]
        found[0] += 1
        found[1] += each.end - each.start
    total = sum(each[0] for each in gaps)
    long = sum(each[0] for each in gaps if each[0] > _LONG)
    print(
        f"    {end - begun:.3f} s, idle {total:.3f} s, {long:.3f} of it in gaps over {_LONG * 1e3:g} ms", flush=True
    )
    print("    idle by windows, ms:", [round(each * 1e3) for each in idle], flush=True)
    print("    s by stream:", {each: round(spent, 3) for each, spent in by_stream.items()}, flush=True)
    for gap, at, before, after in sorted(gaps, reverse=True)[:16]:
        print(f"    gap {gap * 1e3:7.2f} ms at {at:7.3f}: {before[:44]} -> {after[:44]}", flush=True)
    pairs: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
    for gap, _, before, after in gaps:
        pairs[before[:44], after[:44]][0] += 1
        pairs[before[:44], after[:44]][1] += gap
    for (before, after), (n, spent) in sorted(pairs.items(), key=lambda each: -each[1][1])[:12]:
        print(f"    gaps {spent * 1e3:7.1f} ms, {n:6.0f} times: {before} -> {after}", flush=True)
    for (stream, name), (n, spent) in sorted(by_name.items(), key=lambda each: -each[1][1])[:36]:
        print(f"    {spent * 1e3:9.1f} ms {n:7.0f} x, stream {stream}: {name}", flush=True)
