"""Prompts and names as files that other people's tools read: OpenAI's batches, delphi, SAEDashboard, Neuronpedia.

Their formats were read from their sources, and are written by code of our own: docs/naming.md says which and when.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurolect.errors import OptionError, RunFolderError, nearest
from neurolect.folders.atomic import replacing_folder, write_text
from neurolect.folders.formats import check_no_part
from neurolect.naming.answers import AnswerStore
from neurolect.naming.batches import request
from neurolect.naming.dashboards import write_dashboards
from neurolect.naming.judging import choice_of
from neurolect.naming.options import NameOptions
from neurolect.naming.plan import ListToName, Plan, make_plan
from neurolect.naming.questions import NAME, read_name
from neurolect.naming.stage import questions_of
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run, open_run
from neurolect.store.stages import recorded_options
from neurolect.visible import escaped_json, strict_json

SOME_MODEL = "a-model"
"""What prompts call the model where none has named yet and none is given."""
TARGETS = ("batch", "delphi", "neuronpedia")


class Exported(NamedTuple):
    """What was written."""

    what: str
    """In words, with numbers."""


def export_names(
    run: Run | str | Path,
    *,
    to: str,
    out: Path,
    model: str | None = None,
    neurons: Sequence[str] = (),
    options: NameOptions | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write prompts, or names and sentences, for other people's tools; no server is asked.

    Parameters
    ----------
    run : Run, str or Path
        A described run with a held-out part.
    to : str
        ``batch``: a file of prompts, JSON lines of OpenAI's batch format. ``delphi``: a folder of explanations and
        detection scores. ``neuronpedia``: a folder of SAEDashboard's ``batch-0.json`` for each site and layer, and
        Neuronpedia's explanations.
    out : Path
        The file, or the folder.
    model : str, optional
        The model that the prompts are for, and whose names are written where it gave some; by default the one that
        named last.
    neurons : sequence of str
        Addresses, as for :func:`name_neurons`.
    options : NameOptions, optional
        The run's own when not given.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Exported
        What was written.

    Raises
    ------
    OptionError
        If there is no such target.
    RunFolderError
        If the run has not been described or has no held-out sentences, or ``out`` is a part of a run or is there.
    NeuronAddressError
        If there is no such neuron.
    """
    if to not in TARGETS:
        what = f"There is no export of names to {to!r}."
        raise OptionError(what, expected=", ".join(TARGETS), hint=f"The nearest: {nearest(to, TARGETS)}.")
    run, out = open_run(run), Path(out)
    options = options or recorded_options(run.manifest, "name", NameOptions)
    check_no_part(out)
    if to != "batch" and out.exists() and not (out.is_dir() and not any(out.iterdir())):
        what = f"{out} is there already."
        raise RunFolderError(what, hint="Give another --out.")
    model = model or str(run.manifest["stages"].get("name", {}).get("model") or SOME_MODEL)
    plan = make_plan(run, model=model, neurons=neurons, options=options, progress=progress or NullProgress())
    store = AnswerStore(run.folder)
    if to == "batch":
        lines = list(_batch(plan, run, store))
        if not lines:
            what = f"All questions of these {len(plan.lists):,} lists of {run.folder} have answers."
            raise OptionError(what, expected="lists to ask of", hint="others: --neurons")
        write_text(out, "".join(escaped_json(json.dumps(line, ensure_ascii=False)) + "\n" for line in lines))
        n_names = sum(line["custom_id"].split()[2] == NAME for line in lines)
        return Exported(f"{n_names:,} prompts for names, {len(lines) - n_names:,} to judge them")
    with replacing_folder(out, error=RunFolderError) as fresh:
        if to == "delphi":
            n_names, n_scores = _delphi(plan, store, fresh)
            return Exported(f"{n_names:,} explanations, {n_scores:,} detection scores")
        return Exported(write_dashboards(run, plan, names_by(plan, store), fresh))


def names_by(plan: Plan, store: AnswerStore) -> dict[int, tuple[str, str]]:
    """Give the name of every list and who made it: the model, else the automatic one.

    Returns: neuron id to name and model (``neurolect`` for automatic ones).
    """
    found: dict[int, tuple[str, str]] = {}
    for each in plan.lists:
        record = store.get(each.question)
        name = None if record is None else read_name(record["answer"])
        if name:
            found[each.neuron_id] = (name, plan.model)
        elif each.automatic:
            found[each.neuron_id] = (each.automatic, "neurolect")
    return found


def _batch(plan: Plan, run: Run, store: AnswerStore) -> Iterator[dict[str, Any]]:
    """Yield requests of OpenAI's batch format: what has no answer yet, names first."""
    for each, kind, question in questions_of(plan, run):
        if store.get(question) is None:
            yield request(question, about=f"{each.address} {plan.options.side} {kind}")


def _delphi(plan: Plan, store: AnswerStore, folder: Path) -> tuple[int, int]:
    """Write ``explanations/`` and ``scores/detection/``, a file of JSON for every latent, as delphi does."""
    names = names_by(plan, store)
    n_scores = 0
    for each in plan.lists:
        if each.neuron_id not in names:
            continue
        name = names[each.neuron_id][0]
        module, _, index = each.address.rpartition(".")
        file = f"{module}_latent{index}.txt"
        write_text(folder / "explanations" / file, escaped_json(json.dumps(name, ensure_ascii=False)))
        samples = _samples(plan, each, name, store)
        if samples is not None:
            n_scores += 1
            text = escaped_json(strict_json(samples))
            write_text(folder / "scores" / "detection" / file, text)
    return len(names), n_scores


def _samples(plan: Plan, each: ListToName, name: str, store: AnswerStore) -> list[dict[str, Any]] | None:
    """Give a judge's choices as delphi gives its scorer's; None where it was not judged, or not of all sentences.

    A sentence is one token here: neurolect's activations are of sentences.
    """
    choice = choice_of(plan, each, plan.fits(each, name), store)
    if each.judged is None or not choice.read.all():
        return None
    strongest = np.flatnonzero(each.judged.fits)
    order = strongest[np.argsort(-np.abs(np.array(each.judged.activations)[strongest]), kind="stable")]
    tenth = {int(row): 1 + 10 * rank // len(order) for rank, row in enumerate(order)}
    return [
        {
            "str_tokens": [text],
            "activations": [float(activation)],
            "distance": tenth.get(place, -1),
            "activating": bool(fits),
            "prediction": bool(choice.fits[place]),
            "probability": float(choice.probabilities[place]) if choice.is_graded else None,
            "correct": bool(choice.fits[place]) == bool(fits),
        }
        for place, (text, activation, fits) in enumerate(
            zip(each.judged.texts, each.judged.activations, each.judged.fits, strict=True)
        )
    ]
