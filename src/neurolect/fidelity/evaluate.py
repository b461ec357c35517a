"""Score every signature on sentences it was not made from: how well it predicts what activates its neuron."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.fidelity.fit import Weights
from neurolect.fidelity.fitting_kernels import score_sentences
from neurolect.fidelity.inputs import Features, SenseVectors
from neurolect.fidelity.names import NameScores, PartsHeld, no_scores, score_name
from neurolect.fidelity.options import FidelityOptions
from neurolect.signatures.evidence.features import SentencesOfFeatures
from neurolect.signatures.evidence.registry import kind_names
from neurolect.signatures.evidence.senses import SENSES
from neurolect.statistics.metric_kernels import average_ranks, curve_areas, rank_correlation, resampled_areas

# What a score is compared with: the signature of another neuron, and of the most similar one.
COLUMNS = 1_024
"""Sentences that likeness is measured on at most."""


def derangement(groups: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """Give every member of a group another member, each once.

    ``groups``: int64, shape (n,). Group of each.
    Returns: int64, shape (n,). Nobody gets itself; -1 in a group of one.

    Examples
    --------
    >>> derangement(np.array([0, 0, 1]), seed=0).tolist()
    [1, 0, -1]
    """
    other = np.full(len(groups), -1, dtype=np.int64)
    random = np.random.default_rng(seed)
    for group in np.unique(groups).tolist():
        members = random.permutation(np.flatnonzero(groups == group))
        if len(members) > 1:
            other[members] = np.roll(members, 1)
    return other


def sisters(scores: NDArray[np.float32], groups: NDArray[np.int64]) -> NDArray[np.int32]:
    """Find for every list the one of its group whose signature scores sentences most alike.

    ``scores``: float32, shape (n_lists, n_sentences). What each signature gives each sentence.
    ``groups``: int64, shape (n_lists,). Only lists of one group are compared.
    Returns: int32, shape (n_lists,). -1 where there is none: alone in its group, or the same score for every
        sentence.
    """
    found = np.full(len(scores), -1, dtype=np.int32)
    step = max(1, scores.shape[1] // COLUMNS)
    for group in np.unique(groups).tolist():
        members = np.flatnonzero(groups == group)
        part = scores[members, ::step]
        part = part - part.mean(axis=1, keepdims=True)
        lengths = np.sqrt(np.square(part).sum(axis=1, keepdims=True))
        part = np.divide(part, lengths, out=np.zeros_like(part), where=lengths > 0)
        flat, rows = lengths[:, 0] == 0, max(1, PAIRS_AT_ONCE // len(members))
        for start in range(0, len(members), rows):
            alike = part[start : start + rows] @ part.T
            own = np.arange(len(alike))
            alike[own, start + own] = -2.0
            alike[:, flat] = -2.0
            best = np.argmax(alike, axis=1)
            valid = (alike[own, best] > -2.0) & ~flat[start + own]
            found[members[start + own[valid]]] = members[best[valid]]
    return found


CONSTANT, FEW, LOWEST = "constant", "few positives", "of lowest values"
"""Why a list is not scored: its neuron hardly varies, too few sentences are high, or it is of another number than
is kept of held-out sentences."""
LISTS_AT_ONCE = 64
PAIRS_AT_ONCE = 1 << 26
"""Of lists that are compared with each other: 256 MB, where all pairs of 65,536 lists are 17 GB."""
NUMBERS = ("auroc", "average_precision", "balanced_average_precision", "spearman")


class HeldOut(NamedTuple):
    """Sentences that signatures are scored on."""

    features: SentencesOfFeatures
    """Which of them has which features."""
    document_ids: NDArray[np.int64]
    """Of each sentence."""
    activations: NDArray[np.float32]
    """Shape (n_neurons, n_sentences); NaN where there is none."""
    senses: SenseVectors
    """Vectors of the sentences, and the senses of the lists."""
    still: NDArray[np.bool_]
    """Whether a neuron hardly varies in its run, shape (n_neurons,)."""
    names: PartsHeld | None = None
    """Which of them hold the names of the lists."""
    by_minimum: bool = False
    """Whether bottom lists are of the lowest values of sentences' tokens."""
    latent: NDArray[np.bool_] | None = None
    """Whether a neuron is a latent: sentences where it is 0 are never its own; shape (n_neurons,)."""
    lows: NDArray[np.floating] | None = None
    """Those values, of the shape of the activations; None where they were not kept."""


class Scores(NamedTuple):
    """What every list scored; axis 1 is all evidence together, then each kind alone."""

    auroc: NDArray[np.float32]
    """Shape (n_lists, 1 + n_kinds); NaN where refused."""
    average_precision: NDArray[np.float32]
    """At the natural base rate."""
    balanced_average_precision: NDArray[np.float32]
    """With as many random sentences as top ones."""
    spearman: NDArray[np.float32]
    """Of scores and activations over all sentences."""
    intervals: NDArray[np.float32]
    """Bounds of AUROC and average precision, shape (n_lists, 1 + n_kinds, 2, 2)."""
    n_positives: NDArray[np.int32]
    """Sentences that count as the neuron's, shape (n_lists,)."""
    n_positive_documents: NDArray[np.int32]
    """Documents that they come from."""
    n_sentences: NDArray[np.int32]
    """Sentences scored."""
    refused: list[str | None]
    """Why a list has no scores."""
    auroc_other: NDArray[np.float32]
    """Of another neuron's signature, shape (n_lists,)."""
    auroc_hard: NDArray[np.float32]
    """Against sentences that a sister's signature takes for its own."""
    n_hard: NDArray[np.int32]
    """Such sentences."""
    sister: NDArray[np.int32]
    """The sister's list, -1 for none."""
    names: NameScores
    """What the names alone score."""


class _Work(NamedTuple):
    """What scoring a list needs."""

    features: Features
    weights: Weights
    held_out: HeldOut
    top: float
    counts: NDArray[np.uint8]
    other: NDArray[np.int64]
    options: FidelityOptions
    sides: tuple[str, ...]


def evaluate(
    features: Features,
    weights: Weights,
    held_out: HeldOut,
    *,
    sides: tuple[str, ...],
    groups: NDArray[np.int64],
    other: NDArray[np.int64],
    top_share: float,
    options: FidelityOptions,
    workers: int = 1,
    advance: Callable[[int], None] | None = None,
) -> Scores:
    """Score all signatures.

    ``held_out``: Sentences and activations that weights and signatures know nothing of.
    ``groups``: int64, shape (n_lists,). Lists of one group may be sisters.
    ``other``: int64, shape (n_lists,). The list whose signature stands for another neuron's.
    ``advance``: Called now and then with the number of lists done.
    """
    n_lists = len(features.offsets) - 1
    n = len(held_out.document_ids)
    counts = resample_documents(held_out.document_ids, n_resamples=options.n_bootstrap, seed=options.seed)
    work = _Work(features, weights, held_out, top_share, counts, other, options, sides)
    scores = _empty(n_lists)
    together = np.zeros((n_lists, n), dtype=np.float32)
    starts = range(0, n_lists, LISTS_AT_ONCE)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        blocks = ((work, scores, together, start, min(start + LISTS_AT_ONCE, n_lists)) for start in starts)
        for n_done in pool.map(lambda block: _score_block(*block), blocks):
            if advance is not None:
                advance(n_done)
        scores.sister[:] = sisters(together, groups)
        list(pool.map(lambda start: _controls(work, scores, together, start), starts))
    return scores


def resample_documents(document_ids: NDArray[np.int64], *, n_resamples: int, seed: int) -> NDArray[np.uint8]:
    """Draw documents with replacement (Poisson's way): sentences of one document are no independent witnesses.

    ``document_ids``: int64, shape (n_sentences,). Document of each sentence.
    Returns: uint8, shape (n_sentences, n_resamples). How often each resample draws each sentence.
    """
    _, document = np.unique(document_ids, return_inverse=True)
    n_documents = int(document.max(initial=-1)) + 1
    drawn = np.random.default_rng(seed).poisson(1.0, size=(n_documents, n_resamples))
    return drawn.astype(np.uint8)[document]


def _empty(n_lists: int) -> Scores:
    shape = (n_lists, 1 + len(kind_names()))
    whole = [np.zeros(n_lists, dtype=np.int32) for _ in range(4)]
    real = [np.full(n_lists, np.nan, dtype=np.float32) for _ in range(2)]
    each = [np.full(shape, np.nan, dtype=np.float32) for _ in NUMBERS]
    return Scores(
        auroc=each[0],
        average_precision=each[1],
        balanced_average_precision=each[2],
        spearman=each[3],
        intervals=np.full((*shape, 2, 2), np.nan, dtype=np.float32),
        n_positives=whole[0],
        n_positive_documents=whole[1],
        n_sentences=whole[2],
        refused=[None] * n_lists,
        auroc_other=real[0],
        auroc_hard=real[1],
        n_hard=whole[3],
        sister=np.full(n_lists, -1, dtype=np.int32),
        names=no_scores(n_lists),
    )


class _Target(NamedTuple):
    """What a list's scores are to predict."""

    rows: NDArray[np.int64]
    """Sentences with an activation."""
    positive: NDArray[np.bool_]
    """Which of them are the list's."""
    values: NDArray[np.float32]
    """Their activations, turned round for a bottom list."""
    refused: str | None
    """Why the list is not scored."""


def _target(work: _Work, each: int) -> _Target:
    """Choose the sentences that count as a list's: highest (for the bottom list lowest) activations."""
    n_sides = len(work.sides)
    bottom = work.sides[each % n_sides] == "bottom"
    lows = work.held_out.lows if bottom and work.held_out.by_minimum else None
    values = (work.held_out.activations if lows is None else lows)[each // n_sides].astype(np.float32)
    values = -values if bottom else values
    rows = np.flatnonzero(np.isfinite(values))
    values = values[rows]
    n = round(work.top * len(rows))
    if work.held_out.latent is not None and work.held_out.latent[each // n_sides]:
        n = min(n, int(np.count_nonzero(values > 0)))  # where it is 0 is no evidence
    chosen = np.zeros(len(rows), dtype=np.bool_)
    if bottom and work.held_out.by_minimum and lows is None:
        return _Target(rows, chosen, values, LOWEST)
    if n < 1 or n >= len(rows):
        return _Target(rows, chosen, values, FEW)
    order = np.argsort(-values, kind="stable")
    chosen[order[:n]] = True
    if work.held_out.still[each // n_sides]:
        return _Target(rows, chosen, values, CONSTANT)
    if np.count_nonzero(values >= values[order[n - 1]]) >= 2 * n:
        return _Target(rows, chosen, values, CONSTANT)
    return _Target(rows, chosen, values, FEW if n < work.options.min_positives else None)


def _score_block(work: _Work, scores: Scores, together: NDArray[np.float32], start: int, stop: int) -> int:
    n = len(work.held_out.document_ids)
    made = np.empty((1 + len(kind_names()), n), dtype=np.float32)
    areas = np.empty((2, work.options.n_bootstrap))
    tail = 0.5 * (1.0 - work.options.interval)
    kind_starts = work.features.starts
    for each in range(start, stop):
        own = slice(work.features.offsets[each], work.features.offsets[each + 1])
        own_weights = (work.features.codes[own], work.weights.alone[own], work.weights.together[own])
        score_sentences(*work.held_out.features, *own_weights, kind_starts, made)
        add_senses(work.held_out.senses, work.features, work.weights, made, each)
        together[each] = made[0]
        rows, chosen, values, refused = _target(work, each)
        scores.n_sentences[each], scores.n_positives[each] = len(rows), np.count_nonzero(chosen)
        documents = work.held_out.document_ids[rows[chosen]]
        scores.n_positive_documents[each] = len(np.unique(documents))
        scores.refused[each] = refused
        if refused:
            continue
        ranks = average_ranks(values, np.argsort(values, kind="stable"))
        present = np.unique(np.searchsorted(kind_starts, work.features.codes[own], side="right"))
        counts = work.counts if len(rows) == n else work.counts[rows]
        for kind in (0, *present.tolist()):
            of_kind = made[kind] if len(rows) == n else made[kind, rows]
            order = np.argsort(of_kind, kind="stable")
            found = curve_areas(of_kind, order, chosen)
            correlation = rank_correlation(average_ranks(of_kind, order), ranks)
            for name, value in zip(NUMBERS, (*found, correlation), strict=True):
                getattr(scores, name)[each, kind] = value
            resampled_areas(of_kind, order, chosen, counts, areas)
            scores.intervals[each, kind] = _interval(areas, tail)
    return stop - start


def add_senses(
    senses: SenseVectors, features: Features, weights: Weights, made: NDArray[np.float32], each: int
) -> None:
    """Add what the senses of a list, which are its last features, say to its scores."""
    vectors, centroids, starts = senses
    own = centroids[starts[each] : starts[each + 1]]
    if len(own):
        stop = features.offsets[each + 1]
        likeness = vectors @ own.T
        made[0] += likeness @ weights.together[stop - len(own) : stop]
        made[1 + kind_names().index(SENSES.name)] = likeness @ weights.alone[stop - len(own) : stop]


def _interval(areas: NDArray[np.float64], tail: float) -> NDArray[np.float64]:
    """Give the bounds that leave the tails out; resamples without a positive are not informative."""
    kept = np.sort(areas[:, np.isfinite(areas[0])], axis=1)
    if kept.shape[1] == 0:
        return np.full((2, 2), np.nan)
    low = int(np.floor(tail * kept.shape[1]))
    return kept[:, [low, kept.shape[1] - 1 - low]]


def _controls(work: _Work, scores: Scores, together: NDArray[np.float32], start: int) -> None:
    """Score with another neuron's signature, and against what a sister's signature takes for its own."""
    for each in range(start, min(start + LISTS_AT_ONCE, len(together))):
        if scores.refused[each]:
            continue
        rows, chosen, _, _ = _target(work, each)
        if work.held_out.names is not None:
            other = int(work.other[each])
            score_name(scores.names, each, held=work.held_out.names, rows=rows, positive=chosen, other=other)
        if work.other[each] >= 0:
            borrowed = together[work.other[each], rows]
            order = np.argsort(borrowed, kind="stable")
            scores.auroc_other[each] = curve_areas(borrowed, order, chosen)[0]
        sister = int(scores.sister[each])
        if sister < 0:
            continue
        n = int(np.count_nonzero(chosen))
        alike = np.zeros(len(rows), dtype=np.bool_)
        alike[np.argsort(-together[sister, rows], kind="stable")[:n]] = True
        compared = chosen | alike
        own = together[each, rows][compared]
        scores.n_hard[each] = np.count_nonzero(alike & ~chosen)
        order = np.argsort(own, kind="stable")
        scores.auroc_hard[each] = curve_areas(own, order, chosen[compared])[0]
