"""Have the model read more sentences for a run: its own held-out part, or a second corpus."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurolect.atomic import write_npy, write_table
from neurolect.corpus import Corpus, open_corpus
from neurolect.errors import CorpusError, ModelError
from neurolect.fidelity.compiled import fitted
from neurolect.fidelity.options import FidelityOptions
from neurolect.fidelity.results import neurons_table, scores_table
from neurolect.fidelity.stage import Stage, score_folder
from neurolect.folders.lock import only_here
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run
from neurolect.store.stages import making, recorded_options

if TYPE_CHECKING:
    from neurolect.model import Model


def load_model_of(run: Run, name: str | None = None, *, device: str = "cpu") -> "Model":
    """Load the model of a run with the options it was collected with."""
    from neurolect.model import ModelOptions, load_model

    options = recorded_options(run.manifest, "model", ModelOptions)
    model = load_model(name or run.manifest["model"]["name"], options=options, device=device)
    wanted = run.manifest["model"]["fingerprint"]
    if model.fingerprint != wanted:
        what = f"{model.name} is not the model of {run.folder}: its fingerprint is {model.fingerprint}."
        raise ModelError(what, expected=f"fingerprint {wanted}", hint="Say where that model lies: --model FOLDER")
    return model


def pool_held_out_of(run: Run, model: "Model", *, progress: Progress | None = None) -> None:
    """Read the held-out part for a run that was collected without it."""
    from neurolect.collector import CollectOptions
    from neurolect.collector.held_out import n_pooled, pool_held_out

    if n_pooled(run.folder):
        return
    corpus = open_corpus(run.manifest["corpus"]["path"])
    if corpus.fingerprint != run.manifest["corpus"]["fingerprint"]:
        what = f"{corpus.folder} is not the corpus that {run.folder} was collected from."
        raise CorpusError(what, expected=f"fingerprint {run.manifest['corpus']['fingerprint']}")
    options = recorded_options(run.manifest, "collect", CollectOptions)
    with only_here(run.folder, doing="held-out part"):
        pool_held_out(model, corpus, run.folder, options=options, progress=progress or NullProgress())


def score_against(
    run: Run, corpus: Corpus, model: "Model", *, workers: int = 1, progress: Progress | None = None
) -> Path:
    """Score a run's signatures on sentences of another corpus.

    ``corpus``: A corpus the run has not read; a uniform sample of all of it is used.
    """
    from neurolect.collector import CollectOptions
    from neurolect.collector.held_out import choose_sentences, pool_sentences
    from neurolect.collector.kept_sentences import take_kept

    progress = progress or NullProgress()
    if corpus.fingerprint == run.manifest["corpus"]["fingerprint"]:
        what = f"{corpus.folder} is the corpus that {run.folder} was collected from."
        raise CorpusError(what, expected="another corpus", hint="Its held-out part is scored without --against.")
    compiled = fitted(run)
    folder = run.folder / "against" / corpus.fingerprint[:12]
    collected = recorded_options(run.manifest, "collect", CollectOptions)
    options = recorded_options(run.manifest, "fidelity", FidelityOptions)
    with making(run.folder, "against", keep=True) as record:
        if not (folder / "activations.npy").is_file():
            ids = choose_sentences(corpus, part="all", size=collected.held_out_size or 4_000, seed=collected.seed)
            with progress.task("second corpus", total=len(ids), unit="sentences") as task:
                pooled = pool_sentences(model, corpus.take(ids), options=collected, task=task)
            order = np.argsort(pooled.sentence_ids, kind="stable")
            write_table(folder / "sentences.parquet", take_kept(corpus, pooled.sentence_ids[order]))
            write_npy(folder / "activations.npy", np.ascontiguousarray(pooled.activations[order].T))
        within = Run(run.folder, within="against")
        scores = score_folder(Stage(within, options, workers, progress, record), folder, compiled=compiled)
        write_table(folder / "scores.parquet", scores_table(scores, sides=run.sides))
        write_table(folder / "neurons.parquet", neurons_table(scores, sides=run.sides))
        entry = {
            "folder": folder.name,
            "path": corpus.location,
            "n_sentences": int(scores.n_sentences.max()),
        }
        earlier = against_of(run)  # of this state of the run; what is older is left out
        record.entry["corpora"] = [each for each in earlier if each["folder"] != folder.name] + [entry]
    return folder


def against_of(run: Run) -> list[dict[str, Any]]:
    """Give the second corpora that the run as it is was scored on: ``folder``, ``path``, ``n_sentences``."""
    if not run.is_current("against"):
        return []
    found: list[dict[str, Any]] = run.manifest["stages"]["against"]["corpora"]
    return found
