"""The name stage: ask for names, have a judge say which held-out sentences fit them, and the automatic ones."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from neurolect.errors import EndpointError, OptionError, RunFolderError
from neurolect.folders.atomic import write_table
from neurolect.naming.answers import AnswerStore
from neurolect.naming.asking import Asker, ToAsk
from neurolect.naming.batches import NOT_IN_FILE, BatchAnswers
from neurolect.naming.endpoint import Endpoint
from neurolect.naming.judging import NONSENSE_FIT, NONSENSE_YES, all_graded, choice_of, judged
from neurolect.naming.options import LIST, SENTENCE, NameOptions
from neurolect.naming.plan import ListToName, Plan, make_plan
from neurolect.naming.questions import FIT, NAME, Question, read_name
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run, open_run
from neurolect.store.stages import StageRecord, making, plain_options, recorded_options

TABLE = "names/neurons"
NONSENSE_NAME, NOT_ASKED = "its answer is no name", "not asked"
"""Why a list has no name, in addition to the reasons of an endpoint."""
OWN, AUTOMATIC, OTHER = "score", "automatic_score", "other_score"
"""What is judged: the name, the automatic one, and the name of another list."""
JUDGED = (OWN, AUTOMATIC, OTHER)
_NUMBERS = [f"{name}{end}" for name in JUDGED for end in ("", "_low", "_high")]
_COUNTS = [f"{name}_n" for name in JUDGED]
ROWS = pa.schema(
    [
        ("neuron_id", pa.int32()),
        ("side", pa.string()),
        *((name, pa.string()) for name in ("model", "judge", "name", "failed", "asked")),
        ("n_judged", pa.int32()),
        *((name, pa.float64()) for name in _NUMBERS),
        *((name, pa.int32()) for name in _COUNTS),
        ("ask", pa.string()),
        ("graded", pa.bool_()),
        ("other_id", pa.int32()),
        ("made_with", pa.string()),
        ("described", pa.string()),
    ]
)
"""Of ``names/neurons``."""


def name_neurons(
    run: Run | str | Path,
    *,
    endpoint: str | None = None,
    answers: str | Path | None = None,
    model: str,
    neurons: Sequence[str] = (),
    options: NameOptions | None = None,
    progress: Progress | None = None,
) -> Run:
    """Have a language model name neurons, and a judge score its names next to the automatic ones.

    Every answer is stored as it arrives, and no question is asked twice: the same call resumes after a kill or a
    failure, and further neurons or models are added to those that are there. The key, where the server wants one,
    is read from the environment variable ``NEUROLECT_API_KEY`` and is never stored.

    Parameters
    ----------
    run : Run, str or Path
        A described run with a held-out part.
    endpoint : str, optional
        Address of a server with OpenAI's chat completions, e.g. ``http://127.0.0.1:8080/v1``.
    answers : str or Path, optional
        Instead of a server: a file with answers of what :func:`export_names` wrote for ``batch``, with the same
        model, neurons and options. What it has no answer of is not asked.
    model : str
        Which of its models names.
    neurons : sequence of str
        Addresses (``mlp.15.200``, ``mlp.15.0-9``, ``mlp.15``); otherwise ``name.neurons`` of them at random,
        equally by layer.
    options : NameOptions, optional
        The run's own when not given.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Run
        The run, opened again, with ``names/neurons``: name, ``score`` with interval (how well the judge tells the
        neuron's highest held-out sentences from as many of the lower half: AUROC, which of a plain choice is the
        balanced accuracy; chance is 0.5), the same of the automatic name and of another neuron's name.

    Raises
    ------
    EndpointError
        If the server is not there or refuses; what it answered before is kept and scored.
    OptionError
        If both or none of server and file are given, or the file has no answer of any of the questions.
    RunFolderError
        If the run has not been described, or no sentence was held out.
    NeuronAddressError
        If there is no such neuron.
    MissingExtraError
        If httpx is not installed.

    References
    ----------
    Paulo et al. (2024), Automatically Interpreting Millions of Features in Large Language Models: detection.
    """
    run, progress = open_run(run), progress or NullProgress()
    options = options or recorded_options(run.manifest, "name", NameOptions)
    plan = make_plan(run, model=model, neurons=neurons, options=options, progress=progress)
    if not plan.lists:
        what = f"None of the neurons asked for of {run.folder} has a {options.side} list."
        raise RunFolderError(what, expected="neurons whose activation varies")
    with _server(endpoint, answers, options) as server:
        asker = Asker(server, AnswerStore(run.folder), at_once=options.at_once)
        if isinstance(server, BatchAnswers):
            _check_answers(server, plan, asker, run)
        asker.try_first(ToAsk(each.question, _about(NAME, each, plan)) for each in plan.lists)
        begun = time.monotonic()
        with making(run.folder, "name", options=options, keep=True) as record:
            asker.keep_first()
            kept = _kept(run, described=_described(record))
            rows = _named_and_judged(plan, asker, kept, described=_described(record), progress=progress)
            table = _joined(kept, rows, cut_short=asker.stopped is not None)
            write_table(run.folder / f"{TABLE}.parquet", table)
            record.entry |= _entry(plan, asker, table, seconds=time.monotonic() - begun)
        if isinstance(server, BatchAnswers) and server.n_other:
            progress.message(f"{server.n_other:,} of {server.n:,} answers are of other questions, or were known.")
    if asker.stopped is not None:
        done = f"{asker.n_asked:,} answers came before, and are kept."
        what = f"{asker.stopped.what} {done}"
        raise EndpointError(what, hint=asker.stopped.hint)
    return Run(run.folder)


def _server(
    endpoint: str | None, answers: str | Path | None, options: NameOptions
) -> AbstractContextManager[Endpoint | BatchAnswers]:
    """Open what gives answers: a server or a file."""
    if (endpoint is None) == (answers is None):
        what = (
            "A server and a file of answers were given." if endpoint else "Neither a server nor a file was given."
        )
        raise OptionError(what, expected="one of them: endpoint or answers")
    if endpoint is not None:
        return Endpoint(endpoint, options)
    return nullcontext(BatchAnswers(Path(answers or "")))


def _check_answers(server: BatchAnswers, plan: Plan, asker: Asker, run: Run) -> None:
    """Refuse a file of answers of other questions; it changes nothing."""
    fits = [each for _, _, each in questions_of(plan, run) if server.has(each)]
    known = any(asker.store.get(each.question) is not None for each in plan.lists)
    if not fits and not known:
        what = f"None of the {server.n:,} answers of {server.url} is of a question of this command."
        hint = "give the same --model, --neurons and --set as with --to batch, and the run as it was described then"
        raise OptionError(what, expected="answers whose custom_id is one that --to batch wrote", hint=hint)


def questions_of(plan: Plan, run: Run) -> list[tuple[ListToName, str, Question]]:
    """List what would be asked now, with what each is about: names, then what fits the names that there are."""
    asker = Asker(BatchAnswers(), AnswerStore(run.folder), at_once=1)
    described = str(run.manifest["stages"]["describe"].get("id"))
    rows = _rows(plan, asker, _kept(run, described=described), described=described)
    found = [(each, NAME, each.question) for each in plan.lists]
    for each, named in _fits(plan, rows):
        if AUTOMATIC not in named and each.automatic:  # it needs no name by the model
            named |= {AUTOMATIC: plan.fits(each, each.automatic)}
        for kind, questions in named.items():
            found += [(each, f"{kind.removesuffix('_score')} {FIT}", question) for question in questions]
    return found


def _named_and_judged(
    plan: Plan, asker: Asker, kept: list[dict[str, Any]], *, described: str, progress: Progress
) -> list[dict[str, Any]]:
    """Ask for names and what fits them; give a row a list."""
    each_name = 2 * plan.options.judged if plan.options.ask == SENTENCE else 1
    with progress.task("names", total=(1 + 3 * each_name) * len(plan.lists), unit="questions") as task:
        asker.ask_all((ToAsk(each.question, _about(NAME, each, plan)) for each in plan.lists), task)
        rows = _rows(plan, asker, kept, described=described)
        asked = _fits(plan, rows)
        fits = [
            ToAsk(question, _about(FIT, each, plan))
            for each, named in asked
            for questions in named.values()
            for question in questions
        ]
        task.set_total(len(plan.lists) + len(fits))
        asker.ask_all(fits, task)
    for each, named in asked:
        _score(rows[each.neuron_id], plan, each, named, asker)
    return list(rows.values())


def _about(kind: str, each: ListToName, plan: Plan) -> dict[str, Any]:
    return {"kind": kind, "address": each.address, "side": plan.options.side}


def _described(record: StageRecord) -> str:
    """Name the description that names rest on."""
    return str(record.entry["rests_on"].get("describe"))


def _made_with(plan: Plan) -> str:
    """Name the options that bear on a row."""
    idle = ("neurons", "side", "timeout", "retries", "longest_wait", "at_once", "n_bootstrap")
    values = {name: value for name, value in plain_options(plan.options).items() if name not in idle}
    return hashlib.sha256(json.dumps([values, plan.judge], sort_keys=True).encode()).hexdigest()[:16]


def _kept(run: Run, *, described: str) -> list[dict[str, Any]]:
    """Give the rows that are of the run as it is described now."""
    if not run.files.is_intact(f"{TABLE}.parquet"):
        return []
    table = run.files.parquet(TABLE).read()
    if set(table.column_names) - set(ROWS.names):
        return []
    rows = [dict.fromkeys(ROWS.names) | {"ask": LIST} | row for row in table.to_pylist()]  # earlier ones have fewer
    return [row for row in rows if row["described"] == described]


def _rows(plan: Plan, asker: Asker, kept: list[dict[str, Any]], *, described: str) -> dict[int, dict[str, Any]]:
    """Lay out a row a list, without scores."""
    made_with = _made_with(plan)
    rows: dict[int, dict[str, Any]] = {}
    for each in plan.lists:
        answer = asker.answer(each.question)
        name = None if answer is None else read_name(answer)
        failed = asker.failed.get(each.question.key)
        why = NONSENSE_NAME if answer is not None else failed.reason if failed else NOT_ASKED
        found = asker.store.get(each.question) or {}
        asker.failures[NONSENSE_NAME] += answer is not None and name is None
        rows[each.neuron_id] = dict.fromkeys(ROWS.names) | {
            "neuron_id": each.neuron_id,
            "side": plan.options.side,
            "model": plan.model,
            "judge": plan.judge,
            "name": name,
            "failed": None if name else why,
            "asked": found.get("asked"),
            "n_judged": 0 if each.judged is None else len(each.judged.texts),
            "ask": plan.options.ask,
            "made_with": made_with,
            "described": described,
        }
    _pair(rows, kept, plan)
    return rows


def _pair(rows: dict[int, dict[str, Any]], kept: list[dict[str, Any]], plan: Plan) -> None:
    """Choose whose name is the control of each: of its layer where one is named there, and not the same name."""
    before = {row["neuron_id"]: row for row in kept if _is_of(row, plan)}
    names = {key: row["name"] for key, row in before.items() if row["name"]}
    names |= {key: row["name"] for key, row in rows.items() if row["name"]}
    layers = np.cumsum(plan.widths)
    for neuron_id, row in rows.items():
        others = [key for key in sorted(names) if key != neuron_id and names[key] != row["name"]]
        own = np.searchsorted(layers, neuron_id, side="right")
        near = [key for key in others if np.searchsorted(layers, key, side="right") == own]
        earlier = before.get(neuron_id, {}).get("other_id")
        random = np.random.default_rng([plan.options.seed, neuron_id, 1])
        if earlier in others and before[neuron_id]["name"] == row["name"]:
            row["other_id"] = earlier  # so that adding neurons asks nothing again
        elif others and row["name"]:
            row["other_id"] = int(random.choice(near or others))
        row["_other"] = names.get(row["other_id"])


def _is_of(row: Mapping[str, Any], plan: Plan) -> bool:
    return bool(row["model"] == plan.model and row["side"] == plan.options.side)


def _fits(plan: Plan, rows: dict[int, dict[str, Any]]) -> list[tuple[ListToName, dict[str, tuple[Question, ...]]]]:
    """Make the questions of every list: which sentences fit its name, the automatic one, another's."""
    asked = []
    for each in plan.lists:
        row = rows[each.neuron_id]
        names = {OWN: row["name"], AUTOMATIC: each.automatic if row["name"] else None, OTHER: row.pop("_other")}
        asked.append((each, {name: plan.fits(each, text) for name, text in names.items() if text and row["name"]}))
    return asked


def _score(
    row: dict[str, Any], plan: Plan, each: ListToName, named: Mapping[str, Sequence[Question]], asker: Asker
) -> None:
    """Put what the judge chose into a row."""
    choices = {name: choice_of(plan, each, questions, asker.store) for name, questions in named.items()}
    asker.failures[NONSENSE_YES if plan.options.ask == SENTENCE else NONSENSE_FIT] += sum(
        choice.n_unread for choice in choices.values()
    )
    asker.n_read += sum(int(choice.read.sum()) for choice in choices.values())
    asker.n_yes += sum(int(choice.fits.sum()) for choice in choices.values())
    if each.judged is None:
        return
    for name, found in judged(choices, each.judged.fits, interval=plan.options.interval).items():
        score = found.score
        row |= {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high, f"{name}_n": found.n}
        row["graded"] = all_graded(choices)


def _joined(kept: list[dict[str, Any]], rows: list[dict[str, Any]], *, cut_short: bool) -> pa.Table:
    """Put rows in the place of earlier ones of the same list and model, but no failure in that of a name.

    ``cut_short``: Whether the server was given up on: a score stays until the same name has a newer one.
    """
    place = {(row["neuron_id"], row["side"], row["model"]): row for row in kept}
    for row in rows:
        key = (row["neuron_id"], row["side"], row["model"])
        before = place.get(key, {})
        if cut_short and row[OWN] is None and before.get(OWN) is not None and before["name"] == row["name"]:
            continue
        if row["name"] or (row["failed"] not in (NOT_ASKED, NOT_IN_FILE) and not before.get("name")):
            place[key] = row
    return pa.Table.from_pylist([place[key] for key in sorted(place)], schema=ROWS)


def _entry(plan: Plan, asker: Asker, table: pa.Table, *, seconds: float) -> dict[str, Any]:
    """Say what was asked, whom, and what failed."""
    return {
        "model": plan.model,
        "judge": plan.judge,
        "endpoint": asker.server.url,
        "n_asked": asker.n_asked,
        "n_known": asker.n_known,
        "tokens_in": asker.tokens_in,
        "tokens_out": asker.tokens_out,
        "seconds": round(seconds, 1),
        "ask": plan.options.ask,
        "n_read": asker.n_read,
        "n_yes": asker.n_yes,
        "n_named": table.num_rows - table.column("name").null_count,
        "failures": {name: n for name, n in sorted(asker.failures.items()) if n},
    }
