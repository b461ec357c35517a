"""How long and how much memory does each table of signatures take, for a whole model at full size?

    python benchmarks/bench_signatures.py CORPUS [--neurons 9216] [--list 10000] [--length 3] [--workers 2]
        [--trees] [--peer 3] [--words-only] [--growth benchmarks/results/signatures_growth]

CORPUS is a prepared corpus; its sentences are annotated first, which the corpus folder keeps. Lists are made by
``corpus_lists.py``. ``--peer`` lets ``prefixspan`` of PyPI mine some of the same lists, any gap, as it has no
limit, and mines all lists with any gap for the comparison. ``--growth`` measures how seconds grow with neurons,
sentences and support instead, and writes a table and two pictures.
"""

import argparse
import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from corpus_lists import coded_fields, make_inputs, make_lists, read_annotations, read_sentences
from signatures_growth import measure_growth

from neurolect.progress import NullProgress
from neurolect.results.field_values import CodedField
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import CodedSentences, code_sentences
from neurolect.signatures.compile_kernels import compile_kernels
from neurolect.signatures.counting.counts import evidence_table
from neurolect.signatures.counting.items import count_in_rows, items_of_tokens
from neurolect.signatures.evidence.collected import compare_lengths
from neurolect.signatures.evidence.metadata import field_evidence, metadata_table
from neurolect.signatures.evidence.tags import tag_evidence
from neurolect.signatures.evidence.words import word_evidence, words_table
from neurolect.signatures.inputs import Inputs, Lists
from neurolect.signatures.mining.prefixspan import mine_patterns
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.patterns.tables import Patterns, mine_patterns_of, patterns_table, phrase_candidates
from neurolect.signatures.summary import name_lists
from neurolect.signatures.trees.subtrees import mine_subtrees_of, read_forest, subtrees_table
from neurolect.signatures.vectors.typical_sentences import find_typical
from neurolect.signatures.vectors.word_vectors import sentence_vectors


class Given(NamedTuple):
    """What is described."""

    inputs: Inputs
    coded: CodedSentences
    annotations: Annotations
    fields: list[CodedField]


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
    sentences = read_sentences(chosen.corpus, n_sentences=chosen.sentences)
    print("| step | wall s | processor s | GiB |\n|---|---|---|---|")
    with measured("annotate, or read what was kept"):
        annotations = read_annotations(chosen.corpus, sentences, parse=chosen.trees, workers=chosen.workers)
    with measured("code"):
        coded = code_sentences(annotations)
    with measured("(make lists)"):
        lists = make_lists(coded, n_neurons=chosen.neurons, size=min(chosen.size, coded.n_sentences // 2))
    given = Given(make_inputs(sentences, lists), coded, annotations, coded_fields(chosen.corpus, sentences))
    print(f"{coded.n_sentences:,} sentences, {len(coded.words):,} tokens, {lists.rows.size:,} entries")
    if chosen.growth:
        measure_growth(given.coded, given.inputs, given.annotations, options=options, out=chosen.growth)
        return
    if chosen.peer:
        compare_with_peer(given, options=options, workers=chosen.workers, n_lists=chosen.peer)
    describe_all(given, options=options, workers=chosen.workers, words_only=chosen.words_only)


def describe_all(given: Given, *, options: DescribeOptions, workers: int, words_only: bool) -> None:
    """Make every table, timed."""
    patterns: dict[str, Patterns] = {}
    kinds: tuple[Literal["word", "tag"], ...] = ("word",) if words_only else ("word", "tag")
    for item in kinds:
        with measured(f"{item} patterns, length <= {options.pattern_length}"):
            patterns[item] = mine(given, item, options=options, workers=workers)
    with measured("pattern table"):
        patterns_table(list(patterns.values()), lists=given.inputs.lists)
    for item, mined in patterns.items():
        print(f"{item}: {len(mined.evidence.lists):,} rows; {mined.n_passed:,} of {mined.n_tests:,} tests pass")
    if words_only:
        return
    if options.trees != "none":
        subtrees(given, options=options, workers=workers)
    counts_and_names(given, patterns=patterns["word"], options=options, workers=workers)


def subtrees(given: Given, *, options: DescribeOptions, workers: int) -> None:
    """Make the table of subtrees."""
    lists = given.inputs.lists
    with measured("trees"):
        sentences: pa.Table = given.inputs.sentences
        trees = read_forest(given.annotations, given.coded, sentences=sentences, options=options)
    with measured(f"subtrees, size <= {options.subtree_size}"):
        mined = mine_subtrees_of(
            trees,
            lists,
            in_sample=given.inputs.in_sample,
            lengths=given.coded.n_words,
            options=options,
            workers=workers,
            progress=NullProgress(),
        )
    with measured("subtree table"):
        subtrees_table(mined, n_labels=trees.forest.n_labels, lists=lists)
    print(f"subtrees: {len(mined.evidence.lists):,} rows; {mined.n_passed:,} of {mined.n_tests:,} tests pass")


def counts_and_names(given: Given, *, patterns: Patterns, options: DescribeOptions, workers: int) -> None:
    """Make the tables that are counted, and the names."""
    inputs, coded = given.inputs, given.coded
    lists, in_sample = inputs.lists, inputs.in_sample
    with measured("lengths"):
        lengths = compare_lengths(
            inputs.sentences.column("n_words").to_numpy(),
            lists,
            background_n_words=inputs.length_values,
            background_n_sentences=inputs.length_counts,
        )
    items = items_of_tokens(coded.words, coded.offsets, n_items=len(coded.vocabulary))
    background = count_in_rows(items, np.ones(coded.n_sentences, np.bool_))
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
        evidence_table(tags, labels={"tag": coded.tag_names}, lists=lists)
    with measured("metadata"):
        found = field_evidence(given.fields, lists, options=options, workers=workers)
        fields = list(zip(given.fields, found, strict=True))
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
