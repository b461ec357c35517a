"""Look for the papers' findings again, from a model and a corpus to a report."""

from pathlib import Path

from neurolect.config import RunConfig, load_config
from neurolect.paper.data_step import gather_data, main_corpus
from neurolect.paper.folder import PaperFolder
from neurolect.paper.options import STEPS, PaperOptions
from neurolect.paper.steps import (
    PAPER_DEFAULTS,
    collect_runs,
    compare_runs,
    describe_runs,
    make_variants,
    relate_runs,
    resting_on,
)
from neurolect.progress import NullProgress, Progress


def reproduce_paper(
    *,
    out: str | Path,
    options: PaperOptions | None = None,
    config: RunConfig | None = None,
    device: str = "cpu",
    workers: int = 1,
    progress: Progress | None = None,
) -> Path | None:
    """Make the variants of a model, let all read a corpus, compare them, and write the report.

    Every step that is done in ``out`` is left as it is: the same call resumes after a stop, and steps made on
    another machine can be copied in. Up to ``compare`` neither a tagger nor matplotlib is needed.

    Parameters
    ----------
    out : str or Path
        The folder to write, or to resume.
    options : PaperOptions, optional
        Model, corpus, labels, and the last step; the defaults need the extra ``demo``.
    config : RunConfig, optional
        Options of the stages; top lists in shuffled order when not given.
    device : str
        Where models run and are trained.
    workers : int
        Processes for reading and annotating.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    Path or None
        The report; None where the last step asked for comes before it.

    Raises
    ------
    OptionError
        If a field that was named is not there, or ``out`` was started with other options.
    VariantError
        If labels that were asked for are missing.
    NeurolectError
        What any of the stages raises.
    """
    options, progress = options or PaperOptions(), progress or NullProgress()
    config = config or load_config(defaults=PAPER_DEFAULTS)
    folder = PaperFolder(Path(out))
    steps = STEPS[: STEPS.index(options.until) + 1]
    folder.begin(resting_on(options, config))
    corpus = main_corpus(folder, options, how=config.prepare, workers=workers, progress=progress)
    gather_data(folder, options, corpus=corpus, workers=workers, progress=progress)
    if "variants" in steps:
        make_variants(folder, options, config=config, device=device, progress=progress)
    if "collect" in steps:
        collect_runs(folder, options, corpus=corpus, config=config, device=device, progress=progress)
    if "compare" in steps:
        compare_runs(folder, options, config=config, device=device, progress=progress)
    if "describe" in steps:
        describe_runs(folder, config=config, workers=workers, progress=progress)
    if "relate" in steps:
        relate_runs(folder, options, config=config, device=device, workers=workers, progress=progress)
    if "report" not in steps:
        return None
    from neurolect.paper.report import write_report

    return write_report(folder, progress=progress)
