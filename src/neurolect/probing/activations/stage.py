"""From a model and labelled data to a store of activations."""

from collections.abc import Callable, Sequence
from pathlib import Path

from neurolect.errors import OptionError
from neurolect.folders.lock import only_here
from neurolect.model import Model, ModelOptions, load_model
from neurolect.probing.activations.plan import plan_rows
from neurolect.probing.activations.reader import ActivationStore
from neurolect.probing.activations.record import (
    PLAN,
    begin,
    key_of,
    not_free,
    write_manifest,
    write_skipped,
    write_units,
)
from neurolect.probing.activations.shards import write_shards
from neurolect.probing.concepts.choose import Concept
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.probing.concepts.units import Units, read_labelled
from neurolect.progress import NullProgress, Progress


def read_activations(
    model: Model | str,
    labelled: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    concept: Concept,
    options: ActivationsOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> ActivationStore:
    """Read a model's neurons at labelled words, pairs of words or sentences.

    Rows are written to files as they are read; nothing is held but a batch. The same call resumes where an earlier
    one was killed, and its files have the same bytes.

    Parameters
    ----------
    model : Model or str
        A loaded model, or its folder or name.
    labelled : str, Path or sequence of them
        Files, folders or globs: CoNLL-like columns, Parquet or JSON lines with lists of words and labels, texts
        with fields (also CSV), texts.
    out : str or Path
        The folder to make, or to resume.
    concept : str or callable
        A column or field (``tags``), one value of it (``tags=nn``), ``suffix``, ``arcs``, ``position``, ``length``,
        ``frequency``, a ready set (``articles``), ``words=a,b``, ``regex=...``, ``pattern=at jj* nn``, ``senses``;
        or a function that gives a label, or None, for each of a sentence's words. ``docs/probing.md`` has all.
    options : ActivationsOptions, optional
        Tokens of a word, parts, limits, number format; the defaults when not given.
    model_options : ModelOptions, optional
        Sites, layers, pooling of sentences; not with a loaded model.
    device : str
        Where the model runs.
    progress : Progress, optional
        Where to report.

    Returns
    -------
    ActivationStore
        Opened; ``manifest["counts"]`` and :meth:`ActivationStore.skipped` say what became of the data.

    Raises
    ------
    ProbingError
        If no unit is labelled, classes are too few or too small, activations are not finite, or ``out`` has
        something else in it.
    OptionError
        If there is no such concept, or options do not go together.
    CorpusError
        If the data cannot be read.
    ModelError
        If the model cannot be loaded.
    """
    return read_checked(
        model,
        labelled,
        out=out,
        concept=concept,
        options=options,
        model_options=model_options,
        device=device,
        progress=progress,
    )


def read_checked(
    model: Model | str,
    labelled: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    concept: Concept,
    options: ActivationsOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    check: Callable[[Units], None] = lambda units: None,
) -> ActivationStore:
    """Do so once the labelled units have passed a check, before the model is loaded."""
    options, progress, folder = options or ActivationsOptions(), progress or NullProgress(), Path(out)
    if isinstance(model, Model) and model_options is not None:
        what = "A loaded model and options of the model were both given."
        raise OptionError(what, hint="Load it with those options: load_model(name, options=...).")
    sources = [labelled] if isinstance(labelled, str | Path) else list(labelled)
    sentences, units, skipped, notices = read_labelled(sources, concept, options=options)
    check(units)
    with progress.step("load the model"):
        loaded = model if isinstance(model, Model) else load_model(model, options=model_options, device=device)
    plan = plan_rows(loaded, sentences, units, skipped=skipped, options=options, progress=progress)
    name = concept if isinstance(concept, str) else f"function {getattr(concept, '__qualname__', 'given')}"
    if folder.is_file():
        raise not_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with only_here(folder, doing="reading activations"):
        if not begin(folder, key_of(plan, loaded, options=options, concept=name)):
            write_shards(folder, loaded, plan, options=options, progress=progress)
            write_units(folder, plan)
            write_skipped(folder, plan)
            write_manifest(
                folder,
                plan,
                loaded,
                options=options,
                concept=name,
                sources=[str(each) for each in sources],
                notices=[*notices, *plan.notices],
            )
        (folder / PLAN).unlink(missing_ok=True)
    return ActivationStore(folder)
