"""The describe stage: from the lists of a run to a signature of every neuron and side."""

import dataclasses
import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus.sentences.model_tokens import at_hand, tokenizer_hash
from neurolect.corpus.sentences.words import WORD_RULE
from neurolect.errors import CorpusError, ModelError
from neurolect.folders.atomic import write_npy
from neurolect.folders.lock import only_here
from neurolect.progress import NullProgress, Progress, StoppableProgress
from neurolect.signatures.annotation.annotate import Annotations, annotate, annotation_cache
from neurolect.signatures.annotation.coding import CodedSentences, code_sentences
from neurolect.signatures.annotation.tagger import choose_tagger, tagger_fingerprint
from neurolect.signatures.annotation.word_rule import background_notice
from neurolect.signatures.compile_kernels import compile_kernels
from neurolect.signatures.evidence.collected import Annotated, Collected, Stage
from neurolect.signatures.evidence.kind import Counted, EvidenceKind
from neurolect.signatures.evidence.length import length_notice
from neurolect.signatures.evidence.registry import added_kinds, kinds
from neurolect.signatures.evidence.senses import SenseSearch
from neurolect.signatures.firing.listed_tokens import firing_sides
from neurolect.signatures.firing.token_words import SPANS, TokenWords, token_words
from neurolect.signatures.inputs import Inputs, read_inputs
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.search_index.write import index_run, write_index
from neurolect.signatures.summary import name_lists, summary_table
from neurolect.signatures.vectors.files import check_vectors, read_vectors
from neurolect.signatures.vectors.typical_sentences import TypicalSentences, find_typical, typical_sentences_table
from neurolect.signatures.vectors.word_vectors import plain_sentence_vectors, sentence_vectors, train_vectors
from neurolect.store import Run, open_run, read_manifest
from neurolect.store.files import changes_of
from neurolect.store.sentence_index import has_index
from neurolect.store.stages import check_current, made_with, making, record_again, recorded_options

logger = logging.getLogger(__name__)
TABLES_VERSION = 2
"""Of the tables below ``signatures/``; those of a lower one can be read, and ``describe`` makes them again."""


def describe(
    run: Run | str | Path,
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
    run : Run, str or Path
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
    run = open_run(run)
    options = options or recorded_options(run.manifest, "describe", DescribeOptions)
    progress = progress or NullProgress()
    check_current(run.folder, read_manifest(run.folder), "collect")
    n_lists = run.n_neurons * len(run.sides)
    options = options.sized(n_lists, before=run.manifest["stages"].get("describe", {}).get("options"))
    tagger, notice = choose_tagger(options.tagger, run)
    annotator = tagger_fingerprint(tagger, parse=options.trees == "dependencies") if tagger else None
    made_by = {"annotator": annotator, "tables_version": TABLES_VERSION, **added_kinds()}
    done = {"added_kinds": [], "tables_version": 1} | run.manifest["stages"].get("describe", {})
    if firing_sides(run) and not done.get("firing_tokens") and _has_tokenizer(run):
        made_by["firing_tokens"] = True  # an earlier version did not look, or did not find the tokenizer
    if made_with(run.folder, run.manifest, "describe", options, but="index/") and made_by.items() <= done.items():
        if not has_index(run.files) or changes_of(run.folder, run.manifest, "describe"):
            progress.message(f"{run.folder} is described; what searches need is added.")
            with only_here(run.folder, doing="describe"):
                index_run(run)
                record_again(run.folder, "describe", beginning="index/")
            return Run(run.folder)
        progress.message(f"{run.folder} is already described.")
        return Run(run.folder)
    check_vectors(options.vectors)
    with making(run.folder, "describe", options=options) as record:
        notices = [each for each in (notice, background_notice(run)) if each is not None]
        for each in notices:
            progress.message(each)
        record.notice = " ".join(notices) or None
        record.entry["word_rule"] = WORD_RULE
        made = _describe(Stage(run, options, workers, progress, record), tagger)
        made_by.pop("firing_tokens", None)  # said of what was made
        record.entry |= made_by | made
    return Run(run.folder)


def _describe(stage: Stage, tagger: str | None) -> dict[str, object]:
    run = stage.run
    with ThreadPoolExecutor(1) as background:
        if stage.workers > 1:  # the taggers are processes of their own: this one is idle
            compiled = background.submit(compile_kernels)
        with stage.timed("read"):
            inputs = read_inputs(run)
        sentences = _annotate(stage, inputs, tagger=tagger)
        if stage.workers > 1:
            compiled.result()
        meanings = background.submit(_typical, stage, inputs, sentences.coded)
        if stage.workers == 1:
            wait([meanings])
        collected = Collected(
            stage=stage,
            inputs=inputs,
            sentences=sentences,
            tagger=tagger,
            meanings=meanings,
            tokens=_tokens(stage, inputs, sentences),
        )
        counted = _count(collected)
        with stage.progress.task("word vectors", total=1) as task:
            typical, _ = meanings.result()
            task.advance()
        n_senses = _end(collected, counted, typical=typical, background=background)
    tables = [name for each in counted for name in each.tables]
    lengths = length_notice(collected.lengths.times_longer)
    if lengths is not None:
        stage.progress.message(lengths)
    passed = {name: numbers for each in counted for name, numbers in each.passed.items()}
    del counted
    return {
        "n_lists": len(inputs.lists.rows),
        "n_sentences": sentences.coded.n_sentences,
        "n_words": len(sentences.coded.words),
        "n_patterns": sum(each["n_reported"] for item, each in passed.items() if item != "subtree"),
        "patterns": passed,
        "tables": ["summary", *tables, "typical_sentences"],
        "n_senses": n_senses,
        "length_notice": lengths,
        "tagger": tagger or "none",
        "vectors": stage.options.vectors,
        **({} if collected.tokens is None else {"firing_tokens": True}),
    }


def _end(
    collected: Collected, counted: Sequence[Counted], *, typical: TypicalSentences, background: ThreadPoolExecutor
) -> int:
    """Write what searches need, typical sentences, the summary and senses; say how many of these there are.

    Names are plain Python and senses are kernels: together they use both cores.
    """
    search = SenseSearch(collected, background)
    try:
        stage, inputs = collected.stage, collected.inputs
        with stage.timed("index"):
            write_index(stage.run.folder, inputs, collected.coded)
        table = typical_sentences_table(typical, sentence_ids=inputs.sentence_ids, lists=inputs.lists)
        stage.write("signatures/typical_sentences", table)
        _name(collected, counted, typical=typical)
        return _senses(collected, search)
    finally:
        search.stop()


def _annotate(stage: Stage, inputs: Inputs, *, tagger: str | None) -> Annotated:
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
        coded = code_sentences(annotations)
    return Annotated(stage.run, stage.options, inputs.sentences, annotations, coded)


def _has_tokenizer(run: Run) -> bool:
    """Tell whether the tokenizer of a run's model is there."""
    try:
        _check_tokenizer(run)
        tokenizer_hash(run.manifest["model"]["name"])
    except (CorpusError, ModelError):
        return False
    return True


def _check_tokenizer(run: Run) -> None:
    """Ask the hub for no tokenizer that the pass, too, did not have of it: its model was in memory alone."""
    model = run.manifest["model"]
    if model.get("tokenizer") is None and not at_hand(model["name"]):
        what = f"The tokenizer of {model['name']!r} is in no folder here and not in the hub's cache."
        raise CorpusError(what, expected="a model folder with tokenizer.json, or the name of one on the hub")


def _tokens(stage: Stage, inputs: Inputs, sentences: Annotated) -> TokenWords | None:
    """Find which word each model token is of, and write the tokens' characters, where lists have firing tokens."""
    (stage.run.folder / f"{SPANS}.parquet").unlink(missing_ok=True)
    if not firing_sides(stage.run):
        return None
    try:
        _check_tokenizer(stage.run)
        with stage.timed("firing tokens"):
            tokens = token_words(
                sentences.table.column("text").to_pylist(),
                sentences.annotations.words,
                sentences.coded,
                tokenizer=stage.run.manifest["model"]["name"],
                n_prepended=stage.run.manifest["model"].get("n_prepended", 0),
            )
    except (CorpusError, ModelError) as error:
        notice = f"Firing words are left out: {error.what} Describe the run again where its model is found."
        stage.progress.message(notice)
        stage.record.notice = " ".join(filter(None, [stage.record.notice, notice]))
        return None
    stage.write(SPANS, tokens.table(inputs.sentence_ids))
    return tokens


def _typical(stage: Stage, inputs: Inputs, coded: CodedSentences) -> tuple[TypicalSentences, NDArray[np.float32]]:
    """Find typical sentences, and centred sentence vectors; runs during the mining of patterns, shows no bar."""
    options = stage.options
    plain = options.sentence_vectors == "plain"
    with stage.timed("vectors"):
        if options.vectors == "none":
            vectors = np.zeros((len(coded.vocabulary), 1), dtype=np.float32)
        elif options.vectors == "train":
            vectors = train_vectors(coded, options=options)
        else:
            read = read_vectors(Path(options.vectors), coded=coded, punctuation=plain)
            for notice in read.notices:
                stage.progress.message(notice)
            vectors = read.vectors
        if options.vectors != "none":
            write_npy(stage.run.folder / "signatures" / "word_vectors.npy", vectors)
    with stage.timed("typical sentences"):
        of_sentences = sentence_vectors(coded, vectors)
        typical = find_typical(
            plain_sentence_vectors(coded, vectors) if plain else of_sentences,
            inputs.lists,
            texts=inputs.sentences.column("text").to_pylist(),
            n_typical=options.n_typical,
            euclidean=options.typical_by == "euclidean",
            workers=stage.workers,
        )
    return typical, of_sentences


def _count(collected: Collected) -> list[Counted]:
    """Count every kind in all lists.

    Two at a time: part of each is plain Python, next to which the kernels of another can work.
    """
    stage, progress = collected.stage, StoppableProgress(collected.stage.progress)
    half = stage._replace(progress=progress, workers=(stage.workers + 1) // 2)
    collected = dataclasses.replace(collected, stage=half)
    collected.lists.prepare()
    with ThreadPoolExecutor(min(stage.workers, 2)) as pool:
        counted = [pool.submit(_count_kind, collected, kind) for kind in kinds() if kind.count is not None]
        try:
            for each in wait(counted, return_when=FIRST_EXCEPTION).done:
                each.result()
            return [each.result() for each in counted]
        except BaseException:
            progress.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _count_kind(collected: Collected, kind: EvidenceKind) -> Counted:
    """Count a kind in all lists and write its tables, of which the names are kept; earlier ones go."""
    if kind.count is None:
        return Counted()
    found = kind.count(collected)
    for name, table in found.tables.items():
        collected.stage.write(f"signatures/{name}", table)
    if kind.rows is not None and kind.rows.table not in found.tables:
        (collected.stage.run.folder / f"{kind.rows.name}.parquet").unlink(missing_ok=True)
    names = {name: table.slice(0, 0) for name, table in found.tables.items()}
    return dataclasses.replace(found, tables=names)


def _name(collected: Collected, counted: Sequence[Counted], *, typical: TypicalSentences) -> None:
    """Name every list and write the summary."""
    stage, inputs = collected.stage, collected.inputs
    n_lists = len(inputs.lists.rows)
    with stage.timed("names"), stage.progress.task("names", total=n_lists, unit="lists") as task:
        names = name_lists(collected, counted, advance=task.advance)
    table = summary_table(
        names,
        lists=inputs.lists,
        lengths=collected.lengths,
        columns={name: column for each in counted for name, column in each.columns.items()},
        typical=typical,
        sentence_ids=inputs.sentence_ids,
        constant=inputs.constant,
    )
    stage.write("signatures/summary", table)


def _senses(collected: Collected, search: SenseSearch) -> int:
    """Write the senses of all lists; say how many there are."""
    tables = search.tables([kind.sense_items for kind in kinds() if kind.sense_items is not None])
    for name, table in tables.items():
        collected.stage.write(f"signatures/{name}", table)
    return int(tables["senses"].num_rows)
