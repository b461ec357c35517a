"""What of a list's evidence the neuron answers to, and what only stands beside it, as a card says it."""

from typing import Any

from neurolect.signatures.evidence.kind import EvidenceKind
from neurolect.signatures.evidence.registry import kinds
from neurolect.statistics.scores import MIN_Z
from neurolect.store import Neuron

N_STRONG, N_WEAK = 2, 4
"""Pieces of evidence of every kind, and of all kinds together."""
GAIN, LOSS = 1.1, 0.8


def card_activation(neuron: Neuron, side: str) -> dict[str, list[dict[str, Any]]] | None:
    """Weigh the evidence of one list by the neuron's activation at its words.

    Returns: ``answers_to`` (leading words, phrases, tags and tag patterns whose words have more of the activation
        than an average word of their sentences) and ``beside_it`` (evidence that falls most): rows with ``kind``,
        ``label``, ``gain``, ``n_sentences``, ``plain_z``, ``weighted_z``. None where ``tokens`` has not read the
        list.
    """
    rows = [row for kind in kinds() for row in _rows(neuron, side, kind)]
    if not rows:
        return None
    strong: list[dict[str, Any]] = []
    for kind in kinds():
        own = [
            row for row in rows if row["kind"] == kind.name and row["gain"] >= GAIN and row["weighted_z"] > MIN_Z
        ]
        strong += sorted(own, key=lambda row: -row["weighted_z"])[:N_STRONG]
    weak = [row for row in rows if row["gain"] <= LOSS and row["plain_z"] > MIN_Z]
    weak.sort(key=lambda row: row["weighted_z"] - row["plain_z"])
    return {"answers_to": strong, "beside_it": weak[:N_WEAK]}


def activation_lines(found: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str]]:
    """Say it in lines.

    Returns: list of (str, str). A title and what follows it; none for what is empty.

    Examples
    --------
    >>> [(title, told[:14]) for title, told in activation_lines(
    ...     {"answers_to": [{"label": "south asia", "gain": 2.12}], "beside_it": []}
    ... )]
    [('answers to', 'south asia 2.1')]
    """
    titles = {"answers_to": "answers to", "beside_it": "beside it"}
    return [
        (title, ", ".join(f"{row['label']} {row['gain']:.1f}\u00d7" for row in found[name]))
        for name, title in titles.items()
        if found[name]
    ]


def _rows(neuron: Neuron, side: str, kind: EvidenceKind) -> list[dict[str, Any]]:
    """Read one kind of evidence; none where the table is not there."""
    if kind.token_rows is None or not kind.token_rows.exist(neuron.run):
        return []
    table = kind.token_rows.read_of(neuron, side)
    numbers = ("gain", "n_sentences", "plain_z", "weighted_z")
    return [
        {"kind": kind.name, "label": label, **{name: round(row[name], 4) for name in numbers}}
        for row, label in zip(table.to_pylist(), kind.token_rows.labels_of(table).to_pylist(), strict=True)
    ]
