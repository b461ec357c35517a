"""[E] figure 1: how much of the lists is new at each look, and what a random order gives for any neuron."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.paper.finding import Finding, Verdict, left_out
from neurolect.store import Run

THEIRS, THEIR_RATIO = 0.96, 20.0  # 2 M sentences, steps of 100 K
WITHIN, FEWEST_RATIO, DEVIATIONS = 0.02, 10.0, 5.0
KEPT_RULE = (
    "at the look where 20 times as many sentences were read as since the look before, within 2 points of 96 %"
)
RESTLESS_RULE = "a list whose new entries lie 5 standard deviations or more above those of a random order"


class Look(NamedTuple):
    """One look at the lists."""

    n_sentences: int
    """Read so far."""
    n_new: int
    """Since the look before."""
    churn: float
    """Share of the lists that is new, mean over neurons."""


def replaced_by_chance(n_before: int, n_new: int, *, list_size: int) -> float:
    """Expect how many entries of a list are new when sentences come in random order.

    Returns: N m / (n + m), whatever the neuron responds to; N where fewer than N were read before.

    Examples
    --------
    >>> replaced_by_chance(1_900_000, 100_000, list_size=1000)
    50.0
    """
    return list_size * n_new / (n_before + n_new)


def look_like_theirs(looks: list[Look]) -> Look | None:
    """Find the look that is where [E] looked.

    Returns: The one with a ratio of read to new sentences nearest to 20; None where it stays below 10.
    """
    later = [look for look in looks if look.n_sentences >= FEWEST_RATIO * look.n_new]
    return min(later, key=lambda look: abs(look.n_sentences / look.n_new - THEIR_RATIO), default=None)


def judge_kept(kept: float) -> Verdict:
    """Judge the share of the lists that stayed."""
    return Verdict.reproduced if abs(kept - THEIRS) <= WITHIN else Verdict.not_reproduced


def neurons_beyond_chance(churn: NDArray[np.float64], *, expected: float, list_size: int) -> int:
    """Count the lists of which more is new than a random order can explain.

    ``churn``: float64, shape (n_neurons,). Share of each list that is new.
    """
    deviation = np.sqrt(expected * (1 - expected) / list_size)
    return int(np.count_nonzero(churn >= expected + DEVIATIONS * deviation)) if deviation > 0 else 0


def read_looks(run: Run) -> list[Look]:
    """Read what the monitor saw."""
    rows = run.table("convergence/steps").to_pylist()
    return [Look(row["n_sentences"], row["n_new"], row["churn_top"]) for row in rows[1:]]


def churn_findings(run: Run) -> list[Finding]:
    """Judge figure 1."""
    claim, theirs = "Lists settle: after 2 M of 40 M sentences most entries are fixed", "96 %"
    restless = "A few neurons' lists change on, of very specific phenomena"
    look = look_like_theirs(read_looks(run))
    if look is None:
        because = "too few looks were taken while the corpus was read"
        return [
            left_out("E fig. 1", claim, theirs=theirs, because=because, rule=KEPT_RULE),
            left_out("E 4.2", restless, theirs="no figure", because=because, rule=RESTLESS_RULE),
        ]
    kept, law = 1 - look.churn, 1 - replaced_by_chance(look.n_sentences - look.n_new, look.n_new, list_size=1)
    verdict = judge_kept(kept)
    because = f"but it tells nothing of neurons: random order keeps {law:.1%} of any list here, and 95 % at theirs"
    ours = f"{kept:.1%} kept after {look.n_sentences:,} of which {look.n_new:,} since the last look"
    table = run.table("convergence/neurons")
    here = pc.and_(pc.equal(table.column("side"), "top"), pc.equal(table.column("n_sentences"), look.n_sentences))
    looked = table.filter(here)
    churn = looked.column("churn").to_numpy().astype(np.float64)
    neuron = looked.column("neuron_id")[int(churn.argmax())].as_py()
    size = int(run.manifest["options"]["collect"]["list_size"] or run.table("lists/top").num_rows // run.n_neurons)
    n = neurons_beyond_chance(churn, expected=1 - law, list_size=size)
    far = f"{n:,} of {len(churn):,} lists; the most restless, {_called(run, neuron)}, had {churn.max():.1%} new "
    far += f"(chance {1 - law:.1%})"
    why = "the corpus is put in random order by blocks, so some order of its documents is left" if n else ""
    return [
        Finding("E fig. 1", claim, theirs, ours, verdict, because, KEPT_RULE),
        Finding(
            "E 4.2",
            restless,
            "no figure",
            far,
            Verdict.reproduced if n else Verdict.not_reproduced,
            why,
            RESTLESS_RULE,
        ),
    ]


def _called(run: Run, neuron: int) -> str:
    """Give a neuron's address, and the name of its top list where it has one."""
    address = run.index.addresses()[neuron].removeprefix("hidden.")
    if not run.is_current("describe"):
        return address
    table = run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    own = pc.and_(pc.equal(table.column("neuron_id"), neuron), pc.equal(table.column("side"), "top"))
    names = table.filter(own).column("name").to_pylist()
    return f"{address} ({names[0]})" if names and names[0] else address


# [J] table 3: fine-tuning moves activations of the sentences it was trained on furthest.
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
    verdicts, texts, measured = [], [], []
    for key, digits in (("manhattan", 1), ("euclidean", 2)):
        found = [Distance(rows[name][key], rows[name][f"{key}_error"] or 0.0) for name in SETS]
        verdicts.append(judge_order(*found))
        measured.append(found)
        signs = [" > " if a.mean > b.mean else " < " for a, b in pairwise(found)]
        figures = [f"{each.mean:.{digits}f}" for each in found]
        texts.append(f"{figures[0]}{signs[0]}{figures[1]}{signs[1]}{figures[2]} {key.capitalize()}")
    verdict = verdicts[0] if verdicts[0] == verdicts[1] else Verdict.differs
    sizes = ", ".join(f"{rows[name]['n_sentences']:,}" for name in SETS) + " sentences"
    if all(rows[name].get("n_documents") for name in SETS):
        sizes += " of " + ", ".join(f"{rows[name]['n_documents']:,}" for name in SETS) + " documents"
    why = "; ".join(
        each for each in ("" if verdict is Verdict.reproduced else _why(verdicts, measured), note) if each
    )
    return Finding("J table 3", claim, theirs, f"{'; '.join(texts)} ({sizes})", verdict, why, RULE)


def _why(verdicts: list[Verdict], measured: list[list[Distance]]) -> str:
    if Verdict.not_reproduced in verdicts:
        return "sentences of the other kind move as far or further"
    if all(_above(unseen, trained) for trained, unseen, _ in measured):
        return "unseen sentences of the kind move further than those trained on"
    return "sentences trained on and unseen ones of their kind move alike, within two standard errors"
