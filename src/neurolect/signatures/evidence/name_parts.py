"""Which sentences hold what a name says: its conditions, counted by the parts that they make up."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.evidence.collected import Annotated
from neurolect.signatures.evidence.registry import kinds

CONDITIONS = "name_conditions"
"""Column of ``signatures/summary``; runs described before names had conditions lack it."""
FIRST = np.uint8(128)
"""Bit of a sentence that holds the first part of a name; the bits below count the parts that it holds."""


class NameCondition(TypedDict):
    """One of the alternatives of one part of a name."""

    part: int
    kind: str
    label: str


def count_parts(every: Sequence[Sequence[NameCondition] | None], sentences: Annotated) -> NDArray[np.uint8]:
    """Count the parts of names that sentences hold.

    ``every``: The conditions of each list's name.
    Returns: uint8, shape (n_lists, n_sentences). With :data:`FIRST` where the first part is one of those held.
    """
    holders = _holders(every, sentences)
    held = np.zeros((len(every), sentences.coded.n_sentences), np.uint8)
    for row, conditions in zip(held, every, strict=True):
        parts: dict[int, list[NDArray[np.int32]]] = {}
        for each in conditions or ():
            parts.setdefault(each["part"], []).append(holders[each["kind"], each["label"]])
        for part, rows in parts.items():
            has = np.zeros(len(row), np.bool_)
            for places in rows:
                has[places] = True
            row += has.astype(np.uint8)
            if part == 0:
                row += has * FIRST
    return held


def _holders(
    every: Sequence[Sequence[NameCondition] | None], sentences: Annotated
) -> dict[tuple[str, str], NDArray[np.int32]]:
    """Find the sentences that hold each condition; none for a kind that this process does not know."""
    wanted: dict[str, dict[str, int]] = {}
    for conditions in every:
        for each in conditions or ():
            of_kind = wanted.setdefault(each["kind"], {})
            of_kind.setdefault(each["label"], len(of_kind))
    nobody = np.empty(0, np.int32)
    found = {(kind, label): nobody for kind, labels in wanted.items() for label in labels}
    for kind in kinds():
        labels = list(wanted.get(kind.name, ()))
        if labels:
            holding = (kind.conditions or kind.features)(labels, sentences).by_feature(len(labels))
            for number, label in enumerate(labels):
                found[kind.name, label] = holding.rows[holding.starts[number] : holding.starts[number + 1]]
    return found
