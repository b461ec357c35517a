"""[J] table 3: fine-tuning moves activations of the sentences it was trained on furthest."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from neurolect.paper.finding import Finding, Verdict, left_out

SETS = ("trained", "unseen", "other")
ERRORS = 2.0
RULE = (
    "trained on > unseen of the same kind > of another kind, in both distances, gaps above two standard errors; "
    "differs: both of the kind above the other kind alone"
)


class Distance(NamedTuple):
    """A mean distance with its standard error."""

    mean: float
    error: float


def judge_order(trained: Distance, unseen: Distance, other: Distance) -> Verdict:
    """Judge one kind of distance."""
    if not (_above(trained, other) and _above(unseen, other)):
        return Verdict.not_reproduced
    return Verdict.reproduced if _above(trained, unseen) else Verdict.differs


def _above(first: Distance, second: Distance) -> bool:
    return first.mean - second.mean > ERRORS * float((first.error**2 + second.error**2) ** 0.5)


def moved_finding(distances: Path, *, because: str = "", note: str = "") -> Finding:
    """Judge table 3.

    ``note``: What a reader should know of the fine-tuning.
    """
    claim = "Fine-tuning (category) moves sentences trained on > unseen ones > other domain"
    theirs = "2161 > 1948 > 1553 Manhattan; 34.8 > 31.2 > 24.5 Euclidean"
    rows = {row["set"]: row for row in pq.read_table(distances).to_pylist()} if distances.is_file() else {}
    if not rows or any(name not in rows or not rows[name]["n_sentences"] for name in SETS):
        return left_out("J table 3", claim, theirs=theirs, because=because or "there are no distances", rule=RULE)
    verdicts, told, measured = [], [], []
    for key, digits in (("manhattan", 1), ("euclidean", 2)):
        found = [Distance(rows[name][key], rows[name][f"{key}_error"] or 0.0) for name in SETS]
        verdicts.append(judge_order(*found))
        measured.append(found)
        signs = [" > " if a.mean > b.mean else " < " for a, b in pairwise(found)]
        figures = [f"{each.mean:.{digits}f}" for each in found]
        told.append(f"{figures[0]}{signs[0]}{figures[1]}{signs[1]}{figures[2]} {key.capitalize()}")
    verdict = verdicts[0] if verdicts[0] == verdicts[1] else Verdict.differs
    sizes = ", ".join(f"{rows[name]['n_sentences']:,}" for name in SETS) + " sentences"
    if all(rows[name].get("n_documents") for name in SETS):
        sizes += " of " + ", ".join(f"{rows[name]['n_documents']:,}" for name in SETS) + " documents"
    why = "; ".join(
        each for each in ("" if verdict is Verdict.reproduced else _why(verdicts, measured), note) if each
    )
    return Finding("J table 3", claim, theirs, f"{'; '.join(told)} ({sizes})", verdict, why, RULE)


def _why(verdicts: list[Verdict], measured: list[list[Distance]]) -> str:
    if Verdict.not_reproduced in verdicts:
        return "sentences of the other kind move as far or further"
    if all(_above(unseen, trained) for trained, unseen, _ in measured):
        return "unseen sentences of the kind move further than those trained on"
    return "sentences trained on and unseen ones of their kind move alike, within two standard errors"
