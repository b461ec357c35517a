"""How long does a search take in a run of 9,216 neurons with lists of 10,000 on both sides?

    python benchmarks/bench_find.py RUN [--list 10000] [--queries 100]

RUN is a described run: its sentences, annotations and signatures are used; lists longer than its own are filled up
with other sentences, spread evenly. What is asked for is drawn from the run: words and patterns that signatures
have and ones that none has. Each search opens the run again, as the command line does; files are in the page cache.
"""

import argparse
import dataclasses
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect import find, open_run
from neurolect.errors import RunFolderError
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import code_sentences
from neurolect.signatures.inputs import read_inputs
from neurolect.signatures.search_index.write import write_index
from neurolect.store import Run

REGEXES = (
    r"\b[0-9]{4}\b", r"(?i)tsunami", r"\bun\w+able\b", r"^The .* of the .*\.$", r"[A-Z]{3,}", r"\$\d",
    r"(?i)years? ago", r"^\W*\w+\W*$", r"'s", r"(United|UNITED) (States|STATES)", r"!+$", r"ing",
)  # fmt: skip
QUERIES = dict[str, list[dict[str, str]]]


def fill_up(rows: NDArray[np.int32], *, n_sentences: int, size: int) -> NDArray[np.int32]:
    """Make lists longer: other sentences at even steps from a place of the list's own."""
    filled = np.empty((len(rows), size), np.int32)
    step = max(1, n_sentences // size)
    for number, own in enumerate(rows):
        own = own[own >= 0]
        others = (np.arange(size + len(own), dtype=np.int64) * step + 7919 * number) % n_sentences
        filled[number] = np.concatenate([own, others[~np.isin(others, own)]])[:size]
    return filled


def make_run(source: Run, folder: Path, *, size: int) -> Run:
    """Link the run's files and index longer lists of its sentences."""
    for path in source.folder.iterdir():
        if path.name != "index":
            (folder / path.name).symlink_to(path.resolve())
    start = time.perf_counter()
    inputs = read_inputs(source)
    table = pq.read_table(source.folder / "annotations.parquet", columns=["words", "tags"])
    coded = code_sentences(Annotations(*(column.combine_chunks() for column in table.columns)))
    print(f"read and coded in {time.perf_counter() - start:.1f} s")
    rows = fill_up(inputs.lists.rows, n_sentences=coded.n_sentences, size=size)
    for turn in ("compiled and written", "written"):
        start, processor = time.perf_counter(), time.process_time()
        write_index(folder, inputs._replace(lists=dataclasses.replace(inputs.lists, rows=rows)), coded)
        spent = f"{time.perf_counter() - start:.1f} s ({time.process_time() - processor:.1f} s of processor time)"
        print(f"index of {len(rows):,} lists of {size:,} {turn} in {spent}")
    n_bytes = sum(path.stat().st_size for path in (folder / "index").iterdir())
    lists = sum((folder / "index" / name).stat().st_size for name in ("list_numbers.npy", "list_starts.npy"))
    print(f"{n_bytes / 1e6:.0f} MB, {lists / 1e6:.0f} MB of it sentences' lists")
    return open_run(folder)


def draw(run: Run, n: int) -> QUERIES:
    """Draw what to search for."""
    rng = np.random.default_rng(0)

    def some(values: list[str]) -> list[str]:
        return [values[each] for each in rng.permutation(len(values))[:n].tolist()]

    table = run.table("signatures/words", columns=["word", "word_class"])
    known = sorted(set(table.filter(pc.field("word_class") == "all")["word"].to_pylist()))
    every = run.table("index/words")["word"].to_pylist()
    patterns = run.table("signatures/skip_ngrams", columns=["item", "items"]).slice(0, 2_000_000)
    chosen = patterns.take(rng.permutation(patterns.num_rows)[: 20 * n]).to_pylist()
    spelled = {
        item: [" * ".join(row["items"]) for row in chosen if row["item"] == item] for item in ("word", "tag")
    }
    sentences = run.table("annotations")["words"].take(rng.permutation(run.table("annotations").num_rows)[: 2 * n])
    pairs = [
        f"{words[at]} * {words[at + 2]}"
        for words in sentences.to_pylist()
        for at in [int(rng.integers(0, max(1, len(words) - 2)))]
        if len(words) > at + 2 and words[at][0].isalpha() and words[at + 2][0].isalpha()
    ]
    values = run.table("signatures/metadata", columns=["field", "value"])
    named = sorted({f"{row['field']}={row['value']}" for row in values.slice(0, 500_000).to_pylist()})
    return {
        "words of signatures": [{"word": each} for each in some(known)],
        "words of no signature": [{"word": each} for each in some(sorted(set(every) - set(known)))],
        "the 20 most frequent words": [{"word": each} for each in most_frequent(run)],
        "skip patterns of signatures": [{"pattern": each} for each in some(spelled["word"])],
        "other skip patterns": [{"pattern": each} for each in some(pairs)],
        "tag patterns of signatures": [{"tag": each} for each in some(spelled["tag"])],
        "single tags": [{"tag": each} for each in some(run.table("index/tags")["tag"].to_pylist())],
        "metadata": [{"where": each} for each in some(named)],
        "regular expressions": [{"regex": each} for each in REGEXES],
        "a word and metadata": [{"word": a, "where": b} for a, b in zip(some(known), some(named), strict=False)],
    }


def most_frequent(run: Run) -> list[str]:
    """Give the words that occur in most places."""
    order = [("n_places", "descending")]
    words: list[str] = run.table("index/words").sort_by(order).slice(0, 20)["word"].to_pylist()
    return words


def time_searches(folder: Path, queries: QUERIES) -> None:
    """Print median and 95th percentile of every kind."""
    print("| asked for | searches | found | median ms | 95 % ms | most ms | median ms of processor time |")
    print("|---|---|---|---|---|---|---|")
    for kind, asked in queries.items():
        wall, processor, n_found = [], [], 0
        for each in asked:
            for _ in range(2):  # the first reads pages that no search has touched yet
                start, used = time.perf_counter(), time.process_time()
                try:
                    find(open_run(folder), **each)  # type: ignore[arg-type]
                    n_found += 1
                except RunFolderError:
                    pass
                spent = time.perf_counter() - start, time.process_time() - used
            wall.append(1e3 * spent[0])
            processor.append(1e3 * spent[1])
        p50, p95, most = np.percentile(wall, [50, 95, 100])
        row = f"| {kind} | {len(asked)} | {n_found // 2} | {p50:.0f} | {p95:.0f} | {most:.0f} |"
        print(f"{row} {np.median(processor):.0f} |", flush=True)


def time_process(folder: Path) -> None:
    """Print how long the whole command takes, and Python alone."""
    command = [sys.executable, "-c", "from neurolect.cli import main; main()"]
    for name, given in {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import numpy, pyarrow": [sys.executable, "-c", "import numpy, pyarrow.parquet, pyarrow.compute"],
        "neurolect find --help": [*command, "find", "--help"],
        "neurolect find RUN --word olympics": [*command, "find", str(folder), "--word", "olympics"],
    }.items():
        spent = []
        for _ in range(7):
            start = time.perf_counter()
            subprocess.run(given, capture_output=True, check=False)
            spent.append(1e3 * (time.perf_counter() - start))
        print(f"{name}: median {np.median(spent):.0f} ms, least {min(spent):.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--list", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run = make_run(open_run(given.run), folder, size=given.list)
        time_searches(folder, draw(run, given.queries))
        time_process(folder)


if __name__ == "__main__":
    main()
