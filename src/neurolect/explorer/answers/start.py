"""The first answer: which folders there are, what each has, what is not shown and which command makes it."""

from pathlib import Path
from typing import Any

from neurolect.errors import NeurolectError
from neurolect.explorer.answers.columns import PIECE, columns_of, maps_of
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.explorer.answers.tables import downloads_of
from neurolect.folders.formats import neurolect_version
from neurolect.store import Run
from neurolect.store.stage_kinds import STAGES, command_of
from neurolect.store.stages import state_of
from neurolect.views.cards.contents import short_name
from neurolect.views.cards.facts import run_facts
from neurolect.views.cards.numbers import sentences_read

HAS = {
    "described": "signatures/summary",
    "scored": "fidelity/scores",
    "control": "fidelity/control",
    "related": "relations/neighbours",
    "senses": "signatures/senses",
    "writes": "writes/neurons",
    "cause": "cause/effects",
    "names": "names/neurons",
    "concepts": "concepts/ranks",
    "tokens": "tokens/entries",
    "convergence": "convergence/steps",
}
"""Tables that say whether a part of the pages has something to show."""


def run_entry(of: OpenedRun) -> dict[str, Any]:
    """Describe a run; one that cannot be opened says why, and what to do."""
    try:
        found: dict[str, Any] = of.kept("start", lambda run: _entry(run, of))
    except NeurolectError as error:
        return {
            "n": of.number,
            "name": of.folder.name,
            "error": {"message": error.what, "expected": error.expected, "hint": error.hint},
        }
    return found


def _entry(run: Run, of: OpenedRun) -> dict[str, Any]:
    model, corpus = run.manifest["model"], run.manifest["corpus"]
    notices = list(run.manifest["notices"])
    return {
        "n": of.number,
        "name": of.folder.resolve().name,
        "error": None,
        "model": {
            "name": short_name(model["name"]),
            "architecture": model["architecture"],
            "n_layers": model["n_layers"],
        },
        "n_neurons": run.n_neurons,
        "n_rows": run.n_neurons * len(run.sides),
        "piece": PIECE,
        "sites": [each._asdict() for each in run.index.site_layers],
        "sides": list(run.sides),
        "corpus": {
            "path": Path(corpus["path"]).name if corpus.get("path") else None,
            "n_sentences": corpus["n_sentences"],
            "n_mining": sentences_read(run),
        },
        "fields": [{"name": each["name"], "kind": each["kind"]} for each in corpus.get("fields", [])],
        "has": {name: _has(run, table, notices) for name, table in HAS.items()},
        "missing": missing_of(run),
        "stale": run.stale(),
        "running": [stage for stage in STAGES if state_of(run.manifest, stage) == "running"],
        "notices": notices,
        "options": run.manifest["options"],
        "facts": [list(each) for each in run_facts(run)],
        "columns": [each.described() for each in columns_of(run).values()],
        "maps": maps_of(run),
    } | downloads_of(run, of.number)


def _has(run: Run, table: str, notices: list[str]) -> bool:
    """Say whether a table is there; damage is reported once, and the rest is shown."""
    try:
        return run.has(table)
    except NeurolectError as error:
        notices.append(str(error))
        return False


def missing_of(run: Run) -> list[dict[str, str | None]]:
    """Say what was not made, and which command makes it, or why none can."""
    found: list[dict[str, str | None]] = []
    for stage, kind in STAGES.items():
        if state_of(run.manifest, stage) != "missing":
            continue
        why = nothing_held_out(run) if stage == "fidelity" else None
        command = None if why else command_of(stage, run.folder)
        found.append({"stage": stage, "what": f"The run {kind.missing}.", "command": command, "why": why})
    return found


def nothing_held_out(run: Run) -> str | None:
    """Say what to do where nothing was set aside that a description could be scored on."""
    if run.files.has("held_out/activations.npy"):
        return None
    corpus = run.manifest["corpus"]
    if corpus.get("n_sentences") == corpus.get("n_mining"):
        return "Its corpus has no documents set aside: prepare more of them, with --set prepare.held_out=0.1."
    return f"Its held-out sentences were not read yet: {command_of('fidelity', run.folder)} --model MODEL."


def citation() -> dict[str, str]:
    """Say how neurolect is cited, and the papers whose method it is."""
    version = neurolect_version()
    text = (
        f"neurolect {version}: read what every neuron of a language model reads. "
        "It follows Oba, Yoshinaga, Toyoda: Exploratory Model Analysis "
        "Using Data-Driven Neuron Representations (BlackboxNLP 2021)."
    )
    bibtex = f"""@software{{neurolect,
  title = {{neurolect: read what every neuron of a language model reads}},
  version = {{{version}}},
  license = {{Apache-2.0}}
}}
@inproceedings{{oba-etal-2021-exploratory,
  title = {{Exploratory Model Analysis Using Data-Driven Neuron Representations}},
  author = {{Oba, Daisuke and Yoshinaga, Naoki and Toyoda, Masashi}},
  booktitle = {{Proceedings of the Fourth BlackboxNLP Workshop}},
  year = {{2021}}
}}
"""
    return {"text": text, "bibtex": bibtex}


def start_of(
    runs: list[OpenedRun], others: dict[str, list[dict[str, Any]]], *, model: str | None
) -> dict[str, Any]:
    """Gather the first answer of a server."""
    return {
        "version": neurolect_version(),
        "live": True,
        "model": model is not None,
        "runs": [run_entry(each) for each in runs],
        **others,
        "cite": citation(),
        "chunks": None,
    }
