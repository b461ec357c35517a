"""How long does it take to compile and score the signatures of a whole model, and how does that compare?

    python benchmarks/bench_fidelity.py RUN [--neurons 200] [--lists 24] [--whole 9216] [--workers 1]

RUN is a described run with held-out sentences. Its own sentences, lists and signatures are read whole; as many
neurons as asked for, spread over all, are compiled and scored, and the time a list is multiplied out to the whole
model. What a list costs rests on the sentences and evidence that a signature is fitted on (``fidelity.fit_list``,
``fit_background``, ``n_evidence``) and on the held-out sentences, not on how long the list is. Then, list by list
in turn, the same weights are fitted by scikit-learn's ``LogisticRegression`` on the same features: time and
held-out AUROC of both.
"""

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect import open_run
from neurolect.fidelity.compile_kernels import compile_kernels
from neurolect.fidelity.evaluate import HeldOut, derangement, evaluate
from neurolect.fidelity.fit import fit
from neurolect.fidelity.inputs import (
    Features,
    SenseVectors,
    groups_of,
    no_senses,
    read_features,
    read_mining,
    senses_of_mining,
    sentence_features,
    sides_of,
    top_share_of,
    vectors_for,
)
from neurolect.fidelity.options import FidelityOptions
from neurolect.signatures.annotation.annotate import annotate, annotation_cache
from neurolect.signatures.annotation.coding import code_sentences
from neurolect.signatures.evidence.collected import Annotated, described_with
from neurolect.signatures.evidence.features import SentenceFeatures
from neurolect.signatures.evidence.registry import kind_names
from neurolect.signatures.evidence.senses import has_senses
from neurolect.statistics.metric_kernels import curve_areas
from neurolect.store import Run

TARGET = 600.0
"""Seconds that senses and fidelity of 9,216 neurons may take together on two cores."""
SEED = 0


class Part(NamedTuple):
    """Sentences and what they have."""

    features: SentenceFeatures
    vectors: NDArray[np.float32]


class Bench(NamedTuple):
    """Everything both ways need."""

    run: Run
    options: FidelityOptions
    features: Features
    lists: NDArray[np.int32]
    background: NDArray[np.int32]
    mining: Part
    held_out: Part
    senses: SenseVectors


def timed(name: str, made: Callable[[], object]) -> float:
    """Do something and say how long it took."""
    wall, processor = time.perf_counter(), time.process_time()
    made()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{name}: {wall:.2f} s ({processor:.2f} s of processor time)", flush=True)
    return processor


def read(run: Run, options: FidelityOptions) -> Bench:
    """Read the run as the stage does."""
    features = read_features(run, sides=sides_of(run), n_evidence=options.n_evidence)
    mining = read_mining(run, options=options)
    coded = mining.sentences.coded
    found = sentence_features(features, mining.sentences)
    senses, middle = no_senses(coded.n_sentences, n_lists=len(mining.lists.rows)), np.empty(0, np.float32)
    if has_senses(run):
        senses, middle = senses_of_mining(run, coded, mining.lists, options=options)
    sentences = run.table("held_out/sentences")
    tagger = run.manifest["stages"]["describe"].get("tagger", "none")
    tagger = None if tagger == "none" else tagger
    parse = tagger is not None and run.manifest["options"]["describe"].get("trees") == "dependencies"
    cache = annotation_cache(run.manifest["corpus"].get("path"), tagger=tagger, parse=parse)
    annotations = annotate(sentences.column("text").to_pylist(), tagger=tagger, parse=parse, cache=cache)
    coded = code_sentences(annotations)
    others = sentence_features(features, Annotated(run, described_with(run), sentences, annotations, coded))
    vectors = vectors_for(run, coded, middle=middle) if has_senses(run) else senses.vectors[: coded.n_sentences]
    own = Part(found, senses.vectors), Part(others, vectors)
    return Bench(run, options, features, mining.lists.rows, mining.background, *own, senses)


def some(bench: Bench, neurons: NDArray[np.int64]) -> Bench:
    """Take some neurons' lists."""
    n_sides = len(sides_of(bench.run))
    lists = (neurons[:, None] * n_sides + np.arange(n_sides)).ravel()

    def take(
        values: NDArray[np.generic], starts: NDArray[np.int64]
    ) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
        parts = [values[starts[each] : starts[each + 1]] for each in lists]
        return np.concatenate(parts), np.concatenate([[0], np.cumsum([len(part) for part in parts])])

    codes, offsets = take(bench.features.codes, bench.features.offsets)
    centroids, starts = take(bench.senses.centroids, bench.senses.starts)
    senses = SenseVectors(bench.senses.vectors, centroids, starts)
    features = bench.features._replace(codes=codes, offsets=offsets)
    return bench._replace(features=features, lists=bench.lists[lists], senses=senses)


def compile_and_score(bench: Bench, neurons: NDArray[np.int64], *, workers: int) -> float:
    """Time both steps; give the seconds of processor time a list."""
    run, options = bench.run, bench.options
    sides, made = sides_of(run), {}

    def compiled() -> None:
        made["weights"] = fit(
            bench.features,
            bench.mining.features,
            lists=bench.lists,
            background=bench.background,
            options=options,
            senses=bench.senses,
            workers=workers,
        )

    def scored() -> None:
        documents = run.table("held_out/sentences").column("document_id").to_numpy()
        turned = bench.held_out.features.by_feature(len(bench.features.labels))
        activations = np.ascontiguousarray(run.array("held_out/activations")[neurons])
        held_out = HeldOut(turned, documents, activations, bench.senses._replace(vectors=bench.held_out.vectors))
        of_neurons = groups_of(run, n_sides=len(sides)).reshape(-1, len(sides))[neurons]
        groups = of_neurons.ravel()
        made["scores"] = evaluate(
            bench.features,
            made["weights"],
            held_out,
            sides=sides,
            groups=groups,
            other=derangement(groups, seed=SEED),
            top_share=top_share_of(run, options=options),
            options=options,
            workers=workers,
        )

    n_lists = len(bench.lists)
    spent = timed(f"compile {n_lists} lists", compiled) + timed(f"score {n_lists} lists", scored)
    print(f"median AUROC of all evidence: {np.nanmedian(made['scores'].auroc[:, 0]):.3f}")
    return spent / n_lists


def matrix(
    part: Part, rows: NDArray[np.integer], codes: NDArray[np.int32], centroids: NDArray[np.float32]
) -> object:
    """Give some sentences' own features of a list as scipy's sparse matrix, as scikit-learn takes it."""
    from scipy import sparse

    whole = sparse.csr_matrix(
        (part.features.values, part.features.codes, part.features.offsets),
        shape=(len(part.features.offsets) - 1, int(max(codes.max(), part.features.codes.max(initial=0))) + 1),
    )
    own = whole[rows][:, codes[: len(codes) - len(centroids)]]
    return sparse.hstack([own, part.vectors[rows] @ centroids.T]).tocsr() if len(centroids) else own


def compare_with_sklearn(bench: Bench, neurons: NDArray[np.int64], n_lists: int) -> None:
    """Fit list by list both ways, in turn."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    activations, n_sides = bench.run.array("held_out/activations")[neurons], len(sides_of(bench.run))
    top = top_share_of(bench.run, options=bench.options)
    ratios, areas = [], []
    chosen = np.linspace(0, len(bench.lists) - 1, n_lists).astype(int)
    for each in chosen.tolist():
        one = some_list(bench, each)
        start = time.process_time()
        weights = fit(
            one.features,
            one.mining.features,
            lists=one.lists,
            background=one.background,
            options=one.options,
            senses=one.senses,
        )
        ours = time.process_time() - start
        own = one.lists[0][one.lists[0] >= 0]
        others = one.background[: one.options.fit_background]
        rows = np.concatenate([own, others[~np.isin(others, own)]])
        data = matrix(one.mining, rows, one.features.codes, one.senses.centroids)
        target = np.arange(len(rows)) < len(own)
        start = time.process_time()
        scaler = StandardScaler(with_mean=False)
        model = LogisticRegression(class_weight="balanced", max_iter=1_000).fit(scaler.fit_transform(data), target)
        theirs = time.process_time() - start
        values = activations[each // n_sides] * (1 if sides_of(bench.run)[each % n_sides] == "top" else -1)
        positive = np.zeros(len(values), np.bool_)
        positive[np.argsort(-values, kind="stable")[: round(top * len(values))]] = True
        held = matrix(one.held_out, np.arange(len(values)), one.features.codes, one.senses.centroids)
        scores = [held @ weights.together, model.decision_function(scaler.transform(held))]
        made = [np.asarray(score, np.float32) for score in scores]
        areas.append([curve_areas(score, np.argsort(score, kind="stable"), positive)[0] for score in made])
        ratios.append((theirs / ours, ours, theirs))
    ratio, ours_s, theirs_s = np.array(ratios).T
    low, high = np.percentile(ratio, [10, 90])
    print(f"{n_lists} lists, all evidence: {1e3 * np.median(ours_s):.1f} ms a list here, of each kind alone too")
    print(f"  LogisticRegression, all evidence only, its matrix made before: {1e3 * np.median(theirs_s):.1f} ms")
    print(f"  {np.median(ratio):.1f} times as long (10 to 90 %: {low:.1f} to {high:.1f})")
    print("  held-out AUROC, median: {:.3f} here, {:.3f} there".format(*np.median(areas, axis=0)))


def some_list(bench: Bench, each: int) -> Bench:
    """Take one list."""
    codes = bench.features.codes[bench.features.offsets[each] : bench.features.offsets[each + 1]]
    centroids = bench.senses.centroids[bench.senses.starts[each] : bench.senses.starts[each + 1]]
    features = bench.features._replace(codes=codes, offsets=np.array([0, len(codes)]))
    senses = SenseVectors(bench.senses.vectors, centroids, np.array([0, len(centroids)]))
    return bench._replace(features=features, lists=bench.lists[each : each + 1], senses=senses)


def main() -> None:
    """Read, compile, score, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--neurons", type=int, default=200)
    parser.add_argument("--lists", type=int, default=24)
    parser.add_argument("--whole", type=int, default=9216)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    run, options = open_run(given.run), FidelityOptions()
    compile_kernels()
    made: list[Bench] = []
    once = timed("read, features of all sentences", lambda: made.append(read(run, options)))
    neurons = np.linspace(0, run.n_neurons - 1, min(given.neurons, run.n_neurons)).astype(np.int64)
    bench = some(made[0], neurons)
    kinds = np.bincount(bench.features.kinds[bench.features.codes], minlength=len(kind_names())) / len(bench.lists)
    print("features a list:", ", ".join(f"{name} {n:.1f}" for name, n in zip(kind_names(), kinds, strict=True)))
    a_list = compile_and_score(bench, neurons, workers=given.workers)
    compare_with_sklearn(bench, neurons, given.lists)
    whole = once + a_list * given.whole * len(sides_of(run))
    print(f"{1e3 * a_list:.1f} ms of processor time a list: {whole:.0f} s for {given.whole:,} neurons, both sides,")
    print(f"{whole / 2:.0f} s on two cores; senses and fidelity together may take {TARGET:.0f} s (bench_senses.py)")
    print(f"greatest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
