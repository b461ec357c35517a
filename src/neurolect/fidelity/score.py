"""Score signatures on held-out sentences, next to random weights, and on a second corpus."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus import Corpus, open_corpus
from neurolect.corpus.folder import open_recorded
from neurolect.errors import CorpusError, ModelError, RunFolderError
from neurolect.fidelity.options import FidelityOptions
from neurolect.fidelity.results import fitted, neurons_table, scores_table
from neurolect.fidelity.stage import Stage, score_folder, score_held_out
from neurolect.folders.atomic import write_table
from neurolect.folders.lock import only_here
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run, open_run
from neurolect.store.stages import check_current, making, record_again, recorded_options
from neurolect.visible import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurolect.model import Model


# Next to every score that of the same neuron in a randomly initialised model: what the architecture alone gives.
def compare_with_random(run: Run, control: Run) -> Run:
    """Note what the same neurons of another model scored.

    Returns: The run, opened again, with ``fidelity/control.parquet`` and ``fidelity/twins.parquet``.
    """
    for each in (run, control):
        check_current(each.folder, each.manifest, "fidelity")
    pairs: dict[str, list[Any]] = {
        "neurons": [each.manifest["model"]["sites"] for each in (run, control)],
        "corpora": [each.manifest["corpus"]["fingerprint"] for each in (run, control)],
        "ways of scoring": [each.manifest["options"]["fidelity"] for each in (run, control)],
    }
    for name, (here, there) in pairs.items():
        if here != there:
            what = f"{run.folder} and {control.folder} have different {name}: {here} and {there}."
            raise RunFolderError(what, expected="the same architecture on the same corpus, scored alike")
    table = control.table("fidelity/scores", columns=["neuron_id", "side", "evidence", "auroc", "spearman"])
    with making(run.folder, "control") as record:
        correlations = twin_correlations(run, control)
        ids = np.arange(run.n_neurons, dtype=np.int32)
        twins = pa.table({"neuron_id": ids, "correlation": pa.array(correlations, from_pandas=True)})
        write_table(run.folder / "fidelity" / "twins.parquet", twins)
        write_table(run.folder / "fidelity" / "control.parquet", pa.table(table))
        record.entry["model"] = control.manifest["model"]["name"]
    return Run(run.folder)


BLOCK = 512
"""Neurons whose activations are in memory at once."""


def twin_correlations(run: Run, control: Run) -> NDArray[np.float32]:
    """Correlate each neuron with that of the same place in another run of the corpus, over held-out sentences.

    Returns: float32, shape (n_neurons,). NaN where one of the two is constant.
    """
    here, there = (each.table("held_out/sentences", columns=["sentence_id"]) for each in (run, control))
    if not here.equals(there):
        what = f"{run.folder} and {control.folder} were scored on different held-out sentences."
        raise RunFolderError(what, expected="the same: prepare.held_out, collect.held_out_size and seeds alike")
    own, other = (each.array("held_out/activations") for each in (run, control))
    found = np.empty(len(own), dtype=np.float32)
    for start in range(0, len(own), BLOCK):
        pair = [np.asarray(each[start : start + BLOCK], dtype=np.float64) for each in (own, other)]
        x, y = (each - each.mean(axis=1, keepdims=True) for each in pair)
        scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
        found[start : start + BLOCK] = np.divide(
            (x * y).sum(axis=1), scale, out=np.full(len(x), np.nan), where=scale > 0
        )
    return found


# Have the model read more sentences for a run: its own held-out part, or a second corpus.
def load_model_of(
    run: Run, name: str | None = None, *, device: str = "cpu", load: "Callable[..., Model] | None" = None
) -> "Model":
    """Load the model of a run with the options it was collected with.

    Parameters
    ----------
    run : Run
        From :func:`neurolect.open_run`.
    name : str, optional
        Where the model is, if it has moved.
    device : str
        Where it runs.
    load : callable, optional
        What loads it, if not :func:`neurolect.load_model`.

    Returns
    -------
    Model
        That it is the run's own is checked.

    Raises
    ------
    ModelError
        If the model is another one than the run's, or cannot be loaded.
    """
    from neurolect.model import ModelOptions, load_model

    options = recorded_options(run.manifest, "model", ModelOptions)
    model = (load or load_model)(name or run.manifest["model"]["name"], options=options, device=device)
    wanted = run.manifest["model"]["fingerprint"]
    if model.fingerprint != wanted:
        what = f"{model.name} is not the model of {run.folder}: its fingerprint is {model.fingerprint}."
        raise ModelError(what, expected=f"fingerprint {wanted}", hint="Say where that model lies: --model FOLDER")
    return model


def pool_held_out_of(run: Run, model: "Model", *, progress: Progress | None = None) -> None:
    """Read the held-out part for a run that was collected without it."""
    from neurolect.collector import CollectOptions
    from neurolect.collector.held_out import pool_held_out

    if run.files.has("held_out/activations.npy") and run.array("held_out/activations").shape[1]:
        return
    path = run.manifest["corpus"]["path"]
    corpus = open_recorded(path, hint=f"Copy it back, or make a link there: ln -s FOLDER {quoted(path)}")
    if corpus.fingerprint != run.manifest["corpus"]["fingerprint"]:
        what = f"{corpus.folder} is not the corpus that {run.folder} was collected from."
        raise CorpusError(what, expected=f"fingerprint {run.manifest['corpus']['fingerprint']}")
    options = recorded_options(run.manifest, "collect", CollectOptions)
    with only_here(run.folder, doing="held-out part"):
        pool_held_out(model, corpus, run.folder, options=options, progress=progress or NullProgress())
        record_again(run.folder, "collect", beginning="held_out/")


def score_against(
    run: Run, corpus: Corpus, model: "Model", *, workers: int = 1, progress: Progress | None = None
) -> Path:
    """Score a run's signatures on sentences of another corpus.

    ``corpus``: A corpus the run has not read; a uniform sample of all of it is used.
    """
    from neurolect.collector import CollectOptions
    from neurolect.collector.held_out import choose_sentences, pool_sentences, write_pooled

    progress = progress or NullProgress()
    if corpus.fingerprint == run.manifest["corpus"]["fingerprint"]:
        what = f"{corpus.folder} is the corpus that {run.folder} was collected from."
        raise CorpusError(what, expected="another corpus", hint="Its held-out part is scored without --against.")
    compiled = fitted(run)
    folder = run.folder / "against" / corpus.fingerprint[:12]
    collected = recorded_options(run.manifest, "collect", CollectOptions)
    options = recorded_options(run.manifest, "fidelity", FidelityOptions)
    with making(run.folder, "against", keep=True) as record:
        files = [f"against/{folder.name}/{name}" for name in ("sentences.parquet", "activations.npy")]
        if not all(run.files.is_intact(name) for name in files):
            corpus.verify()
            size = collected.kept_activations(run.n_neurons).n_held_out or 4_000
            ids = choose_sentences(corpus, part="all", size=size, seed=collected.seed)
            with progress.task("second corpus", total=len(ids), unit="sentences") as task:
                lows = collected.bottom_by == "minimum"
                pooled = pool_sentences(model, corpus.take(ids), options=collected, task=task, lows=lows)
            write_pooled(folder, corpus, pooled, options=collected)
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


def score_fidelity(
    run: Run | str | Path,
    *,
    options: FidelityOptions | None = None,
    control: Run | str | Path | None = None,
    against: Corpus | str | Path | None = None,
    model: str | None = None,
    device: str = "cpu",
    workers: int = 1,
    progress: Progress | None = None,
) -> Run:
    """Score every signature of a run on sentences it was not made from.

    A run that was scored with the same options is left as it is.

    Parameters
    ----------
    run : Run, str or Path
        A described run with a held-out part.
    options : FidelityOptions, optional
        How to score; the run's own when not given.
    control : Run, str or Path, optional
        A scored run of the same architecture with random weights, to note what the same neurons scored there.
    against : Corpus, str or Path, optional
        A second corpus to score the same signatures on.
    model : str, optional
        Where the run's model lies now; it reads the second corpus, and the held-out part of a run without one.
    device : str
        Where the model runs.
    workers : int
        Processes and threads.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    Run
        The run, opened again, with ``fidelity/``.

    Raises
    ------
    RunFolderError
        If the run has not been described or has no held-out sentences, or the control does not fit it.
    ModelError
        If the model cannot be loaded or is another one.
    CorpusError
        If a corpus is no longer there or another one.
    """
    opened, progress = open_run(run), progress or NullProgress()
    with progress.step("load the model"):
        loaded = load_model_of(opened, model, device=device) if model or against else None
    if loaded is not None:
        pool_held_out_of(opened, loaded, progress=progress)
    scored = score_held_out(opened, options=options, workers=workers, progress=progress)
    if control is not None:
        scored = compare_with_random(scored, open_run(control))
    if against is not None and loaded is not None:
        score_against(scored, open_corpus(against), loaded, workers=workers, progress=progress)
    return Run(scored.folder)
