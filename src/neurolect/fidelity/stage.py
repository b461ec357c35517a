"""The fidelity stage: every signature compiled to a scoring function and scored on held-out sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.fidelity.evaluate import FEW, HeldOut, Scores, derangement, evaluate
from neurolect.fidelity.fit import fit
from neurolect.fidelity.inputs import (
    SenseVectors,
    no_senses,
    read_features,
    read_mining,
    senses_of_mining,
    sentence_features,
    top_share_of,
    vectors_for,
)
from neurolect.fidelity.names import parts_held
from neurolect.fidelity.options import FidelityOptions
from neurolect.fidelity.results import Compiled, neurons_table, scores_table, write_compiled
from neurolect.folders.atomic import write_table
from neurolect.progress import NullProgress, Progress
from neurolect.results.number import nearly_constant
from neurolect.signatures.annotation.annotate import annotate, annotation_cache
from neurolect.signatures.annotation.coding import code_sentences
from neurolect.signatures.annotation.word_rule import check_same_rule
from neurolect.signatures.evidence.collected import Annotated, described_with
from neurolect.signatures.evidence.senses import has_senses
from neurolect.signatures.inputs import groups_of
from neurolect.store import Run
from neurolect.store.stages import StageRecord, check_current, made_with, making, recorded_options
from neurolect.visible import quoted


class Stage(NamedTuple):
    """What every step of the stage needs."""

    run: Run
    options: FidelityOptions
    workers: int
    progress: Progress
    record: StageRecord

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time of a step to the account, and report how long it takes where the step itself is silent."""
        with self.record.timed(name), self.progress.step(name):
            yield


def score_held_out(
    run: Run,
    *,
    options: FidelityOptions | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Run:
    """Score every signature on the run's own held-out sentences."""
    options = options or recorded_options(run.manifest, "fidelity", FidelityOptions)
    progress = progress or NullProgress()
    check_ready(run)
    if made_with(run.folder, run.manifest, "fidelity", options):
        progress.message(f"{run.folder} is already scored.")
        return Run(run.folder)
    with making(run.folder, "fidelity", options=options) as record:
        stage = Stage(run, options, workers, progress, record)
        scores = score_folder(stage, run.folder / "held_out", compiled=_fit(stage))
        with stage.timed("write"):
            write_table(run.folder / "fidelity" / "scores.parquet", scores_table(scores, sides=run.sides))
            write_table(run.folder / "fidelity" / "neurons.parquet", neurons_table(scores, sides=run.sides))
        n_refused = sum(each is not None for each in scores.refused)
        if n_refused:
            why = ", ".join(sorted({each for each in scores.refused if each is not None}))
            refused = f"{n_refused:,} of {len(scores.refused):,} lists have no score ({why})"
            progress.message(f"{refused}; what that means: neurolect fidelity {quoted(run.folder)}")
            if FEW in scores.refused:
                wanted = f"{options.min_positives} of a neuron's are asked for"
                set_aside = "set more documents aside (--set prepare.held_out=0.5)"
                progress.message(f"Too few held-out sentences: {wanted}. In a new --out, {set_aside}.")
        record.entry |= {
            "n_sentences": int(scores.n_sentences.max(initial=0)),
            "n_scored": len(scores.refused) - n_refused,
            "n_refused": n_refused,
            "top_share": top_share_of(run, options=options, n_sentences=run.array("held_out/activations").shape[1]),
        }
    return Run(run.folder)


def check_ready(run: Run) -> None:
    """Refuse a run that cannot be scored."""
    check_current(run.folder, run.manifest, "describe")
    check_same_rule(run, doing="scores of its signatures")
    if not run.files.has("held_out/activations.npy"):
        what = f"The run folder {run.folder} has no held-out sentences to score signatures on."
        hint = f"Have the model read them now: neurolect fidelity {quoted(run.folder)} --model MODEL"
        n_sentences, n_mining = (run.manifest["corpus"].get(name, 0) for name in ("n_sentences", "n_mining"))
        if n_sentences == n_mining:
            hint = "Its corpus has nothing set aside: prepare more documents, with --set prepare.held_out=0.1"
        raise RunFolderError(what, hint=hint)


def _fit(stage: Stage) -> Compiled:
    """Compile the signatures on the mining part and write the weights."""
    run, options = stage.run, stage.options
    sides = run.sides
    with stage.timed("read"):
        features = read_features(run, sides=sides, n_evidence=options.n_evidence)
        mining = read_mining(run, options=options)
    with stage.timed("features"):
        sentences = sentence_features(features, mining.sentences)
    coded = mining.sentences.coded
    n_lists = len(mining.lists.rows)
    senses, middle = no_senses(coded.n_sentences, n_lists=n_lists), np.empty(0, np.float32)
    if has_senses(run):
        with stage.timed("senses"):
            senses, middle = senses_of_mining(run, coded, mining.lists, options=options)
    with stage.record.timed("fit"), stage.progress.task("compile signatures", total=n_lists, unit="lists") as task:
        weights = fit(
            features,
            sentences,
            lists=mining.lists.rows,
            background=mining.background,
            options=options,
            senses=senses,
            workers=stage.workers,
            advance=task.advance,
        )
    compiled = Compiled(features, weights, senses.centroids, senses.starts, middle)
    with stage.timed("write"):
        write_compiled(run, compiled)
    return compiled


def senses_of(sentences: Annotated, *, compiled: Compiled) -> SenseVectors:
    """Give sentences that nothing was fitted on their vectors."""
    if not has_senses(sentences.run):
        return no_senses(sentences.coded.n_sentences, n_lists=len(compiled.features.offsets) - 1)
    vectors = vectors_for(sentences.run, sentences.coded, middle=compiled.middle)
    return SenseVectors(vectors, compiled.centroids, compiled.starts)


def annotated_part(stage: Stage, folder: Path) -> Annotated:
    """Read a folder of sentences with their words, tags and trees."""
    run = stage.run
    name = folder.relative_to(run.folder).as_posix()
    sentences = run.table(f"{name}/sentences")
    tagger = run.manifest["stages"]["describe"].get("tagger", "none")
    tagger = None if tagger == "none" else tagger
    parse = tagger is not None and described_with(run).trees == "dependencies"
    with stage.timed("annotate"):
        annotations = annotate(
            sentences.column("text").to_pylist(),
            tagger=tagger,
            parse=parse,
            cache=annotation_cache(run.manifest["corpus"].get("path"), tagger=tagger, parse=parse),
            workers=stage.workers,
            progress=stage.progress,
        )
    return Annotated(run, described_with(run), sentences, annotations, code_sentences(annotations))


def score_folder(stage: Stage, folder: Path, *, compiled: Compiled) -> Scores:
    """Score signatures on a folder of sentences and activations."""
    run, options = stage.run, stage.options
    activations: NDArray[np.float32] = run.array(f"{folder.relative_to(run.folder).as_posix()}/activations")
    features, n_lists = compiled.features, len(compiled.features.offsets) - 1
    annotated = annotated_part(stage, folder)
    columns = {
        "sentence_id": annotated.table.column("sentence_id"),
        "words": annotated.annotations.words,
        "tags": annotated.annotations.tags,
    }
    write_table(folder / "annotations.parquet", pa.table(columns))
    with stage.timed("features of held-out sentences"):
        found, senses = sentence_features(features, annotated), senses_of(annotated, compiled=compiled)
    turned = found.by_feature(len(features.labels))
    documents = annotated.table.column("document_id").to_numpy()
    names = parts_held(run, annotated)
    lowest = run.manifest["options"].get("collect", {}).get("bottom_by") == "minimum"
    name = f"{folder.relative_to(run.folder).as_posix()}/lows"
    lows = run.array(name) if lowest and run.files.has(f"{name}.npy") else None
    still, latent = nearly_constant(run), run.index.latent
    held_out = HeldOut(turned, documents, activations, senses, still, names, lowest, latent, lows)
    sides = run.sides
    groups = groups_of(run, n_sides=len(sides))
    with stage.record.timed("score"), stage.progress.task("score signatures", total=n_lists, unit="lists") as task:
        return evaluate(
            features,
            compiled.weights,
            held_out,
            sides=sides,
            groups=groups,
            other=derangement(groups, seed=options.seed),
            top_share=top_share_of(run, options=options, n_sentences=len(documents)),
            options=options,
            workers=stage.workers,
            advance=task.advance,
        )
