"""Several GPUs of one host: how much faster than one, and the same lists?

    python benchmarks/shuffled_corpus.py SMALL_CORPUS CORPUS 2000000
    python benchmarks/bench_gpus.py --corpus CORPUS --tokenizer FOLDER [--sentences 2000000] [--gpus 2]

Random weights of BERT-base's shape, not compiled, so that every process runs the very same kernels.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from bench_gpu import Timed, make_model, show

from neurolect.collector import CollectOptions
from neurolect.collector.engines.local import collect_local

_TABLES = ("lists/top", "lists/bottom", "lists/quantiles", "neurons")


def differences(one: Path, other: Path) -> list[str]:
    """Name the columns that are not the same bit for bit."""
    found = []
    for name in _TABLES:
        a, b = (pq.read_table(each / f"{name}.parquet") for each in (one, other))
        found += [f"{name}.{column}" for column in a.column_names if not a[column].equals(b[column])]
    same = np.array_equal(np.load(one / "histograms.npy"), np.load(other / "histograms.npy"))
    return found if same else [*found, "histograms"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=2_000_000)
    parser.add_argument("--gpus", type=int, default=torch.cuda.device_count())
    arguments = parser.parse_args()
    options = CollectOptions(list_size=2000, limit=arguments.sentences, held_out_size=0, compile="off")
    with tempfile.TemporaryDirectory() as name:
        bert = str(make_model(Path(name) / "bert", arguments.tokenizer, "Bert"))
        print(torch.cuda.device_count(), "x", torch.cuda.get_device_name(), flush=True)
        runs = {}
        for n in (1, arguments.gpus):
            runs[n], start, timed = Path(name) / f"run-{n}", time.perf_counter(), Timed()
            collect_local(
                bert, arguments.corpus, out=runs[n], workers=n, options=options, device="cuda", progress=timed
            )
            show(f"{n} GPUs", {"whole": time.perf_counter() - start})
        print("differ:", differences(*runs.values()) or "nothing", flush=True)


if __name__ == "__main__":
    main()
