"""Make a large run out of a small one: its neurons again and again, on as many copies of its sentences.

    python benchmarks/repeated_run.py RUN --out LARGE --shape 12x768 --list-size 10000
    python benchmarks/repeated_run.py RUN --out LARGE --shape 16x8192 --list-size 1000

Each copy of the run's neurons has the run's own lists, signatures, scores, places and nearest neurons, with texts
of its own copy of the sentences; longer lists have other sentences of the copy below. What it
has is real, how often is not: it is for measuring how long views take. It has no index, sample or held-out part.
"""

import argparse
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neurolect.collector.finish import _encoding
from neurolect.folders.parquet import CHECKED
from neurolect.store import Run, open_run
from neurolect.store.files import record_files
from neurolect.store.manifest import write_manifest

COPIES = 16
"""Copies of the sentences at most."""
LEFT_OUT = ("annotations", "index/", "sample/", "held_out/", "background/", "convergence/", "lists/", "sentences")
OF_SENTENCES = ("sentence_id", "typical_sentence_id", "medoid_sentence_id")
AT_ONCE = 1 << 20


class Large:
    """The numbers of a large run, copy by copy."""

    def __init__(self, run: Run, n_layers: int, width: int, list_size: int) -> None:
        self.run, self.width, self.list_size = run, width, list_size
        self.n = n_layers * width
        self.n_own = run.n_neurons
        self.site = run.index.site_layers[0].site
        self.sites = [{"site": self.site, "layer": layer + 1, "width": width} for layer in range(n_layers)]
        self.ids = run.sentences().column("sentence_id").to_numpy()
        self.step = int(self.ids[-1]) + 1

    def copies(self) -> Iterator[tuple[int, int, int]]:
        """Yield the first neuron, how many, and what is added to ids of sentences."""
        for copy, first in enumerate(range(0, self.n, self.n_own)):
            yield first, min(self.n_own, self.n - first), (copy % COPIES) * self.step


def moved(table: pa.Table, large: Large, first: int, n: int, added: int) -> pa.Table:
    """Make the rows of a copy's neurons."""
    if "neuron_id" in table.column_names:
        table = table.filter(pc.less(table.column("neuron_id"), n))
    if "other_id" in table.column_names:
        table = table.filter(pc.less(table.column("other_id"), n))
    for name in table.column_names:
        by = added if name in OF_SENTENCES else first if name in ("neuron_id", "other_id") else 0
        if by:
            at, column = table.column_names.index(name), table.column(name)
            table = table.set_column(at, table.field(at), pc.add(column, pa.scalar(by, column.type)))
    if "address" in table.column_names:
        ids = table.column("neuron_id").to_numpy()
        values = {
            "address": [f"{large.site}.{each // large.width + 1}.{each % large.width}" for each in ids.tolist()],
            "site": [large.site] * len(ids),
            "layer": ids // large.width + 1,
            "index": ids % large.width,
        }
        for name in values.keys() & set(table.column_names):
            at = table.column_names.index(name)
            table = table.set_column(at, table.field(at), pa.array(values[name], table.field(at).type))
    return table


def repeat(large: Large, out: Path, name: str) -> None:
    """Write a table again and again."""
    file = pq.ParquetFile(large.run.folder / f"{name}.parquet")
    table = file.read()
    rows = max(1, min(1 << 17, file.metadata.row_group(0).num_rows)) if file.metadata.num_row_groups else 1 << 17
    path = out / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    by_neuron = "neuron_id" in table.column_names
    by_sentence = not by_neuron and "sentence_id" in table.column_names
    copies = [(0, 0, 0)]
    if by_neuron:
        copies = list(large.copies())
    elif by_sentence:
        copies = [(0, 0, copy * large.step) for copy in range(min(COPIES, -(-large.n // large.n_own)))]
    with pq.ParquetWriter(path, table.schema, compression="zstd", **CHECKED) as writer:
        kept: list[pa.Table] = []
        for first, n, added in copies:
            kept.append(moved(table, large, first, n, added))
            if sum(map(len, kept)) >= AT_ONCE:
                writer.write_table(pa.concat_tables(kept), row_group_size=rows)
                kept = []
        if kept:
            writer.write_table(pa.concat_tables(kept), row_group_size=rows)


def write_lists(large: Large, out: Path, side: str) -> None:
    """Write one side's lists, longer ones with other sentences of their copy below the last."""
    table = large.run.table(f"lists/{side}")
    size = len(table) // large.n_own
    ids = table.column("sentence_id").to_numpy().reshape(large.n_own, size)
    values = table.column("activation").to_numpy().reshape(large.n_own, size)
    kept = min(size, large.list_size)
    path = out / "lists" / f"{side}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    schema, rng = table.schema, np.random.default_rng(0)
    ranks = np.arange(large.list_size, dtype=np.int32)
    with pq.ParquetWriter(path, schema, **_encoding(schema)) as writer:
        for first, n, added in large.copies():
            block = max(1, AT_ONCE // large.list_size)
            for start in range(0, n, block):
                stop = min(start + block, n)
                of_ids = np.empty((stop - start, large.list_size), np.int64)
                of_values = np.empty(of_ids.shape, np.float32)
                for row, neuron in enumerate(range(start, stop)):
                    of_ids[row, :kept], of_values[row, :kept] = ids[neuron, :kept], values[neuron, :kept]
                    rest = large.list_size - kept
                    if rest:
                        others = np.setdiff1d(large.ids, ids[neuron], assume_unique=True)
                        of_ids[row, kept:] = rng.permutation(others)[:rest]
                        low, fall = values[neuron, -1], abs(values[neuron, 0] - values[neuron, -1]) + 1e-6
                        down = np.linspace(0, fall, rest, dtype=np.float32) * (1 if side == "bottom" else -1)
                        of_values[row, kept:] = low + down
                columns = {
                    "neuron_id": np.repeat(np.arange(first + start, first + stop, dtype=np.int32), large.list_size),
                    "rank": np.tile(ranks, stop - start),
                    "sentence_id": (of_ids + added).reshape(-1),
                    "activation": of_values.reshape(-1),
                }
                part = pa.table({name: columns[name] for name in schema.names}).cast(schema)
                writer.write_table(part, row_group_size=1 << 17)


def write_arrays(large: Large, out: Path) -> None:
    """Write the histograms, and places on maps are tables."""
    counts = np.load(large.run.folder / "histograms.npy")
    parts = [counts[:n] for _, n, _ in large.copies()]
    np.save(out / "histograms.npy", np.concatenate(parts))


def write_manifest_of(large: Large, out: Path) -> None:
    """Say what there is."""
    manifest = json.loads((large.run.folder / "manifest.json").read_text())
    manifest["model"]["sites"] = large.sites
    manifest["model"]["n_layers"] = len(large.sites)
    manifest["options"]["collect"]["list_size"] = large.list_size
    for each in ("n_mining", "n_sentences"):
        manifest["corpus"][each] *= min(COPIES, -(-large.n // large.n_own))
    for stage, entry in manifest["stages"].items():
        entry["files"] = record_files(out, stage)
    write_manifest(out, manifest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shape", default="12x768", help="layers x neurons of a layer")
    parser.add_argument("--list-size", type=int, default=10_000)
    given = parser.parse_args()
    run = open_run(given.run)
    n_layers, width = map(int, given.shape.split("x"))
    large = Large(run, n_layers, width, given.list_size)
    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)
    steps: list[Callable[[], None]] = [lambda side=side: write_lists(large, given.out, side) for side in run.sides]
    for step in steps:
        step()
    names = [name for name in run.tables() if not name.startswith(LEFT_OUT) or name == "lists/quantiles"]
    for name in [*names, "sentences"]:
        print(name, flush=True)
        repeat(large, given.out, name)
    write_arrays(large, given.out)
    write_manifest_of(large, given.out)
    total = sum(path.stat().st_size for path in given.out.rglob("*") if path.is_file())
    print(f"{open_run(given.out)!r}: {total / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
