"""What is shown of a striking neuron: its evidence with a sentence that has it; kinds of evidence by name."""

from typing import Any

import pyarrow.compute as pc

from neurolect.corpus.sentences.words import split_words
from neurolect.finding.striking import kind_of_field
from neurolect.signatures.evidence.form import forms_of
from neurolect.store import Run
from neurolect.store.field_columns import fields_of


def kind_label(kind: str | None) -> str:
    """Name a kind of evidence for people."""
    label = (kind or "none").removeprefix("metadata:").replace("_", " ")
    return {"length": "sentence length", "none": "no clear theme"}.get(label, label)


def striking_tile(run: Run, each: dict[str, Any]) -> dict[str, Any]:
    """Gather what a tile of a striking neuron shows."""
    words = each["evidence"].split() if each["kind"] in ("word", "phrase") else []
    return {**each, "text": _quote(run, each), "words": words}


def _quote(run: Run, each: dict[str, Any]) -> str:
    """Find the strongest sentence that has the evidence and is neither a scrap nor a page long."""
    kind, evidence = each["kind"], each["evidence"]
    table = run.neuron(each["address"]).list(each["side"], limit=200)
    columns = {kind_of_field(field): column for field, column in fields_of(table).items()}
    listed = table.to_pylist()
    if kind == "sentence length":
        return str(listed[0]["text"]) if listed else ""
    fitting = []
    for row in listed:
        words = {word.lower() for word in split_words(row["text"])}
        if kind in ("word", "phrase"):
            has_it = words.issuperset(evidence.lower().split())
        elif kind == "form":
            has_it = evidence in forms_of(row["text"])
        else:
            value = row[columns[kind]] if kind in columns else evidence
            has_it = isinstance(value, float) or value == evidence
        if has_it:
            fitting.append(row)
    readable = [row for row in fitting if 6 <= row["n_words"] <= 25]
    if kind == "part of speech":
        readable = _fullest(run, readable, evidence)
    best = next(iter(readable or fitting or listed), None)
    return str(best["text"]) if best else ""


def _fullest(run: Run, rows: list[dict[str, Any]], tag: str) -> list[dict[str, Any]]:
    """Put sentences with the largest share of words of a tag first; ties stay in the list's order."""
    ids = pc.field("sentence_id").isin([row["sentence_id"] for row in rows])
    found = run.table("annotations", columns=["sentence_id", "tags"]).filter(ids).to_pylist()
    share = {row["sentence_id"]: row["tags"].count(tag) / max(len(row["tags"]), 1) for row in found if row["tags"]}
    return sorted(rows, key=lambda row: -share.get(row["sentence_id"], 0.0))
