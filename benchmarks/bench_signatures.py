"""How long and how much memory does each table of signatures take, for a whole model at full size?

    python benchmarks/bench_signatures.py RUN --neurons 9216 --list 10000 --length 3 [--workers 2] [--any-gap]

RUN is a described run: its sentences, annotations, sample and metadata are used. Lists are made here: the sentences
highest on a random direction of a random space of words, divided by a root of the length, as those of a model's
neurons overlap. Beside them runs ``prefixspan`` of PyPI on a few of the lists, any gap, as it has no limit.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow.parquet as pq

from neurolect import open_run
from neurolect.progress import NullProgress
from neurolect.signatures.annotate import Annotations
from neurolect.signatures.coding import CodedSentences, code_sentences
from neurolect.signatures.compile_kernels import compile_kernels
from neurolect.signatures.inputs import Inputs, coded_fields, read_inputs, word_background
from neurolect.signatures.lengths import compare_lengths
from neurolect.signatures.lists import Lists
from neurolect.signatures.metadata import field_evidence, metadata_table
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.patterns import Patterns, mine_patterns_of, patterns_table, phrase_candidates
from neurolect.signatures.summary import name_lists
from neurolect.signatures.tags import tag_evidence, tags_table
from neurolect.signatures.typical_sentences import find_typical
from neurolect.signatures.vectors import sentence_vectors
from neurolect.signatures.words import word_evidence, words_table
from neurolect.store import Run

DIMENSIONS = 64


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


def make_lists(coded: CodedSentences, *, n_neurons: int, size: int) -> Lists:
    """Take the sentences highest on random directions."""
    random = np.random.default_rng(0)
    words = random.standard_normal((len(coded.vocabulary), DIMENSIONS), dtype=np.float32)
    sums = np.add.reduceat(words[coded.words], coded.offsets[:-1], axis=0)
    sums /= np.maximum(np.diff(coded.offsets), 1)[:, None].astype(np.float32) ** 0.6
    rows = np.empty((n_neurons, size), np.int32)
    for start in range(0, n_neurons, 64):
        directions = random.standard_normal((DIMENSIONS, min(64, n_neurons - start)), dtype=np.float32)
        for place, scores in enumerate(np.ascontiguousarray((sums @ directions).T), start=start):
            highest = np.argpartition(-scores, size)[:size]
            rows[place] = highest[np.argsort(-scores[highest])]
    return Lists(rows=rows, sides=("top",))


def peer(coded: CodedSentences, lists: Lists, *, length: int, n_lists: int) -> None:
    """Time prefixspan of PyPI on the first lists."""
    from prefixspan import PrefixSpan

    for rows in lists.rows[:: max(1, len(lists.rows) // n_lists)][:n_lists]:
        sentences = [coded.words[coded.offsets[row] : coded.offsets[row + 1]] for row in rows]
        database = [each[coded.counts_as_word[each]].tolist() for each in sentences]
        start = time.perf_counter()
        mined = PrefixSpan(database)
        mined.maxlen = length
        found = mined.frequent(max(1, len(rows) // 100))
        print(f"prefixspan: {time.perf_counter() - start:.1f} s, {len(found):,} patterns", flush=True)


def main() -> None:
    """Run the steps of describe, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--neurons", type=int, default=9216)
    parser.add_argument("--list", type=int, default=10_000, dest="size")
    parser.add_argument("--length", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--any-gap", action="store_true")
    parser.add_argument("--peer", type=int, default=0, help="lists that prefixspan of PyPI mines, too")
    parser.add_argument("--words-only", action="store_true")
    chosen = parser.parse_args()
    options = DescribeOptions(pattern_length=chosen.length, word_gap=-1 if chosen.any_gap else 4)
    run = open_run(chosen.run)
    table = pq.read_table(chosen.run / "annotations.parquet").combine_chunks()
    compile_kernels()
    with measured("read and code"):
        inputs = read_inputs(run)
        coded = code_sentences(Annotations(table.column("words").chunk(0), table.column("tags").chunk(0)))
    with measured("(make lists)"):
        inputs = inputs._replace(lists=make_lists(coded, n_neurons=chosen.neurons, size=chosen.size))
    inputs = inputs._replace(constant=np.zeros(chosen.neurons, np.bool_))
    print(f"{coded.n_sentences:,} sentences, {len(coded.words):,} tokens, {inputs.lists.rows.size:,} entries")
    if chosen.peer:
        peer(coded, inputs.lists, length=chosen.length, n_lists=chosen.peer)
    describe_all(run, inputs, coded, options=options, workers=chosen.workers, words_only=chosen.words_only)


def describe_all(
    run: Run, inputs: Inputs, coded: CodedSentences, *, options: DescribeOptions, workers: int, words_only: bool
) -> None:
    """Make every table, timed."""
    lists, in_sample = inputs.lists, inputs.in_sample
    patterns: dict[str, Patterns] = {}
    kinds: tuple[Literal["word", "tag"], ...] = ("word",) if words_only else ("word", "tag")
    for item in kinds:
        with measured(f"{item} patterns, length <= {options.pattern_length}"):
            patterns[item] = mine_patterns_of(
                coded,
                lists,
                item=item,
                in_sample=in_sample,
                options=options,
                workers=workers,
                progress=NullProgress(),
            )
    with measured("pattern table"):
        patterns_table(list(patterns.values()), lists=lists)
    if words_only:
        return
    counts_and_names(run, inputs, coded, patterns=patterns["word"], options=options, workers=workers)


def counts_and_names(
    run: Run,
    inputs: Inputs,
    coded: CodedSentences,
    *,
    patterns: Patterns,
    options: DescribeOptions,
    workers: int,
) -> None:
    """Make the tables that are counted, and the names."""
    lists, in_sample = inputs.lists, inputs.in_sample
    with measured("lengths"):
        lengths = compare_lengths(
            inputs.sentences.column("n_words").to_numpy(),
            lists,
            background_n_words=inputs.length_values,
            background_n_sentences=inputs.length_counts,
        )
    background = word_background(run, coded)
    with measured("words"):
        words = word_evidence(
            coded,
            lists,
            background=background,
            n_background=inputs.n_read,
            in_sample=in_sample,
            options=options,
            workers=workers,
        )
        words_table(words, coded=coded, lists=lists)
    with measured("tags"):
        tags = tag_evidence(coded, lists, in_sample=in_sample, prior_size=options.prior_size, workers=workers)
        tags_table(tags, tag_names=coded.tag_names, lists=lists)
    with measured("metadata"):
        coded_values = coded_fields(run, inputs)
        found = field_evidence(coded_values, lists, options=options, workers=workers)
        fields = list(zip(coded_values, found, strict=True))
        metadata_table(fields, lists=lists)
    with measured("typical sentences (given vectors)"):
        vectors = np.random.default_rng(1).standard_normal((len(coded.vocabulary), 64)).astype(np.float32)
        texts = inputs.sentences.column("text").to_pylist()
        find_typical(sentence_vectors(coded, vectors), lists, texts=texts, n_typical=3, workers=workers)
    with measured("names"):
        phrases = phrase_candidates(
            patterns,
            coded=coded,
            in_sample=in_sample,
            word_shares=background / max(inputs.n_read, 1),
            times_longer=lengths.times_longer,
        )
        name_lists(
            coded=coded,
            lists=lists,
            words=words["all"],
            phrases=phrases,
            tags=tags,
            fields=fields,
            lengths=lengths,
            in_sample=in_sample,
            constant=inputs.constant,
        )


if __name__ == "__main__":
    main()
