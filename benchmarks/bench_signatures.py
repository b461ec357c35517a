"""How long and how much memory does describing a whole model take, step by step, at full size?

    python benchmarks/bench_signatures.py CORPUS [--neurons 9216] [--list 10000] [--length 3] [--workers 2]
        [--trees] [--peer 3] [--words-only] [--growth benchmarks/results/signatures_growth]
    python benchmarks/bench_signatures.py CORPUS --neurons 131072 --list 1000 --sentences 200000 --run RUN

CORPUS is a prepared corpus; its sentences are annotated first, which the corpus folder keeps. A run folder of
generated lists is made (``generated_run.py``; kept where ``--run`` says, and used again) and described as
``neurolect describe`` does: every step is in. ``--words-only``, ``--peer`` and ``--growth`` measure mining alone,
on lists of ``corpus_lists.py``. ``--peer`` lets ``prefixspan`` of PyPI mine some of the same lists, any gap, as it
has no limit, and mines all lists with any gap for the comparison. ``--growth`` measures how seconds grow with
neurons, sentences and support, and writes a table and two pictures.
"""

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from corpus_lists import make_inputs, make_lists, read_annotations, read_sentences
from generated_run import generated_run
from signatures_growth import measure_growth

from neurolect.progress import LogProgress, NullProgress
from neurolect.signatures import describe
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import CodedSentences, code_sentences
from neurolect.signatures.compile_kernels import compile_kernels
from neurolect.signatures.inputs import Inputs, Lists
from neurolect.signatures.mining.prefixspan import mine_patterns
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.patterns.tables import Patterns, mine_patterns_of, patterns_table


class Given(NamedTuple):
    """What is described."""

    inputs: Inputs
    coded: CodedSentences
    annotations: Annotations


def memory(field: str) -> float:
    """Memory of this process in GiB: ``VmHWM`` is the highest since the last reset, ``VmRSS`` now."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return float(next(line for line in lines if line.startswith(field)).split()[1]) / 2**20


@contextmanager
def measured(name: str) -> Iterator[None]:
    """Print seconds, seconds of processor time and the highest memory of a step."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    wall, processor = time.perf_counter(), time.process_time()
    yield
    spent = f"{time.perf_counter() - wall:8.1f} | {time.process_time() - processor:8.1f}"
    print(f"| {name:<34} | {spent} | {memory('VmHWM'):5.2f} |", flush=True)


def peer(coded: CodedSentences, lists: Lists, *, length: int, n_lists: int) -> float:
    """Time prefixspan of PyPI on some lists, check that ours finds the same, and give its seconds a list."""
    from prefixspan import PrefixSpan

    spent = 0.0
    for rows in lists.rows[:: max(1, len(lists.rows) // n_lists)][:n_lists]:
        sentences = [coded.words[coded.offsets[row] : coded.offsets[row + 1]] for row in rows]
        database = [each[coded.counts_as_word[each]].tolist() for each in sentences]
        start = time.process_time()
        mined = PrefixSpan(database)
        mined.maxlen = length
        found = mined.frequent(max(1, len(rows) // 100))
        seconds = time.process_time() - start
        spent += seconds
        ours = mine_patterns(
            coded.words,
            coded.offsets,
            rows=rows.astype(np.int64),
            allowed=coded.counts_as_word,
            min_support=max(1, len(rows) // 100),
            max_length=length,
        )
        same = sorted(n for n, _ in found) == sorted(ours.support.tolist())
        print(f"prefixspan: {seconds:.1f} s, {len(found):,} patterns, same supports as ours: {same}", flush=True)
    return spent / n_lists


def compare_with_peer(given: Given, *, options: DescribeOptions, workers: int, n_lists: int) -> None:
    """Say how many times as fast all lists are, by the list."""
    theirs = peer(given.coded, given.inputs.lists, length=options.pattern_length, n_lists=n_lists)
    any_gap = dataclasses.replace(options, word_gap=-1)
    start = time.process_time()
    with measured(f"word patterns, any gap, length <= {options.pattern_length}"):
        mine(given, "word", options=any_gap, workers=workers)
    ours = (time.process_time() - start) / len(given.inputs.lists.rows)
    times = f"{theirs / ours:,.0f} times"
    print(f"prefixspan takes {theirs:.2f} s a list, we {1000 * ours:.2f} ms, scores included: {times}")


def mine(given: Given, item: Literal["word", "tag"], *, options: DescribeOptions, workers: int) -> Patterns:
    """Mine the patterns of one kind of item."""
    return mine_patterns_of(
        given.coded,
        given.inputs.lists,
        item=item,
        in_sample=given.inputs.in_sample,
        options=options,
        workers=workers,
        progress=NullProgress(),
    )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--neurons", type=int, default=9216)
    parser.add_argument("--list", type=int, default=10_000, dest="size")
    parser.add_argument("--sentences", type=int, default=300_000)
    parser.add_argument("--length", type=int, default=3)
    parser.add_argument("--support", type=float, default=0.01)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--any-gap", action="store_true")
    parser.add_argument("--trees", action="store_true", help="parse, too, and mine subtrees")
    parser.add_argument("--subtree-size", type=int, default=4)
    parser.add_argument("--peer", type=int, default=0, help="lists that prefixspan of PyPI mines, too")
    parser.add_argument("--words-only", action="store_true")
    parser.add_argument("--run", type=Path, help="where the generated run is kept")
    parser.add_argument("--tokenizer", default="smollm2", help="model whose tokens the generated run has")
    parser.add_argument("--growth", type=Path, help="measure growth, and write PATH.md, PATH.png and PATH.svg")
    return parser.parse_args()


def main() -> None:
    """Run the steps of describe, one after the other."""
    chosen = arguments()
    options = DescribeOptions(
        pattern_length=chosen.length,
        pattern_share=chosen.support,
        word_gap=-1 if chosen.any_gap else 4,
        trees="dependencies" if chosen.trees else "none",
        subtree_size=chosen.subtree_size,
    )
    compile_kernels()
    print("| step | wall s | processor s | GiB |\n|---|---|---|---|")
    if not (chosen.growth or chosen.peer or chosen.words_only):
        describe_whole(chosen, options)
        return
    given = read_given(chosen)
    if chosen.growth:
        measure_growth(given.coded, given.inputs, given.annotations, options=options, out=chosen.growth)
        return
    if chosen.peer:
        compare_with_peer(given, options=options, workers=chosen.workers, n_lists=chosen.peer)
    mine_all(given, options=options, workers=chosen.workers)


def read_given(chosen: argparse.Namespace) -> Given:
    """Annotate and code the sentences, and make lists of them without a run folder."""
    sentences = read_sentences(chosen.corpus, n_sentences=chosen.sentences)
    with measured("annotate, or read what was kept"):
        annotations = read_annotations(chosen.corpus, sentences, parse=chosen.trees, workers=chosen.workers)
    with measured("code"):
        coded = code_sentences(annotations)
    with measured("(make lists)"):
        lists = make_lists(coded, n_neurons=chosen.neurons, size=min(chosen.size, coded.n_sentences // 2))
    print(f"{coded.n_sentences:,} sentences, {len(coded.words):,} tokens, {lists.rows.size:,} entries")
    return Given(make_inputs(sentences, lists), coded, annotations)


def mine_all(given: Given, *, options: DescribeOptions, workers: int) -> None:
    """Mine patterns of words alone."""
    with measured(f"word patterns, length <= {options.pattern_length}"):
        patterns = mine(given, "word", options=options, workers=workers)
    with measured("pattern table"):
        patterns_table([patterns], lists=given.inputs.lists)
    print(f"{len(patterns.evidence.lists):,} rows; {patterns.n_passed:,} of {patterns.n_tests:,} tests pass")


def describe_whole(chosen: argparse.Namespace, options: DescribeOptions) -> None:
    """Describe a run of generated lists as ``neurolect describe`` does, and print what each step took."""
    with tempfile.TemporaryDirectory(prefix="generated-") as name:
        folder = chosen.run or Path(name) / "run"
        if not (folder / "manifest.json").is_file():
            with measured("(make the run)"):
                generated_run(
                    chosen.corpus,
                    folder,
                    tokenizer=chosen.tokenizer,
                    n_sentences=chosen.sentences,
                    n_neurons=chosen.neurons,
                    size=chosen.size,
                )
        with measured("describe, all steps"):
            run = describe(folder, options=options, workers=chosen.workers, progress=LogProgress())
        done = run.manifest["stages"]["describe"]
        for step, seconds in done["seconds_by_step"].items():
            print(f"| {step:<34} | {seconds:8.1f} | | |")
        n_bytes = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
        print(f"{done['n_lists']:,} lists of {done['n_sentences']:,} sentences; folder {n_bytes / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
