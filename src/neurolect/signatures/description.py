"""The describe stage: from the lists of a run to a signature of every neuron and side."""

import dataclasses
import logging
import time
from concurrent.futures import ThreadPoolExecutor, wait
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.atomic import write_npy
from neurolect.progress import NullProgress, Progress
from neurolect.signatures.annotate import Annotations, annotate, annotation_cache
from neurolect.signatures.choose_tagger import choose_tagger
from neurolect.signatures.coding import CodedSentences, code_sentences
from neurolect.signatures.compile_kernels import compile_kernels
from neurolect.signatures.evidence import Evidence
from neurolect.signatures.index_run import index_run, write_index
from neurolect.signatures.inputs import Inputs, coded_fields, read_inputs, word_background
from neurolect.signatures.lengths import Lengths, compare_lengths
from neurolect.signatures.mark_stage import mark_stage
from neurolect.signatures.metadata import CodedField, field_evidence, metadata_table
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.passed_patterns import passing
from neurolect.signatures.pattern_steps import pattern_step, phrases_of, subtree_step
from neurolect.signatures.patterns import Patterns
from neurolect.signatures.sense_tables import sense_kinds, sense_tables
from neurolect.signatures.senses import find_senses
from neurolect.signatures.stage import Stage
from neurolect.signatures.summary import name_lists, summary_table
from neurolect.signatures.tagger import tagger_fingerprint
from neurolect.signatures.tags import class_shares, tag_evidence, tags_table
from neurolect.signatures.typical_sentences import TypicalSentences, find_typical, typical_sentences_table
from neurolect.signatures.vectors import check_vectors, read_vectors, sentence_vectors, train_vectors
from neurolect.signatures.words import WORD_CLASSES, word_evidence, words_table
from neurolect.store import Run
from neurolect.store.manifest import now
from neurolect.store.sentence_index import has_index

__all__ = ["describe"]

logger = logging.getLogger(__name__)


def describe(
    run: Run,
    *,
    options: DescribeOptions | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Run:
    """Make every neuron's signature from its lists.

    A run that was described with the same options by the same version is left as it is. What was tagged before an
    interruption is not tagged again, if the corpus folder is still there to keep it in.

    Parameters
    ----------
    run : Run
        A collected run.
    options : DescribeOptions, optional
        What signatures are made of.
    workers : int, >= 1
        Processes for tagging, threads for counting; results are the same for any number.
    progress : Progress, optional
        Where to report.

    Returns
    -------
    Run
        The run, opened again.

    Raises
    ------
    MissingExtraError
        If tags or vectors are wanted and their library is not installed.
    DescribeError
        If the tagger or the file of vectors cannot be used.
    RunFolderError
        If the run folder is damaged.
    """
    options, progress = options or DescribeOptions(), progress or NullProgress()
    tagger, notice = choose_tagger(options.tagger, run)
    made_with = dataclasses.asdict(options)
    made_with["pattern_items"] = list(options.pattern_items)  # as JSON gives it back
    annotator = tagger_fingerprint(tagger, parse=options.trees == "dependencies") if tagger else None
    done = run.manifest["stages"].get("describe", {})
    made_by = {"annotator": annotator, "neurolect": version("neurolect")}
    same = run.manifest["options"].get("describe") == made_with and made_by.items() <= done.items()
    if done.get("status") == "complete" and same:
        if not has_index(run.folder):
            progress.message(f"{run.folder} is described; what searches need is added.")
            index_run(run)
            return Run(run.folder)
        progress.message(f"{run.folder} is already described.")
        return Run(run.folder)
    check_vectors(options.vectors)
    stage = Stage(run, options, workers, progress, {})
    started = time.perf_counter()
    mark_stage(run.folder, {"status": "running", "started": now(), **made_by}, made_with)
    if notice is not None:
        progress.message(notice)
    counts = _describe(stage, tagger)
    finished = {
        "status": "complete",
        "finished": now(),
        "seconds": round(time.perf_counter() - started, 3),
        "seconds_by_step": stage.seconds,
    }
    mark_stage(run.folder, finished | counts | {"notice": notice}, made_with)
    return Run(run.folder)


def _describe(stage: Stage, tagger: str | None) -> dict[str, object]:
    run, options = stage.run, stage.options
    with ThreadPoolExecutor(1) as beside:
        if stage.workers > 1:  # the taggers are processes of their own: this one is idle
            compiled = beside.submit(compile_kernels)
        with stage.timed("read"):
            inputs = read_inputs(run)
        annotations, coded = _annotate(stage, inputs, tagger=tagger)
        if stage.workers > 1:
            compiled.result()
        vectors = beside.submit(_typical, stage, inputs, coded)
        if stage.workers == 1:
            wait([vectors])
        patterns = pattern_step(stage, inputs, coded, tagger=tagger)
        subtrees = subtree_step(stage, inputs, coded, annotations=annotations)
        del annotations
        with stage.progress.task("word vectors", total=1) as task:
            typical, of_sentences = vectors.result()
            task.advance()
    with stage.timed("index"):
        write_index(run.folder, inputs, coded)
    table = typical_sentences_table(typical, sentence_ids=inputs.sentence_ids, lists=inputs.lists)
    stage.write("signatures/typical_sentences", table)
    with stage.timed("lengths"):
        lengths = compare_lengths(
            inputs.sentences.column("n_words").to_numpy(),
            inputs.lists,
            background_n_words=inputs.length_values,
            background_n_sentences=inputs.length_counts,
        )
    fields = _count_and_name(stage, inputs, coded, lengths=lengths, typical=typical, patterns=patterns)
    n_senses = _senses(stage, inputs, coded, vectors=of_sentences, fields=fields, times_longer=lengths.times_longer)
    return {
        "n_lists": len(inputs.lists.rows),
        "n_sentences": coded.n_sentences,
        "n_words": len(coded.words),
        "n_patterns": sum(len(each.evidence.lists) for each in patterns),
        "patterns": {
            each.item: passing(each, rate=options.false_discovery_rate) for each in [*patterns, *subtrees]
        },
        "n_senses": n_senses,
        "tagger": tagger or "none",
        "vectors": options.vectors,
    }


def _annotate(stage: Stage, inputs: Inputs, *, tagger: str | None) -> tuple[Annotations, CodedSentences]:
    """Annotate the kept sentences, write the annotations, and code them."""
    parse = stage.options.trees == "dependencies"
    cache = annotation_cache(stage.run.manifest["corpus"].get("path"), tagger=tagger, parse=parse)
    with stage.timed("annotate"):
        annotations: Annotations = annotate(
            inputs.sentences.column("text").to_pylist(),
            tagger=tagger,
            parse=parse,
            cache=cache,
            workers=stage.workers,
            progress=stage.progress,
        )
    made = {name: column for name, column in annotations._asdict().items() if column is not None}
    columns = {"sentence_id": inputs.sentences.column("sentence_id"), **made}
    stage.write("annotations", pa.table(columns))
    with stage.timed("code"):
        return annotations, code_sentences(annotations)


def _typical(stage: Stage, inputs: Inputs, coded: CodedSentences) -> tuple[TypicalSentences, NDArray[np.float32]]:
    """Find typical sentences, and sentence vectors; runs beside the mining of patterns and so shows nothing."""
    options = stage.options
    with stage.timed("vectors"):
        if options.vectors == "none":
            vectors = np.zeros((len(coded.vocabulary), 1), dtype=np.float32)
        elif options.vectors == "train":
            vectors = train_vectors(coded, options=options)
        else:
            vectors = read_vectors(Path(options.vectors), coded=coded)
        if options.vectors != "none":
            write_npy(stage.run.folder / "signatures" / "word_vectors.npy", vectors)
    with stage.timed("typical sentences"):
        of_sentences = sentence_vectors(coded, vectors)
        typical = find_typical(
            of_sentences,
            inputs.lists,
            texts=inputs.sentences.column("text").to_pylist(),
            n_typical=options.n_typical,
            workers=stage.workers,
        )
    return typical, of_sentences


def _count_and_name(
    stage: Stage,
    inputs: Inputs,
    coded: CodedSentences,
    *,
    lengths: Lengths,
    typical: TypicalSentences,
    patterns: list[Patterns],
) -> list[CodedField]:
    options, lists, workers = stage.options, inputs.lists, stage.workers
    background = word_background(stage.run, coded)
    words = _words(stage, inputs, coded, background=background)
    with stage.timed("tags"):
        tags = tag_evidence(
            coded, lists, in_sample=inputs.in_sample, prior_size=options.prior_size, workers=workers
        )
    with stage.timed("metadata"):
        coded_values = coded_fields(stage.run, inputs)
        found = field_evidence(coded_values, lists, options=options, workers=workers)
        fields = list(zip(coded_values, found, strict=True))
    with stage.timed("tables"):
        tables = {
            "words": words_table(words, coded=coded, lists=lists),
            "tags": tags_table(tags, tag_names=coded.tag_names, lists=lists),
            "metadata": metadata_table(fields, lists=lists),
        }
    with stage.timed("names"), stage.progress.task("names", total=1) as task:
        names = name_lists(
            coded=coded,
            lists=lists,
            words=words["all"],
            phrases=phrases_of(
                patterns, inputs, coded, lengths=lengths, word_shares=background / max(inputs.n_read, 1)
            ),
            tags=tags,
            fields=fields,
            lengths=lengths,
            in_sample=inputs.in_sample,
            constant=inputs.constant,
        )
        task.advance()
    tables["summary"] = summary_table(
        names,
        lists=lists,
        lengths=lengths,
        shares=class_shares(tags, tag_names=coded.tag_names, n_lists=len(lists.rows)),
        typical=typical,
        sentence_ids=inputs.sentence_ids,
    )
    for name, table in tables.items():
        stage.write(f"signatures/{name}", table)
    return coded_values


def _senses(
    stage: Stage,
    inputs: Inputs,
    coded: CodedSentences,
    *,
    vectors: NDArray[np.float32],
    fields: list[CodedField],
    times_longer: NDArray[np.float64],
) -> int:
    """Find and write the senses of all lists; say how many there are."""
    total = len(inputs.lists.rows)
    with stage.timed("senses"), stage.progress.task("senses", total=total, unit="lists") as task:
        senses = find_senses(
            vectors, inputs.lists, options=stage.options, workers=stage.workers, advance=task.advance
        )
    with stage.timed("sense evidence"):
        background = word_background(stage.run, coded)
        kinds = sense_kinds(coded, inputs, words_background=background, fields=fields)
        tables = sense_tables(senses, kinds, inputs=inputs, times_longer=times_longer, workers=stage.workers)
    for name, table in tables.items():
        stage.write(f"signatures/{name}", table)
    return int(tables["senses"].num_rows)


def _words(
    stage: Stage, inputs: Inputs, coded: CodedSentences, *, background: NDArray[np.int64]
) -> dict[str, Evidence]:
    total = len(inputs.lists.rows) * (len(WORD_CLASSES) if coded.tag_names else 1)
    with stage.timed("words"), stage.progress.task("words", total=total, unit="lists") as task:
        return word_evidence(
            coded,
            inputs.lists,
            background=background,
            n_background=inputs.n_read,
            in_sample=inputs.in_sample,
            options=stage.options,
            workers=stage.workers,
            advance=task.advance,
        )
