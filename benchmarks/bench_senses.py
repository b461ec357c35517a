"""How long do the senses of a whole model take, at full size?

    python benchmarks/bench_senses.py RUN --neurons 9216 --list 10000 [--workers 2]

RUN is a described run with trained word vectors (``signatures/word_vectors.npy``): its sentences, annotations and
sample are used. Lists are made as in ``bench_signatures.py``.
"""

import argparse
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from bench_signatures import make_lists, measured

from neurolect import open_run
from neurolect.progress import NullProgress
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import code_sentences
from neurolect.signatures.compile_kernels import compile_kernels
from neurolect.signatures.evidence.collected import Annotated, Collected, Stage
from neurolect.signatures.evidence.registry import kinds
from neurolect.signatures.evidence.sense_tables import sense_tables
from neurolect.signatures.inputs import read_inputs
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.vectors.senses import find_senses
from neurolect.signatures.vectors.word_vectors import sentence_vectors, train_vectors


def main() -> None:
    """Find senses and their evidence, timed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--neurons", type=int, default=9216)
    parser.add_argument("--list", type=int, default=10_000, dest="size")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    run, options = open_run(chosen.run), DescribeOptions()
    table = pq.read_table(chosen.run / "annotations.parquet").combine_chunks()
    compile_kernels()
    inputs = read_inputs(run)
    annotations = Annotations(table.column("words").chunk(0), table.column("tags").chunk(0))
    coded = code_sentences(annotations)
    kept = chosen.run / "signatures" / "word_vectors.npy"
    words = np.load(kept) if kept.is_file() else train_vectors(coded, options=options)
    vectors = sentence_vectors(coded, words)
    with measured("(make lists)"):
        inputs = inputs._replace(lists=make_lists(coded, n_neurons=chosen.neurons, size=chosen.size))
    start = time.perf_counter()
    with measured("senses"):
        senses = find_senses(vectors, inputs.lists, options=options, workers=chosen.workers)
    with measured("sense evidence and tables"):
        stage = Stage(run, options, chosen.workers, NullProgress(), {})
        sentences = Annotated(run, options, inputs.sentences, annotations, coded)
        collected = Collected(stage=stage, inputs=inputs, sentences=sentences, tagger=None, meanings=Future())
        made = (kind.sense_items(collected) for kind in kinds() if kind.sense_items is not None)
        items = [each for each in made if each is not None]
        longer = np.ones(chosen.neurons)
        tables = sense_tables(senses, items, inputs=inputs, times_longer=longer, workers=chosen.workers)
    seconds = time.perf_counter() - start
    counts = np.bincount(senses.n_senses)
    print(f"{chosen.neurons / seconds:.0f} lists/s; lists of 0, 1, 2, ... senses: {counts.tolist()}")
    print({name: table.num_rows for name, table in tables.items()})


if __name__ == "__main__":
    main()
