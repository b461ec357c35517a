"""Have the kernels that score signatures compiled before they are needed: a fresh installation takes seconds."""

import os

import numpy as np

from neurolect.fidelity.fit import fit
from neurolect.fidelity.fitting_kernels import score_sentences
from neurolect.fidelity.inputs import Features, no_senses
from neurolect.fidelity.options import FidelityOptions
from neurolect.signatures.compile_kernels import compile_kernels as compile_earlier
from neurolect.signatures.evidence.features import SentenceFeatures
from neurolect.signatures.evidence.registry import kinds
from neurolect.statistics.metric_kernels import average_ranks, curve_areas, rank_correlation, resampled_areas


def compile_kernels() -> None:
    """Run them on a handful of sentences, with the types they will get."""
    codes = np.tile(np.arange(2, dtype=np.int32), 8)
    offsets = np.arange(0, 17, 2)
    ones = np.ones(16, np.float32)
    features = Features(["a", "b"], np.array([0, 1], np.int8), np.array([0, 1], np.int32), np.array([0, 2]))
    lists = np.arange(4, dtype=np.int32)[None, :]
    background = np.arange(4, 8, dtype=np.int32)
    sentences = SentenceFeatures(offsets, codes, ones)
    senses = no_senses(8, n_lists=1)
    weights = fit(
        features, sentences, lists=lists, background=background, options=FidelityOptions(), senses=senses, workers=1
    )
    scores = np.zeros((1 + len(kinds()), 8), np.float32)
    rows = np.tile(np.arange(8, dtype=np.int32), 2)
    score_sentences(np.array([0, 8, 16]), rows, ones, features.codes, *weights, features.starts, scores)
    order, positive = np.argsort(scores[0], kind="stable"), np.arange(8) < 2
    ranks = average_ranks(scores[0], order)
    rank_correlation(ranks, ranks)
    curve_areas(scores[0], order, positive)
    resampled_areas(scores[0], order, positive, np.ones((8, 3), np.uint8), np.zeros((2, 3)))


def main() -> None:
    """Compile all kernels from describing on, in a process of its own that steps back behind every other."""
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    elif hasattr(os, "nice"):
        os.nice(19)
    compile_earlier()
    compile_kernels()
