"""What of a list's evidence the neuron answers to, and what only stands beside it, as a card says it."""

from typing import Any

import pyarrow.compute as pc

from neurolect.store import Neuron

__all__ = ["activation_lines", "card_activation"]

KINDS = {
    "words": ("token_words", None, "display"),
    "phrases": ("token_patterns", "word", "pattern"),
    "tags": ("token_tags", None, "tag"),
    "tag_patterns": ("token_patterns", "tag", "pattern"),
}
MIN_Z = 2.0
N_STRONG, N_WEAK = 2, 4
"""Pieces of evidence of every kind, and of all kinds together."""
GAIN, LOSS = 1.1, 0.8


def card_activation(neuron: Neuron, side: str) -> dict[str, list[dict[str, Any]]] | None:
    """Weigh the evidence of one list by the neuron's activation at its words.

    Parameters
    ----------
    neuron : Neuron
        A neuron of a described run.
    side : str
        ``top`` or ``bottom``.

    Returns
    -------
    dict or None
        ``answers_to`` (leading words, phrases, tags and tag patterns whose words have more of the activation than
        an average word of their sentences) and ``beside_it`` (evidence that falls most): rows with ``kind``,
        ``label``, ``gain``, ``n_sentences``, ``plain_z``, ``weighted_z``. None where ``tokens`` has not read the
        list.
    """
    rows = [row for kind in KINDS for row in _rows(neuron, side, kind)]
    if not rows:
        return None
    strong: list[dict[str, Any]] = []
    for kind in KINDS:
        own = [row for row in rows if row["kind"] == kind and row["gain"] >= GAIN and row["weighted_z"] > MIN_Z]
        strong += sorted(own, key=lambda row: -row["weighted_z"])[:N_STRONG]
    weak = [row for row in rows if row["gain"] <= LOSS and row["plain_z"] > MIN_Z]
    weak.sort(key=lambda row: row["weighted_z"] - row["plain_z"])
    return {"answers_to": strong, "beside_it": weak[:N_WEAK]}


def activation_lines(found: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str]]:
    """Say it in lines.

    Parameters
    ----------
    found : dict
        From :func:`card_activation`.

    Returns
    -------
    list of (str, str)
        A title and what follows it; none for what is empty.

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


def _rows(neuron: Neuron, side: str, kind: str) -> list[dict[str, Any]]:
    """Read one kind of evidence; none where the table is not there."""
    name, item, label = KINDS[kind]
    if not (neuron.run.folder / "signatures" / f"{name}.parquet").is_file():
        return []
    table = neuron.rows(f"signatures/{name}", side=side)
    if item is not None:
        table = table.filter(pc.equal(table.column("item"), item))
    numbers = ("gain", "n_sentences", "plain_z", "weighted_z")
    return [
        {"kind": kind, "label": row[label], **{name: round(row[name], 4) for name in numbers}}
        for row in table.to_pylist()
    ]
