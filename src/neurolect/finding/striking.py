"""Choose the most striking neurons of a run: one for each kind of thing that neurons are found to like."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neurolect.results.number import nearly_constant
from neurolect.results.table import ranking_table
from neurolect.signatures.counting.candidates import END_SHARE, UNINFORMATIVE
from neurolect.signatures.evidence.form import FORM, OF_DOCUMENT
from neurolect.signatures.evidence.kind import EvidenceKind
from neurolect.signatures.evidence.metadata import METADATA
from neurolect.signatures.evidence.patterns import PHRASES
from neurolect.signatures.evidence.tags import TAGS
from neurolect.signatures.evidence.words import WORDS
from neurolect.store import Run, open_run

# A theme that holds for less of a list than this, or is not this much more than usual, is no theme of the neuron.
MIN_SHARE, MIN_LIFT, MIN_Z = 0.2, 1.25, 5.0
MIN_SHARE_10, MIN_SPECIFIC_10 = 0.6, 0.3
"""Share of the strongest 10 sentences: what the list as a whole has more of may be missing at its peak."""
# A word or phrase is to be specific, else "the of the" wins for lists of long sentences; it may be rarer in turn.
MIN_SPECIFIC_SHARE, MIN_SPECIFIC_LIFT = 0.05, 8.0
MIN_FORM_LIFT = 2.0

OTHER_KINDS = ("part of speech", "sentence length", "word", "phrase", "form")
_COLUMNS = ("neuron_id", "side", "score", "sign", "kind", "evidence")
_SCORES = ("share_list", "share_background", "lift", "log_odds_z")


def striking(run: Run | str | Path, *, limit: int | None = None) -> pa.Table:
    """Choose the most striking neuron for each kind of evidence.

    Parameters
    ----------
    run : Run, str or Path
        A described run.
    limit : int, optional
        How many at most.

    Returns
    -------
    pyarrow.Table
        ``rank``, ``address``, ``side``, ``score`` (the log-odds z), ``sign`` (+1 for top lists, -1 for bottom),
        ``kind`` (``part of speech``, ``word``, ``phrase``, ``form``, ``sentence length`` or the name of a metadata
        field), ``evidence`` (the tag, word, phrase, form or value; for lengths ``long sentences`` or ``short
        sentences``), ``share_list``, ``share_background``, ``lift`` and ``log_odds_z``.
        One a kind at most, no neuron twice, none that is nearly constant:
        what is in the sentences first (words, phrases, form, parts of speech, sentence length), then metadata
        fields by how many lists are named after them (then in the corpus's order), each by a list that is named
        after it (by any where no list is named after a field) and a value that is more than one document. Within
        the other kinds a list that is named after it wins, and among these the highest log-odds z.
        Evidence covers 6 of the 10 strongest sentences at least, words and phrases 3 (where that was counted).
        A kind in which no evidence covers a fifth of a list at 1.25 times its usual share (for words
        and phrases: a twentieth, at 8 times) is left out. Ties go to the smaller neuron id.

    Raises
    ------
    RunFolderError
        If the run has not been described.
    """
    run = open_run(run)
    chosen: list[dict[str, Any]] = []
    taken: set[int] = set(np.flatnonzero(nearly_constant(run)).tolist())
    for kind, rows in _candidates(run):
        best = next((row for row in rows if row["neuron_id"] not in taken), None)
        if best is None or (limit is not None and len(chosen) >= limit):
            continue
        taken.add(best["neuron_id"])
        sign = 1 if best["side"] == "top" else -1
        chosen.append(best | {"kind": kind, "score": best["log_odds_z"], "sign": sign})
    columns = {name: [row[name] for row in chosen] for name in _COLUMNS}
    scores = {name: pa.array([row[name] for row in chosen], pa.float32()) for name in _SCORES}
    return ranking_table(columns | scores, runs=run, method="striking", options={"limit": limit})


def kind_of_field(field: str) -> str:
    """Name the kind of a metadata field's values: as the field, unless another kind is called so.

    Examples
    --------
    >>> kind_of_field("author"), kind_of_field("word")
    ('author', 'field word')
    """
    return f"field {field}" if field in OTHER_KINDS else field


def _candidates(run: Run) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each kind with its strongest rows, best first; few are enough, since few neurons are taken before."""
    summary = run.table("signatures/summary", columns=["neuron_id", "side", "name_kind", "length_z"])
    words = _enough(run, WORDS, min_share=MIN_SPECIFIC_SHARE, min_lift=MIN_SPECIFIC_LIFT, at_peak=MIN_SPECIFIC_10)
    yield "word", _best(words, summary, "word")
    phrases = _enough(
        run, PHRASES, min_share=MIN_SPECIFIC_SHARE, min_lift=MIN_SPECIFIC_LIFT, at_peak=MIN_SPECIFIC_10
    )
    phrases = phrases.filter(pc.match_substring_regex(pc.field("evidence"), r"^[\w' -]+$"))
    whole = phrases.filter(~pc.match_substring_regex(pc.field("evidence"), _common_ends(run)))
    yield "phrase", _best(whole if whole.num_rows else phrases, summary, "phrase")
    if FORM.present_in(run):
        forms = _enough(run, FORM, min_lift=MIN_FORM_LIFT)
        yield "form", _best(forms.filter(~pc.ends_with(pc.field("evidence"), OF_DOCUMENT)), summary, "form")
    tags = _enough(run, TAGS).filter(pc.match_substring_regex(pc.field("evidence"), "^[NVJRP]"))
    yield "part of speech", _best(tags, summary, "part of speech")
    yield "sentence length", _best(_lengths(summary), summary, "length")
    metadata = _several_documents(_enough(run, METADATA, "field", *_if_known(run, "n_documents")))
    metadata = metadata.filter(~pc.utf8_lower(pc.field("evidence")).isin(sorted(UNINFORMATIVE)))
    kinds = Counter(summary.column("name_kind").to_pylist())
    fields = run.manifest["corpus"]["fields"]
    # A list with another name has more in common than where its sentences come from.
    named = [field["name"] for field in fields if kinds[f"metadata:{field['name']}"]]
    for field in sorted(named or [each["name"] for each in fields], key=lambda field: -kinds[f"metadata:{field}"]):
        rows = _best(metadata.filter(pc.field("field") == field), summary, f"metadata:{field}")
        yield field, [row for row in rows if row["is_name"]] if named else rows


def _if_known(run: Run, *columns: str) -> list[str]:
    """Give columns that evidence has since it is counted at several depths."""
    return list(columns) if run.manifest["stages"]["describe"].get("tables_version", 1) >= 2 else []


def _several_documents(table: pa.Table) -> pa.Table:
    """Leave out what is one document."""
    return table.filter(pc.field("n_documents") > 1) if "n_documents" in table.column_names else table


def _common_ends(run: Run) -> str:
    """Make an expression that finds the phrases that begin or end with a word that is everywhere."""
    words = run.table("background/words", columns=["word", "n_sentences"])
    common = words.filter(pc.field("n_sentences") > END_SHARE * run.manifest["corpus"]["n_mining"])
    listed = "|".join(re.escape(word) for word in common.column("word").to_pylist()) or "^$"
    return f"^({listed}) | ({listed})$"


def _enough(
    run: Run,
    kind: EvidenceKind,
    *needed: str,
    min_share: float = MIN_SHARE,
    min_lift: float = MIN_LIFT,
    at_peak: float = MIN_SHARE_10,
) -> pa.Table:
    """Read the evidence that covers enough of a list; what it is, as cards show it, is the column ``evidence``."""
    rows = kind.shown[0].rows
    known = _if_known(run, "share_10")
    strong = pc.field("log_odds_z") >= MIN_Z
    strong = strong & (pc.field("share_list") >= min_share) & (pc.field("lift") >= min_lift)
    if known:
        strong = strong & (pc.field("share_10") >= at_peak)
    # a few rows of each part: all the evidence of a large run does not fit into memory
    parts = [part.filter(strong) for part in rows.parts(run, *_SCORES, *needed, *known)]
    table = pa.concat_tables(parts) if parts else rows.read(run, *_SCORES, *needed, *known)
    table = table.drop_columns(known)
    table = table.append_column("evidence", rows.labels_of(table))
    return table.filter(pc.field("evidence").is_valid())


def _lengths(summary: pa.Table) -> pa.Table:
    """Make evidence of the lists whose sentences are unlike the corpus in length."""
    z = summary.column("length_z")
    table = summary.select(["neuron_id", "side"])
    for name in ("share_list", "share_background", "lift"):
        table = table.append_column(name, pa.nulls(table.num_rows, pa.float32()))
    table = table.append_column("evidence", pc.if_else(pc.greater(z, 0), "long sentences", "short sentences"))
    return table.append_column("log_odds_z", pc.abs(z)).filter(pc.field("log_odds_z") >= MIN_Z)


def _best(table: pa.Table, summary: pa.Table, kind: str) -> list[dict[str, Any]]:
    """Give the strongest 50 rows, those first that are the theme the list is named after."""
    named = summary.filter(pc.field("name_kind") == kind)
    # One number for neuron and side, to look both up at once.
    keys = [
        pc.add(pc.multiply(t["neuron_id"], 2), pc.equal(t["side"], "top").cast(pa.int32())) for t in (table, named)
    ]
    table = table.append_column("is_name", pc.is_in(keys[0], value_set=keys[1].combine_chunks()).cast(pa.int8()))
    order = [("is_name", "descending"), ("log_odds_z", "descending"), ("neuron_id", "ascending")]
    rows: list[dict[str, Any]] = table.sort_by(order).slice(0, 50).to_pylist()
    return rows
