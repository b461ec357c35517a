"""The example run with what relating needs: annotations, word vectors, responses to a sample."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa

from neurolect.folders.atomic import write_npy, write_table
from neurolect.relations import RelateOptions, relate
from neurolect.signatures import DescribeOptions
from neurolect.store import Run, read_manifest, write_manifest
from tests.example_run import LIKES, example_sentences, write_example_run
from tests.made_once import copy_of

N_SENTENCES = 500
QUICK = RelateOptions(n_draws=50, diversity_groups=(1, 2, 4), n_starts=2, n_neighbours=3, diversity_sentences=5)


def write_described_run(folder: Path) -> Run:
    """Copy sixteen neurons of two layers; 15 copies 3 over the sample, and 7 does not vary there."""
    return Run(copy_of(_make, folder))


def write_related_run(folder: Path) -> Run:
    """Copy the same run with its neurons related, as ``QUICK`` says."""
    return Run(copy_of(_relate, folder))


def _relate(folder: Path) -> None:
    relate(write_described_run(folder), options=QUICK, workers=2)


def _make(folder: Path) -> None:
    write_example_run(folder, n_sentences=N_SENTENCES)
    rows = example_sentences(N_SENTENCES)
    words = [row["words"] for row in rows]
    ids = pa.array([row["sentence_id"] for row in rows], pa.int64())
    write_table(folder / "annotations.parquet", pa.table({"sentence_id": ids, "words": words}))
    vocabulary = sorted({word.lower() for each in words for word in each})
    vectors = np.random.default_rng(3).normal(size=(len(vocabulary), 8)).astype(np.float32)
    write_npy(folder / "signatures" / "word_vectors.npy", vectors)
    noise = np.random.default_rng(7).normal(scale=0.25, size=(len(rows), len(LIKES)))
    acts_NS = (np.array([[like(row) for like in LIKES] for row in rows]) + noise).T.astype(np.float32)
    acts_NS[15] = -2.0 * acts_NS[3] + 1.0
    acts_NS[7] = 0.25
    write_npy(folder / "sample" / "activations.npy", acts_NS[:, ::3])
    write_table(folder / "sample" / "sentences.parquet", pa.table({"sentence_id": ids[::3]}))
    manifest = read_manifest(folder)
    manifest["options"]["collect"] = {"list_size": 60}
    manifest["options"]["describe"] = dataclasses.asdict(DescribeOptions())
    write_manifest(folder, manifest)
