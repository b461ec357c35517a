"""How fast are probes and rankings, against scikit-learn's saga and NeuroX's loop on the same rows?

    python benchmarks/bench_probing.py probes ACTS.npy LABELS.json --field tags --classes 40 [--columns 0:2688]
    python benchmarks/bench_probing.py large ACTS.npy LABELS.json --field tags --classes 40 --columns 1920:11904
    python benchmarks/bench_probing.py rankings ACTS.npy LABELS.json --field tags --classes 40 --columns 2688:11904
    python benchmarks/bench_probing.py gaussian ACTS.npy LABELS.json --rows 25000 --columns 1920:11904

ACTS.npy: a row a token, float16; LABELS.json: by field, a list of a label a row. CPU seconds of one process.
"""

import argparse
import json
import resource
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.probing import LinearOptions, choose_greedily, detect, fit_linear
from neurolect.probing.class_moments import class_moments
from neurolect.probing.probes.design import Design
from neurolect.probing.probes.losses import Softmax
from neurolect.probing.probes.objective import Objective, Point
from neurolect.probing.probes.owl_qn import owl_qn
from neurolect.probing.rankings.means import (
    mean_difference,
    mean_select,
    probeless,
    standardised_difference,
)
from neurolect.probing.rows import ArrayRows

GAPS = (0.05, 0.01, 0.003, 0.001)


class Given(NamedTuple):
    """What is fitted on."""

    acts: NDArray[Any]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: slice


def read(chosen: argparse.Namespace) -> Given:
    """Read the rows of the most frequent classes."""
    acts = np.load(chosen.acts, mmap_mode="r")
    _, codes = np.unique(json.loads(chosen.labels.read_text())[chosen.field], return_inverse=True)
    frequent = np.sort(np.argsort(-np.bincount(codes), kind="stable")[: chosen.classes])
    rows = np.flatnonzero(np.isin(codes, frequent))[: chosen.rows]
    labels = np.where(np.isin(codes, frequent), np.searchsorted(frequent, codes), -1)
    first, last = (int(each) for each in chosen.columns.split(":"))
    print(
        f"{len(rows):,} rows, {last - first:,} neurons, {len(frequent)} classes, {torch.get_num_threads()} threads"
    )
    return Given(acts, labels, rows, slice(first, last))


def fista(
    objective: Objective, start: Point, *, after_step: Callable[[Point], bool], max_steps: int = 2000
) -> None:
    """Accelerated proximal gradient steps with backtracking and restart: the other solver that was tried."""
    point, ahead, momentum, rate = start, start, 1.0, 1.0
    for _ in range(max_steps):
        slope = objective.slope(ahead)
        while True:
            moved = ahead.weights_KN - rate * slope.of_smooth_KN
            moved = moved.sign() * (moved.abs() - rate * objective.l1_N).clamp_(min=0)
            new = objective.at(moved, biases=ahead.loss.biases)
            away = moved - ahead.weights_KN
            linear = float((away * slope.of_smooth_KN).sum()) + float((away * away).sum()) / (2 * rate)
            if new.smooth <= ahead.smooth + linear + 1e-7:
                break
            rate /= 2
        if after_step(new):
            return
        following = (1 + (1 + 4 * momentum * momentum) ** 0.5) / 2
        if float(((ahead.weights_KN - new.weights_KN) * (new.weights_KN - point.weights_KN)).sum()) > 0:
            following, momentum = 1.0, 1.0
        share = (momentum - 1) / following
        between = [one + share * (one - other) for one, other in zip(new[:2], point[:2], strict=True)]
        ahead = objective.at(between[0], biases=new.loss.biases, scores_TK=between[1])
        point, momentum, rate = new, following, rate * 1.1


class Curve:
    """CPU seconds at which an objective was first below each value."""

    def __init__(self, name: str, best: float) -> None:
        self.name, self.best, self.spent, self.begun = name, best, 0.0, time.process_time()
        self.points: list[tuple[float, float]] = []

    def add(self, value: float) -> None:
        self.points.append((time.process_time() - self.begun - self.spent, value))

    def paused(self, seconds: float) -> None:
        self.spent += seconds

    def until(self, value: float) -> float | None:
        return next((seconds for seconds, found in self.points if found <= value), None)

    def row(self) -> str:
        found = [self.until(self.best * (1 + gap)) for gap in GAPS]
        cells = " | ".join("-" if each is None else f"{each:.1f}" for each in found)
        seconds, value = self.points[-1]
        return f"| {self.name} | {cells} | {seconds:.1f} | {value:.5f} | {100 * (value / self.best - 1):.2f} % |"


def probes(chosen: argparse.Namespace, given: Given) -> None:
    """Compare solvers on z-scored float32 rows in memory."""
    x = given.acts[given.rows][:, given.columns].astype(np.float32)
    x -= x.mean(axis=0)
    x /= np.maximum(x.std(axis=0), 1e-6)
    y, n_classes = given.labels[given.rows], int(given.labels[given.rows].max()) + 1
    begun = time.process_time()
    design = Design(
        ArrayRows(x), np.arange(len(x)), columns=None, device="cpu", dtype=torch.float32, memory=1 << 40
    )
    loading = time.process_time() - begun
    loss = Softmax(torch.from_numpy(y), n_classes=n_classes)
    objective = Objective(design, loss, l1=chosen.l1, l2=chosen.l2, scaled=True)
    start = objective.at(torch.zeros((loss.n_outputs, x.shape[1])), biases=loss.start())
    best = owl_qn(objective, start, gap=1e-5, gradient=1e-9, max_steps=1500).point.value
    print(
        f"l1 {chosen.l1} l2 {chosen.l2}, best objective {best:.6f}; loading {loading:.1f} s is counted for ours\n"
    )
    print(
        "| solver | "
        + " | ".join(f"s to {100 * gap:g} %" for gap in GAPS)
        + " | s in all | objective | above the best |"
    )
    print("|---|" + "---|" * (len(GAPS) + 3))
    ours = Curve("OWL-QN, to a duality gap of 0.1 %", best)
    ours.paused(-loading)
    certified: dict[float, float] = {}

    def after(number: int, point: Point, bound: float) -> None:
        ours.add(point.value)
        for gap in GAPS:
            if point.value - bound <= gap * point.value:
                certified.setdefault(gap, ours.points[-1][0])

    owl_qn(objective, start, gap=1e-3, gradient=1e-9, max_steps=1000, after_step=after)
    print(ours.row())
    print(
        "| ... with the duality gap as proof | " + " | ".join(f"{certified[gap]:.1f}" for gap in GAPS) + " | | | |"
    )
    other = Curve("FISTA with restart", best)
    other.paused(-loading)

    def near(point: Point) -> bool:
        other.add(point.value)
        return point.value <= best * 1.0008 or other.points[-1][0] > chosen.patience

    fista(objective, start, after_step=near)
    print(other.row())
    for curve in (as_neurox(chosen, x, y, objective, best), saga(chosen, x, y, objective, best)):
        print(curve.row(), flush=True)
        own, needed = curve.points[-1], ours.until(curve.points[-1][1])
        print(f"  to where it ends ({own[1]:.4f}): ours {needed:.2f} s, {own[0] / (needed or 1):.1f} times faster")


def value_of(objective: Objective, weights: NDArray[Any]) -> float:
    """Evaluate weights of another solver at their best biases."""
    found = torch.from_numpy(np.ascontiguousarray(weights, np.float32))
    return objective.at(found, biases=objective.loss.start()).value  # type: ignore[attr-defined]


def as_neurox(
    chosen: argparse.Namespace, x: NDArray[np.float32], y: NDArray[np.int64], objective: Objective, best: float
) -> Curve:
    """Adam over batches of 32 in ten epochs, penalties in every batch; the squared norm, as ours."""
    curve = Curve("Adam, NeuroX's way, 10 epochs", best)
    rows, targets = torch.from_numpy(x), torch.from_numpy(y)
    drawn = torch.Generator().manual_seed(0)
    layer = torch.nn.Linear(x.shape[1], int(y.max()) + 1)
    optimiser = torch.optim.Adam(layer.parameters(), lr=1e-3)
    for _ in range(10):
        order = torch.randperm(len(rows), generator=drawn)
        for batch in (order[at : at + 32] for at in range(0, len(rows), 32)):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(layer(rows[batch]), targets[batch])
            loss = loss + chosen.l1 * layer.weight.abs().sum() + chosen.l2 * layer.weight.square().sum()
            loss.backward()
            optimiser.step()
        paused = time.process_time()
        value = value_of(objective, layer.weight.detach().numpy())
        curve.paused(time.process_time() - paused)
        curve.add(value)
    return curve


def saga(
    chosen: argparse.Namespace, x: NDArray[np.float32], y: NDArray[np.int64], objective: Objective, best: float
) -> Curve:
    """scikit-learn's only solver of the elastic net for several classes: a fit from the start for each limit."""
    from sklearn.linear_model import LogisticRegression

    curve = Curve("scikit-learn saga", best)
    total = chosen.l1 + 2 * chosen.l2
    for epochs in chosen.epochs:
        begun = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(
                solver="saga", C=1 / (len(x) * total), l1_ratio=chosen.l1 / total, max_iter=epochs, tol=1e-9
            ).fit(x, y)
        curve.points.append((time.process_time() - begun, value_of(objective, model.coef_)))
    return curve


def timed(name: str, work: Callable[[], Any]) -> Any:
    """Run it, and print its seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    spent = f"{time.process_time() - cpu:.1f} CPU s, {time.perf_counter() - wall:.1f} s"
    print(f"| {name} | {spent} | {peak:.2f} GiB at most, mapped files included |", flush=True)
    return found


def rankings(chosen: argparse.Namespace, given: Given) -> None:
    """Means (Probeless and the three differences), then average precision and overlaps, of all classes."""
    rows = ArrayRows(given.acts[:, given.columns])
    classes = [str(each) for each in range(chosen.classes)]
    small = given.rows[:2000]
    detect(ArrayRows(rows.array[:, :8]), given.labels, chosen=small, classes=classes)  # compiles
    class_moments(ArrayRows(rows.array[:, :8]), given.labels, small, n_classes=chosen.classes)
    moments = timed(
        "moments by class", lambda: class_moments(rows, given.labels, given.rows, n_classes=chosen.classes)
    )
    methods = (probeless, mean_difference, standardised_difference, mean_select)
    timed("Probeless and three differences of means", lambda: [each(moments) for each in methods])
    timed(
        "average precision, overlap at four thresholds, both sides, quantiles",
        lambda: detect(rows, given.labels, chosen=given.rows, classes=classes, workers=chosen.threads),
    )


def gaussian(chosen: argparse.Namespace, given: Given) -> None:
    """Choose 50 neurons greedily: the last fifth of the rows are the validation units."""
    rows, cut = ArrayRows(given.acts[:, given.columns]), len(given.rows) * 4 // 5
    classes = [str(each) for each in range(chosen.classes)]
    found = timed(
        "Gaussian greedy, 50 picks",
        lambda: choose_greedily(rows, given.labels, train=given.rows[:cut], dev=given.rows[cut:], classes=classes),
    )
    print([each.neuron for each in found.steps[:10]], found.steps[-1])


def large(chosen: argparse.Namespace, given: Given) -> None:
    """Fit raw float16 rows, on a CPU read from their file in every pass, to gaps of 1 % and 0.1 %."""
    for gap in (0.01, 0.001):
        wall, cpu = time.perf_counter(), time.process_time()
        memory = 1 << 28 if chosen.device == "cpu" else 1 << 40
        options = LinearOptions(l1=chosen.l1, l2=chosen.l2, gap=gap, memory=memory, standardise="zscore")
        probe = fit_linear(
            given.acts,
            given.labels,
            chosen=given.rows,
            columns=given.columns,
            options=options,
            device=chosen.device,
        )
        spent = f"{time.process_time() - cpu:.0f} CPU s, {time.perf_counter() - wall:.0f} s"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"gap {gap:g}: {spent}, {probe.fit}, peak {peak:.1f} GiB with the page cache's part", flush=True)


def main() -> None:
    """Measure one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("probes", "large", "rankings", "gaussian"))
    parser.add_argument("acts", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--field", default="tags_universal")
    parser.add_argument("--classes", type=int, default=12)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--columns", default="0:2688")
    parser.add_argument("--l1", type=float, default=1e-3)
    parser.add_argument("--l2", type=float, default=1e-3)
    parser.add_argument("--patience", type=float, default=180.0, help="CPU seconds that another solver may take")
    parser.add_argument("--epochs", type=int, nargs="+", default=[3, 10, 30], help="of saga")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="of large; on a GPU the rows are held there")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    work = {"probes": probes, "large": large, "rankings": rankings, "gaussian": gaussian}
    work[chosen.what](chosen, read(chosen))


if __name__ == "__main__":
    main()
