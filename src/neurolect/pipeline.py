"""The three stages in one: sources to corpus, corpus and model to lists, lists to signatures with their scores."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from neurolect.config import RunConfig
from neurolect.corpus import Corpus, PrepareOptions, open_corpus, prepare
from neurolect.corpus.reading.sources import find_sources
from neurolect.errors import RunFolderError
from neurolect.folders.remote import place, publish, uploading
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run, open_run
from neurolect.store.stages import recorded_options, remember_options

__all__ = ["describe_and_score", "run"]


@uploading
def run(
    model: str,
    sources: Sequence[str | Path],
    *,
    out: str | Path,
    config: RunConfig | None = None,
    device: str = "cpu",
    workers: int = 1,
    control: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Go the whole way: prepare, collect, describe.

    Every stage that is already done in ``out`` is left as it is, so the same call resumes after a stop.

    Parameters
    ----------
    model : str
        A folder, a hub name, ``minilm`` or ``smollm2``.
    sources : sequence of str or Path
        Files, folders, globs, ``hf:`` data sets; or one prepared corpus folder.
    out : str or Path
        The run folder. A corpus that is prepared on the way is next to it, as ``<out>-corpus``.
    config : RunConfig, optional
        All options.
    device : str
        Where the model runs, e.g. ``cpu``, ``cuda``.
    workers : int
        Processes for reading and annotating.
    control : bool
        Also read the same network with random weights (``<out>-random-model``, a run in ``<out>-random``), and keep
        next to every score what the neuron of the same place scored there, and the correlation of the two.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    Run
        The described run folder.

    Raises
    ------
    NeurolectError
        What any of the stages raises.
    """
    # here and not above: torch takes seconds to import, and wrong sources should be reported at once
    from neurolect.collector import collect
    from neurolect.model import load_model

    config = config or RunConfig()
    progress = progress or NullProgress()
    out = Path(out)
    config = dataclasses.replace(config, prepare=config.prepare.for_model(model))
    corpus = _corpus(sources, out, config, workers, progress)
    with progress.step("load the model"):
        loaded = load_model(model, options=config.model, device=device)
    collected = collect(loaded, corpus, out=out, options=config.collect, progress=progress)
    remember_options(out, {"describe": config.describe, "fidelity": config.fidelity, "relate": config.relate})
    done = describe_and_score(collected, config=config, workers=workers, progress=progress)
    if control:
        done = _with_control(done, model, corpus, config=config, device=device, workers=workers, progress=progress)
    return done


def _with_control(
    done: Run,
    model: str,
    corpus: Corpus,
    *,
    config: RunConfig,
    device: str,
    workers: int,
    progress: Progress,
) -> Run:
    """Make the twin with random weights, read and score it, and note its scores."""
    from neurolect.fidelity import score_fidelity
    from neurolect.variants import variant

    if not done.is_current("fidelity"):
        what = f"{done.folder} is not scored: there is nothing to compare with random weights."
        hint = "Leave fidelity.after_describe on, and a part of the documents set aside (prepare.held_out)."
        raise RunFolderError(what, hint=hint)
    if done.is_current("control"):
        progress.message(f"{done.folder} already has its control.")
        return done
    folder = done.folder
    weights = folder.with_name(f"{folder.name}-random-model")
    if not (weights / "config.json").is_file():
        variant(model, "random", out=weights, seed=0, model_options=config.model, progress=progress)
    twin = folder.with_name(f"{folder.name}-random")
    progress.message(f"The same network with random weights is read: {twin}.")
    scored = run(
        str(weights),
        [str(corpus.location)],
        out=twin,
        config=config,
        device=device,
        workers=workers,
        progress=progress,
    )
    return score_fidelity(done, options=config.fidelity, control=scored, progress=progress)


def describe_and_score(
    run: Run | str | Path, *, config: RunConfig | None = None, workers: int = 1, progress: Progress | None = None
) -> Run:
    """Make every neuron's signature, and score it where the run has held-out sentences.

    Parameters
    ----------
    run : Run, str or Path
        A collected run.
    config : RunConfig, optional
        All options, the run's own when not given; ``fidelity.after_describe`` says whether signatures are scored.
    workers : int
        Processes and threads.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    Run
        The described run folder.

    Raises
    ------
    NeurolectError
        What any of the two stages raises.
    """
    run = open_run(run)
    from neurolect.signatures import describe

    progress = progress or NullProgress()
    options = config.describe if config else None
    scores = _can_be_scored(run, config, progress)
    described = describe(run, options=options, workers=workers, progress=progress)
    scored = _scored(described, config, workers, progress) if scores else described
    publish(scored.folder)
    return scored


def _can_be_scored(run: Run, config: RunConfig | None, progress: Progress) -> bool:
    """Say before signatures are made whether they are asked to be scored, and can be."""
    from neurolect.fidelity import FidelityOptions

    options = config.fidelity if config else recorded_options(run.manifest, "fidelity", FidelityOptions)
    if not options.after_describe:
        return False
    if not run.files.has("held_out/activations.npy"):
        progress.message(
            f"{run.folder} has no held-out sentences: its signatures are not scored. Documents are set aside "
            "with --set prepare.held_out=0.1 in a new --out, if the corpus has more than a few."
        )
        return False
    n = run.array("held_out/activations").shape[1]
    if n < 2 * options.min_positives:
        progress.message(
            f"{run.folder} has {n:,} held-out sentences, and fidelity.min_positives asks for "
            f"{options.min_positives:,} that a neuron responds to and as many others: its signatures will have no "
            "score. A larger prepare.held_out or collect.held_out_size would do, in a new --out; "
            "--set fidelity.after_describe=false spares the time."
        )
    return True


def _scored(described: Run, config: RunConfig | None, workers: int, progress: Progress) -> Run:
    """Score signatures."""
    from neurolect.fidelity import FidelityOptions, score_fidelity

    options = config.fidelity if config else recorded_options(described.manifest, "fidelity", FidelityOptions)
    return score_fidelity(described, options=options, workers=workers, progress=progress)


def _corpus(
    sources: Sequence[str | Path], out: Path, config: RunConfig, workers: int, progress: Progress
) -> Corpus:
    """Open the corpus if one is given or was prepared before; prepare it otherwise."""
    if len(sources) == 1 and (place(sources[0]) / "manifest.json").is_file():
        return open_corpus(sources[0])
    folder = out.with_name(f"{out.name}-corpus")
    if (folder / "manifest.json").is_file():
        corpus = open_corpus(folder)
        if _made_from(corpus, sources, config):
            progress.message(f"{folder} is already prepared.")
            return corpus
    return prepare(sources, out=folder, options=config.prepare, workers=workers, progress=progress)


def _made_from(corpus: Corpus, sources: Sequence[str | Path], config: RunConfig) -> bool:
    """Say whether a corpus was prepared from these files with these options."""
    now = [(source.name, source.n_bytes) for source in find_sources(list(sources))]
    then = [(entry["name"], entry["bytes"]) for entry in corpus.manifest["sources"]]
    # the manifest was JSON, where tuples are lists
    options = json.loads(json.dumps(dataclasses.asdict(config.prepare)))
    # a corpus of an earlier version lacks the options that came later
    recorded = {**dataclasses.asdict(PrepareOptions()), **corpus.manifest["options"]}
    return now == then and json.loads(json.dumps(recorded)) == options
