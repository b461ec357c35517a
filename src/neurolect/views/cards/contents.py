"""Everything a card shows of one neuron, as plain data: the text card, JSON and the report are made from it."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex
from numpy.typing import NDArray

from neurolect.corpus.sentences.words import split_words
from neurolect.results.number import nearly_constant
from neurolect.results.tag_numbers import WORD_CLASSES
from neurolect.signatures.counting.candidates import COMMON_WORD, UNINFORMATIVE
from neurolect.signatures.evidence.kind import Shown
from neurolect.signatures.evidence.registry import kinds, shown_in_order
from neurolect.signatures.firing.listed_tokens import firing_sides
from neurolect.statistics.scores import MIN_Z
from neurolect.store import Neuron, Run
from neurolect.store.field_columns import fields_of
from neurolect.store.sides import check_side
from neurolect.store.tables import rows_of_side, take_rows
from neurolect.views.cards.activating_words import activating_words, firing_words
from neurolect.views.cards.metadata import holders, telling_values
from neurolect.views.cards.numbers import (
    card_activation,
    card_align,
    card_cause,
    card_concepts,
    card_fidelity,
    card_names,
    card_writes,
    sentences_read,
)

# The neurons most like one: by shared sentences, by signature, by response.
N_NEAREST = 5
TABLE = "relations/neighbours"


def nearest_responses(neuron: Neuron) -> list[dict[str, Any]] | None:
    """Name the neurons that respond to the sample most like one.

    Returns: ``address`` and ``correlation`` (with sign), the strongest first; None where the run is not related.
    """
    if not neuron.run.is_current("relate", step="alike"):
        return None
    rows = neuron.rows(TABLE)
    rows = rows.filter(pc.equal(rows.column("by"), "response")).slice(0, N_NEAREST).to_pylist()
    index = neuron.run.index
    return [{"address": index.address(row["other_id"]), "correlation": _rounded(row["likeness"])} for row in rows]


def nearest_lists(neuron: Neuron, side: str) -> dict[str, list[dict[str, Any]]] | None:
    """Name the lists most like one of a neuron's.

    Returns: ``lists`` (most shared sentences) and ``signature``: lists of ``address``, ``side``, ``likeness``,
        ``name``, the most similar first; None where the run is not related.
    """
    if not neuron.run.is_current("relate", step="alike"):
        return None
    rows = neuron.rows(TABLE, side=side)
    names = names_of(neuron.run, np.unique(rows.column("other_id").to_numpy()))
    return {
        by: [
            {
                "address": neuron.run.index.address(row["other_id"]),
                "side": row["other_side"],
                "likeness": _rounded(row["likeness"]),
                "name": names.get((row["other_id"], row["other_side"])),
            }
            for row in rows.filter(pc.equal(rows.column("by"), by)).slice(0, N_NEAREST).to_pylist()
        ]
        for by in ("lists", "signature")
    }


def names_of(run: Run, neuron_ids: NDArray[np.integer]) -> dict[tuple[int, str], str]:
    """Give the names of some neurons' lists, by neuron and side."""
    summary = run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    ids = summary.column("neuron_id").to_numpy()
    bounds = (np.searchsorted(ids, neuron_ids.astype(ids.dtype), side=side) for side in ("left", "right"))
    rows = [row for start, stop in zip(*bounds, strict=True) for row in range(start, stop)]
    here = take_rows(summary, np.array(rows, np.int64)).to_pylist()
    return {(row["neuron_id"], row["side"]): row["name"] for row in here}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


# Choose the sentences of a list that a card shows: the strongest ones that differ from one another.
# Two sentences that share this much of their words tell the reader the same thing.
MAX_OVERLAP = 0.6
# Fields shown of a sentence at most.
N_SHOWN = 4
LOOKED_AT, A_TIME = 20, 32
"""Sentences that are looked at for each one shown: a list can be all one boilerplate sentence; and how
many are read at a time."""
OF_ENTRY = ("rank", "activation", "sentence_id", "text", "token", "gate")


def is_near_duplicate(words: frozenset[str], shown: list[frozenset[str]]) -> bool:
    """Say whether a sentence repeats one that is shown already.

    Returns: True when the Jaccard overlap with one of them is above 0.6.

    Examples
    --------
    >>> is_near_duplicate(frozenset("abcd"), [frozenset("xy"), frozenset("abcde")])
    True
    >>> is_near_duplicate(frozenset("abcd"), [frozenset("abxy")])
    False
    """
    return any(len(words & each) > MAX_OVERLAP * len(words | each) for each in shown)


def note(metadata: dict[str, Any], fields: Sequence[str]) -> list[str]:
    """Choose what is reported of a sentence in addition to its text.

    ``fields``: Fields that the card has evidence of: they come first, and only of these numbers are reported.
    Returns: Four values at most. Others, and those that are not informative without the field's name, are left out.

    Examples
    --------
    >>> note({"author": "Jane Austen", "retweet": "false", "likes": 3.0, "year": 1811.0}, ["year"])
    ['1811', 'Jane Austen']
    """
    order = sorted(metadata, key=lambda field: list(fields).index(field) if field in fields else len(fields))
    values = [
        f"{metadata[field]:g}" if isinstance(metadata[field], float) else str(metadata[field])
        for field in order
        if field in fields or not isinstance(metadata[field], float)
    ]
    return [value for value in dict.fromkeys(values) if value.lower() not in {*UNINFORMATIVE, "yes", "true"}][
        :N_SHOWN
    ]


def examples(parts: Iterable[pa.Table], *, limit: int, fields: Sequence[str] = ()) -> dict[str, Any]:
    """Take the first sentences of a list that are no near-duplicates.

    ``parts``: The list by rank, as :meth:`neurolect.store.Neuron.list` gives it, a few rows each.
    Returns: ``examples``: dicts with ``rank`` (from 0), ``activation``, ``sentence_id``, ``text``, ``metadata``,
        ``note`` (the values to show) and, with max pooling, ``token``, of gated networks ``gate`` (whether it is
        positive there); ``n_skipped``: near-duplicates passed over
        on the way.
    """
    taken: list[dict[str, Any]] = []
    shown: list[frozenset[str]] = []
    n_skipped = 0
    for row, columns in _rows(parts):
        words = frozenset(word.lower() for word in split_words(row["text"]))
        if is_near_duplicate(words, shown):
            n_skipped += 1
            continue
        shown.append(words)
        metadata = {field: row[name] for field, name in columns.items() if row[name] is not None}
        entry = {name: row[name] for name in OF_ENTRY if name in row}
        taken.append({**entry, "metadata": metadata, "note": note(metadata, fields)})
        if len(taken) == limit:
            break
    return {"examples": taken, "n_skipped": n_skipped}


def _rows(parts: Iterable[pa.Table]) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Yield rows with the columns of their fields."""
    for part in parts:
        columns = fields_of(part)
        yield from ((row, columns) for row in part.to_pylist())


def _first_rows(neuron: Neuron, side: str, *, limit: int) -> Iterator[pa.Table]:
    """Read the first rows of a list, a few at a time: mostly the first few are enough."""
    for start in range(0, limit, A_TIME):
        part = neuron.list(side, start=start, limit=min(A_TIME, limit - start))
        if not len(part):
            return
        yield part


# The senses of a list as a card shows them: share, leading words, a metadata value, a typical sentence.
N_WORDS = 4
# A value that fewer of a sense's sentences have, or that the corpus has nearly as often, does not describe it.
MIN_SHARE_SENSE, MIN_LIFT = 0.25, 1.5


def card_senses(neuron: Neuron, side: str) -> dict[str, Any] | None:
    """Gather the senses of one list.

    Returns: ``polysemy`` (effective number of senses) and ``senses``: dicts with ``sense`` (from 1), ``share``,
        ``n_sentences``, ``label`` (how it is named in a line), ``evidence`` (rows of ``sense_evidence``) and
        ``typical`` (its medoid: ``sentence_id``, ``text``), the largest first. None where none were looked for.
    """
    if not neuron.run.has("signatures/senses"):
        return None
    rows = neuron.rows("signatures/senses", side=side).to_pylist()
    if not rows:
        return None
    evidence = neuron.rows("signatures/sense_evidence", side=side)
    several = neuron.rows("signatures/polysemy", side=side).to_pylist()[0]
    texts = neuron.run.take_sentences(np.array([row["medoid_sentence_id"] for row in rows]), columns=["text"])
    senses = []
    for row, text in zip(rows, texts.column("text").to_pylist(), strict=True):
        own = evidence.filter(pc.equal(evidence.column("sense"), row["sense"]))
        found = own.drop_columns(["neuron_id", "side", "sense"]).to_pylist()
        rounded = [{name: _plain(value) for name, value in each.items()} for each in found]
        senses.append(
            {
                **{name: _plain(row[name]) for name in ("sense", "share", "n_sentences", "silhouette")},
                "label": sense_label(rounded),
                "evidence": rounded,
                "typical": {"sentence_id": row["medoid_sentence_id"], "text": text},
            }
        )
    return {"polysemy": _plain(several["polysemy"]), "senses": senses}


def sense_label(evidence: list[dict[str, Any]]) -> str:
    """Tell a sense in a few words.

    ``evidence``: Its rows of ``sense_evidence``, strongest first within a kind.
    Returns: Leading words, then the leading metadata value where enough of its sentences have it; a tag, or what
        else there is, where there is neither; empty where there is nothing.

    Examples
    --------
    >>> word = {"kind": "word", "field": None, "label": "oven", "share_sense": 0.2, "share_background": 0.01}
    >>> value = {**word, "kind": "metadata", "field": "domain", "label": "recipe", "share_sense": 0.9, "lift": 8.0}
    >>> sense_label([word, value])
    'oven \u00b7 domain recipe 90%'
    """
    words = [row for row in evidence if row["kind"] == "word"]
    words.sort(key=lambda row: row["share_background"] > COMMON_WORD)  # those that are a theme come first
    parts = [", ".join(row["label"] for row in words[:N_WORDS])] if words else []
    values = (row for row in evidence if row["kind"] == "metadata" and row["share_sense"] >= MIN_SHARE_SENSE)
    value = next((row for row in values if (row["lift"] or MIN_LIFT) >= MIN_LIFT), None)
    if value is not None:
        parts.append(f"{value['field']} {value['label']} {value['share_sense']:.0%}")
    other = next((row for row in evidence if row["kind"] not in ("word", "metadata")), None)
    if not parts and other is not None:
        label = f"{other['label']} {other['share_sense']:.0%}"
        parts.append(f"{label} of tokens" if other["kind"] == "tag" else f"{other['kind']} {label}")
    return " \u00b7 ".join(parts)


# Words and patterns of less of a list than this come only where there are not so many others.
MIN_SHARE, ENOUGH = 0.01, 3
# Fields whose evidence has room on a card.
N_FIELDS = 3


def card(
    neuron: Neuron,
    *,
    n_examples: int = 5,
    n_evidence: int = 8,
    sides: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """Gather what is known of a neuron.

    Parameters
    ----------
    neuron : Neuron
        A neuron of a described run.
    n_examples : int, >= 0
        Sentences of the list to show a side; near-duplicates of one already shown are passed over.
    n_evidence : int, >= 1
        Pieces of evidence of one kind to show at most.
    sides : tuple of str, optional
        ``top``, ``bottom`` or both; those of the run when not given.

    Returns
    -------
    dict
        ``address``, ``site``, ``layer``, ``index``, ``model``, ``corpus``, ``writes`` (see
        :func:`neurolect.views.cards.numbers.card_writes`), ``stale`` (lines on
        what is not shown), ``activation`` (moments,
        histogram, ``nearly_constant``)
        and ``sides``: a list of dicts with ``side``, ``name``, ``name_kind``, ``name_z``, ``n_sentences``,
        ``name_held`` (how many of the strongest 10 and 100, and which share of all, hold the name's first part),
        ``gate_positive`` (share of the entries at which the neuron's gate is positive; null without gates),
        ``corpus_share``,
        ``of_lowest`` (whether activations of the list are lowest values of sentences, not pooled ones),
        ``threshold`` (activation of the last listed sentence), ``length``, ``shares``, ``evidence`` (by kind,
        metadata by field under ``metadata``), ``by_activation`` (see
        :func:`neurolect.views.cards.numbers.card_activation`), ``senses`` (see
        :func:`neurolect.views.cards.contents.card_senses`), ``fidelity`` (see
        :func:`neurolect.views.cards.numbers.card_fidelity`), ``model_names`` (see
        :func:`neurolect.views.cards.numbers.card_names`), ``cause`` (see
        :func:`neurolect.views.cards.numbers.card_cause`), ``aligned`` (see
        :func:`neurolect.views.cards.numbers.card_align`), ``concepts`` (see
        :func:`neurolect.views.cards.numbers.card_concepts`),
        ``typical``, ``examples`` and ``nearest`` (the most similar lists by shared
        sentences and by signature); and ``responds_like``: the neurons of most correlated responses. These two are
        null until the run is related. Fit for ``json.dumps``. Evidence is
        ordered by its log-odds z, the strongest first; only what is over-represented is given.

    Raises
    ------
    OptionError
        If a side is neither ``top`` nor ``bottom``.
    RunFolderError
        If the run has not been described.
    """
    sides = neuron.run.sides if sides is None else sides
    for side in sides:
        check_side(side, neuron.run.sides, of=neuron.run.folder)
    # Both sides lie side by side in the tables: read once, part here.
    present = [each for each in kinds() if each.rows is not None and each.present_in(neuron.run)]
    names = {"summary", "typical_sentences", *(rows.table for each in present if (rows := each.rows) is not None)}
    tables = {name: neuron.rows(f"signatures/{name}") for name in sorted(names)}
    return card_head(neuron) | {
        "responds_like": nearest_responses(neuron),
        "writes": card_writes(neuron),
        "sides": [_side(neuron, side, tables, n_examples=n_examples, n_evidence=n_evidence) for side in sides],
    }


def card_head(neuron: Neuron) -> dict[str, Any]:
    """Gather what needs no signature: address, model, corpus, activation, lines on what is not shown."""
    model, corpus = neuron.run.manifest["model"], neuron.run.manifest["corpus"]
    named = {
        "name": short_name(model["name"]),
        "architecture": model["architecture"],
        "n_layers": model["n_layers"],
    }
    return {
        "address": neuron.address,
        "site": neuron.site,
        "layer": neuron.layer,
        "index": neuron.index,
        "model": named,
        "corpus": {"n_sentences": corpus["n_sentences"], "n_mining": sentences_read(neuron.run)},
        "activation": _activation(neuron),
        "stale": neuron.run.stale(),
    }


def short_name(model: str) -> str:
    """Name a model: a folder by its last part, one of the hub in full.

    Examples
    --------
    >>> short_name("/data/models/tiny/"), short_name("ada/tiny")
    ('tiny', 'ada/tiny')
    """
    return Path(model).name if Path(model).is_absolute() else model


def _activation(neuron: Neuron) -> dict[str, Any]:
    """Give the moments and the histogram."""
    row = neuron.row
    names = ("n", "mean", "std", "skewness", "kurtosis", "minimum", "maximum")
    counts = neuron.run.array("histograms")[neuron.neuron_id]
    histogram = {"low": row["bin_low"], "width": row["bin_width"], "counts": [int(each) for each in counts]}
    still = bool(nearly_constant(neuron.run)[neuron.neuron_id])
    return {name: _plain(row[name]) for name in names} | {"histogram": histogram, "nearly_constant": still}


def _side(
    neuron: Neuron, side: str, both: dict[str, pa.Table], *, n_examples: int, n_evidence: int
) -> dict[str, Any]:
    """Gather one side."""
    tables = {name: rows_of_side(table, side) for name, table in both.items()}
    summary = tables["summary"].to_pylist()[0]
    listed = neuron.rows(f"lists/{side}")
    rate = float(neuron.run.manifest["options"].get("describe", {}).get("false_discovery_rate", 0.05))
    evidence: dict[str, Any] = {
        shown.name: _evidence(tables[shown.rows.table], shown, limit=n_evidence, rate=rate)
        for shown in shown_in_order()
        if shown.rows.table in tables and shown.place != "right"
    }
    evidence["metadata"] = _metadata(neuron, tables["metadata"], listed, limit=n_evidence, rate=rate)
    activations = listed.column("activation")
    typical = in_order(tables["typical_sentences"], "rank")
    return {
        "side": side,
        **{name: _plain(summary[name]) for name in ("name", "name_kind", "name_z", "n_sentences")},
        "name_held": _name_held(summary, len(listed)),
        "gate_positive": _gate_positive(listed),
        "corpus_share": _plain(len(listed) / max(sentences_read(neuron.run), 1)),
        "of_lowest": side == "bottom" and side in firing_sides(neuron.run),
        "threshold": _plain(activations[-1].as_py()) if len(activations) else None,
        "length": {
            "mean": _plain(summary["mean_length"]),
            "background_mean": _plain(summary["background_mean_length"]),
            "z": _plain(summary["length_z"]),
        },
        "shares": {name: _plain(summary[f"{name}_share"]) for name in WORD_CLASSES},
        "evidence": evidence,
        "by_activation": card_activation(neuron, side),
        "senses": card_senses(neuron, side),
        "fidelity": card_fidelity(neuron, side),
        "model_names": card_names(neuron, side),
        "cause": card_cause(neuron, side),
        "aligned": card_align(neuron, side),
        "concepts": card_concepts(neuron, side),
        "typical": _typical(neuron, typical),
        **_examples(neuron, side, limit=n_examples, fields=list(evidence["metadata"])[:N_FIELDS]),
        "nearest": nearest_lists(neuron, side),
    }


def _flags(flags: pa.ChunkedArray) -> NDArray[np.bool_]:
    filled: NDArray[np.bool_] = flags.fill_null(False).to_numpy()
    return filled


def _gate_positive(listed: pa.Table) -> float | str | None:
    """Give the share of a list's entries at which the neuron's gate is positive; None where it has none."""
    if "gate" not in listed.column_names or listed.column("gate").null_count == len(listed):
        return None
    return _plain(pc.mean(pc.cast(listed.column("gate"), pa.float64())).as_py())


def _name_held(summary: dict[str, Any], n_sentences: int) -> dict[str, Any] | None:
    """Say how many of the 10 and 100 strongest sentences hold the name's first part; None where unknown."""
    at_10, at_100 = (summary.get(f"name_share_{depth}") for depth in (10, 100))
    if at_10 is None or at_100 is None:
        return None
    counts = {"of_10": round(at_10 * min(10, n_sentences)), "of_100": round(at_100 * min(100, n_sentences))}
    return {**counts, "share": _plain(summary.get("name_share_list"))}


def _examples(neuron: Neuron, side: str, *, limit: int, fields: list[str]) -> dict[str, Any]:
    """Choose sentences, with the words that the neuron responded to where that is known."""
    chosen = examples(_first_rows(neuron, side, limit=LOOKED_AT * limit), limit=limit, fields=fields)
    words = firing_words(neuron, side, chosen["examples"])
    words |= activating_words(neuron, side, [each["rank"] for each in chosen["examples"]])
    for each in chosen["examples"]:
        each["activating"] = words.get(each["rank"])
    return chosen


def in_order(table: pa.Table, column: str, *, sign: int = 1) -> pa.Table:
    """Order a few rows by a number, ties as they are; `Table.sort_by` starts threads for it."""
    return table.take(pa.array(np.argsort(sign * table.column(column).to_numpy(), kind="stable")))


def _evidence(table: pa.Table, shown: Shown, *, limit: int, rate: float) -> list[dict[str, Any]]:
    """Give the strongest rows of one kind; only these are taken out of the table, for a card has thirty kinds."""
    rows = np.flatnonzero(_numbers(table, "log_odds_z") > MIN_Z)
    if shown.rows.only:
        column, value = shown.rows.only
        rows = rows[_flags(pc.equal(table.column(column), value))[rows]]
    if shown.like and len(rows):  # of a few rows, and RE2 compiles its expression every time
        like = regex.compile(shown.like)
        labels = shown.rows.labels_of(table.select(list(shown.rows.labels)).take(pa.array(rows))).to_pylist()
        rows = rows[[like.search(each) is not None for each in labels]]
    rows = rows[np.argsort(_numbers(table, "rank_relative")[rows], kind="stable")]
    common = rows[_numbers(table, "share_list")[rows] >= MIN_SHARE]
    rows = (common if len(common) >= ENOUGH else rows)[:limit]
    if not len(rows):
        return []
    kept = [name for name in table.column_names if name in OF_EVIDENCE or name in shown.rows.labels]
    strongest = table.select(kept).take(pa.array(rows))
    labels = shown.rows.labels_of(strongest).to_pylist()
    return [_scores(row, label, rate=rate) for row, label in zip(strongest.to_pylist(), labels, strict=True)]


def _numbers(table: pa.Table, column: str) -> NDArray[np.float64]:
    """Read a number of a few rows; NaN, which is not above anything, where there is none."""
    return np.asarray(table.column(column).to_numpy(), np.float64)


def _metadata(
    neuron: Neuron, table: pa.Table, entries: pa.Table, *, limit: int, rate: float
) -> dict[str, list[dict[str, Any]]]:
    """Give the strongest values of every field, the field with the strongest one first."""
    table = in_order(table.filter(pc.greater(table.column("log_odds_z"), MIN_Z)), "log_odds_z", sign=-1)
    fields: dict[str, list[dict[str, Any]]] = {}
    has = holders(neuron.run, entries.column("sentence_id").to_numpy())
    for row in telling_values(table.to_pylist(), has):
        values = fields.setdefault(row["field"], [])
        if len(values) < limit:
            values.append(_scores(row, row["value"], rate=rate))
    return fields


OF_EVIDENCE = frozenset(
    "n_list share_list share_background lift z_documents log_odds_z n_documents".split()  # noqa: SIM905
    + "share_10 share_100 q_10 q_100 q rank_frequency".split()  # noqa: SIM905
)
"""Columns of an evidence table that a card shows."""


def _scores(row: dict[str, Any], label: str, *, rate: float) -> dict[str, Any]:
    """Reduce an evidence row to what people compare."""
    return {
        "label": label,
        "n_list": row["n_list"],
        "share_list": _plain(row["share_list"]),
        "share_background": _plain(row["share_background"]),
        "lift": _plain(row["lift"]),
        "z": _plain(row.get("z_documents", row["log_odds_z"])),
        "n_documents": row.get("n_documents"),
        "share_10": _plain(row.get("share_10")),
        "share_100": _plain(row.get("share_100")),
        "passes": _passes(row, rate=rate),
        "rank_frequency": row["rank_frequency"],
    }


def _passes(row: dict[str, Any], *, rate: float) -> bool | None:
    """Tell whether evidence passes the false-discovery rate at any depth; None in tables of before version 2."""
    if "q_10" not in row:
        return None
    return any(row[name] is not None and row[name] <= rate for name in ("q_10", "q_100", "q"))


def _typical(neuron: Neuron, rows: pa.Table) -> list[dict[str, Any]]:
    """Look the typical sentences up."""
    ids = rows.column("sentence_id").to_numpy()
    texts = neuron.run.take_sentences(ids, columns=["text"]).column("text").to_pylist()
    cosines = rows.column("cosine").to_pylist()
    return [
        {"cosine": _plain(cosine), "sentence_id": sentence_id, "text": text}
        for cosine, sentence_id, text in zip(cosines, ids.tolist(), texts, strict=True)
    ]


def _plain(value: float | str | None) -> float | str | None:
    """Round a number to what can be read; NaN and infinity become null, since JSON has neither."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
