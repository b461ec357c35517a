"""Score signatures on held-out sentences, next to random weights, and on a second corpus."""

from pathlib import Path

from neurolect.corpus import Corpus, open_corpus
from neurolect.fidelity.options import FidelityOptions
from neurolect.fidelity.random_control import compare_with_random
from neurolect.fidelity.second_corpus import load_model_of, pool_held_out_of, score_against
from neurolect.fidelity.stage import score_held_out
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run, open_run


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
    loaded = load_model_of(opened, model, device=device) if model or against else None
    if loaded is not None:
        pool_held_out_of(opened, loaded, progress=progress)
    scored = score_held_out(opened, options=options, workers=workers, progress=progress)
    if control is not None:
        scored = compare_with_random(scored, open_run(control))
    if against is not None and loaded is not None:
        score_against(scored, open_corpus(against), loaded, workers=workers, progress=progress)
    return Run(scored.folder)
