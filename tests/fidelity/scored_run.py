"""A small described run with held-out sentences whose neurons are known."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.folders.atomic import write_npy, write_table
from neurolect.signatures import DescribeOptions, describe
from neurolect.store import Run
from tests.signatures.collected_run import activations, sentences, write_collected_run

RECIPE, GOLDEN, LENGTH, CONSTANT, NOISE = range(5)
NEVER_SEEN = 100_000


def held_out() -> tuple[pa.Table, NDArray[np.float32]]:
    """Give new documents of the same kind: other sentences in another order, other ids, other noise."""
    table = sentences()
    order = np.random.default_rng(5).permutation(len(table))
    table = table.take(pa.array(order))
    ids = pa.array(NEVER_SEEN + np.arange(len(table), dtype=np.int64))
    for name, values in (("sentence_id", ids), ("document_id", ids)):
        table = table.set_column(table.column_names.index(name), name, values)
    acts = activations(table)
    acts[NOISE] = np.random.default_rng(6).random(len(table))
    return table, acts.astype(np.float32)


def write_described_run(folder: Path) -> Run:
    """Write the run of tests/signatures, describe it without a tagger, and add the held-out part."""
    write_collected_run(folder)
    run = describe(Run(folder), options=DescribeOptions(tagger="none", vectors="none"))
    write_held_out(folder)
    return run


def write_held_out(folder: Path, *, acts: NDArray[np.float32] | None = None) -> None:
    table, usual = held_out()
    write_table(folder / "held_out" / "sentences.parquet", table)
    write_npy(folder / "held_out" / "activations.npy", usual if acts is None else acts)
