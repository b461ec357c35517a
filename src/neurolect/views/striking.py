"""Choose the most striking neurons of a run: one for each kind of thing that neurons are found to like."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.store import Run

__all__ = ["Striking", "striking"]

# A theme that holds for less of a list than this, or is not this much more than usual, is no theme of the neuron.
MIN_SHARE, MIN_LIFT, MIN_Z = 0.2, 1.25, 5.0

_COLUMNS = ["neuron_id", "side", "share_list", "share_background", "lift", "log_odds_z"]


class Striking(NamedTuple):
    """A neuron and what makes it striking."""

    kind: str
    """``part of speech``, ``word``, ``phrase``, ``sentence length`` or the name of a metadata field."""

    neuron_id: int
    address: str
    side: str

    evidence: str
    """The tag, word, phrase or value; for lengths ``long sentences`` or ``short sentences``."""

    share_list: float | None
    share_background: float | None
    lift: float | None
    z: float


def striking(run: Run, *, limit: int | None = None) -> list[Striking]:
    """Choose the most striking neuron for each kind of evidence.

    Parameters
    ----------
    run : Run
        A described run.
    limit : int, optional
        How many at most.

    Returns
    -------
    list of Striking
        One a kind at most, no neuron twice: parts of speech, metadata fields in the corpus's order, sentence
        length, words, phrases. Within a kind the highest log-odds z wins; a kind in which no evidence covers a
        fifth of a list at 1.25 times its usual share is left out. Ties go to the smaller neuron id.

    Raises
    ------
    RunFolderError
        If the run has not been described.
    """
    chosen: list[Striking] = []
    taken: set[int] = set()
    for kind, rows in _candidates(run):
        best = next((row for row in rows if row["neuron_id"] not in taken), None)
        if best is None or (limit is not None and len(chosen) >= limit):
            continue
        taken.add(best["neuron_id"])
        scores = {name: best[name] for name in ("share_list", "share_background", "lift")}
        named = {"side": best["side"], "evidence": best["evidence"], "z": best["log_odds_z"]}
        address = run.index.address(best["neuron_id"])
        chosen.append(Striking(kind=kind, neuron_id=best["neuron_id"], address=address, **named, **scores))
    return chosen


def _candidates(run: Run) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each kind with its strongest rows, best first; few are enough, since few neurons are taken before."""
    fields = [field["name"] for field in run.manifest["corpus"]["fields"]]
    yield (
        "part of speech",
        _strongest(run, "tags", "tag", keep=pc.match_substring_regex(pc.field("tag"), "^[NVJRP]")),
    )
    for field in fields:
        yield field, _strongest(run, "metadata", "value", keep=pc.field("field") == field)
    yield "sentence length", _lengths(run)
    words = (pc.field("word_class") == "all") & (pc.utf8_length(pc.field("word")) > 2)
    yield "word", _strongest(run, "words", "display", keep=words, group="word_class", needed=["word"])
    # Phrases are to say something: word characters only, and not the two commonest words in a row.
    phrases = (pc.field("item") == "word") & pc.match_substring_regex(pc.field("pattern"), r"^[\w' -]+$")
    longest_first = _strongest(run, "skip_ngrams", "pattern", keep=phrases, group="item", needed=["length"])
    yield "phrase", longest_first


def _strongest(
    run: Run,
    name: str,
    label: str,
    *,
    keep: pc.Expression,
    group: str | None = None,
    needed: list[str] | None = None,
) -> list[dict[str, Any]]:
    """Give the 50 rows of a signature table with the highest z among those that cover enough of a list."""
    groups = [group] if group else ["field"] if name == "metadata" else []
    table = run.table(f"signatures/{name}", columns=[*_COLUMNS, label, *groups, *(needed or [])])
    enough = (
        (pc.field("log_odds_z") >= MIN_Z) & (pc.field("share_list") >= MIN_SHARE) & (pc.field("lift") >= MIN_LIFT)
    )
    table = table.filter(enough).filter(keep & pc.field(label).is_valid())
    return _top(table.rename_columns([{label: "evidence"}.get(each, each) for each in table.column_names]))


def _lengths(run: Run) -> list[dict[str, Any]]:
    """Give the lists whose sentences are most unlike the corpus in length."""
    table = run.table("signatures/summary", columns=["neuron_id", "side", "length_z"])
    z = table.column("length_z")
    words = pc.if_else(pc.greater(z, 0), "long sentences", "short sentences")
    nothing = pa.nulls(table.num_rows, pa.float32())
    columns = {"share_list": nothing, "share_background": nothing, "lift": nothing, "evidence": words}
    table = pa.table({"neuron_id": table["neuron_id"], "side": table["side"], **columns, "log_odds_z": pc.abs(z)})
    return _top(table.filter(pc.field("log_odds_z") >= MIN_Z))


def _top(table: pa.Table) -> list[dict[str, Any]]:
    """Sort by z, then neuron; give the first 50."""
    order = [("log_odds_z", "descending"), ("neuron_id", "ascending")]
    rows: list[dict[str, Any]] = table.sort_by(order).slice(0, 50).to_pylist()
    return rows
