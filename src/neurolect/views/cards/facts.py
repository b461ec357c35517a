"""The facts of a run, as pages show them under a title."""

from datetime import UTC, datetime

from neurolect.progress import counted
from neurolect.store import Run
from neurolect.views.cards.contents import short_name
from neurolect.views.cards.numbers import sentences_read


def run_facts(run: Run) -> list[tuple[str, str]]:
    """Say what a run is, in pairs of a label and a value."""
    model, corpus = run.manifest["model"], run.manifest["corpus"]
    sites = sorted({site["site"] for site in model["sites"]})
    layers = counted(len(model["sites"]), "{} layer", "{} layers")
    facts = [
        ("Model", f"{short_name(model['name'])} ({model['architecture']})"),
        ("Neurons", f"{run.n_neurons:,} of {', '.join(sites)} in {layers}"),
        ("Sentences read", f"{sentences_read(run):,} of {corpus['n_sentences']:,}"),
        ("Sentences a list", f"{run.manifest['options'].get('collect', {}).get('list_size', 0):,} at most"),
        ("Metadata", ", ".join(field["name"] for field in corpus["fields"]) or "none"),
        ("Made", f"{_moment(run.manifest['created'])} by neurolect {run.manifest['neurolect']}"),
    ]
    seconds = sum(stage.get("seconds") or 0 for stage in run.manifest["stages"].values())
    return [*facts, ("Time", f"{seconds:,.0f} s")] if seconds else facts


def _moment(written: str) -> str:
    """Write a moment for people: 22 November 2026, 09:54 UTC."""
    try:
        moment = datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):  # a manifest that somebody wrote into
        return written
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
