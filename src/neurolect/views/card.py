"""Everything a card shows of one neuron, as plain data: the text card, JSON and the report are made from it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neurolect.results.nearly_constant import nearly_constant
from neurolect.results.tag_numbers import WORD_CLASSES
from neurolect.signatures.evidence.kind import Shown
from neurolect.signatures.evidence.registry import kinds, shown_in_order
from neurolect.statistics.scores import MIN_Z
from neurolect.store import SIDES, Neuron
from neurolect.store.sides import check_side
from neurolect.views.activating_words import activating_words
from neurolect.views.card_activation import card_activation
from neurolect.views.card_fidelity import card_fidelity
from neurolect.views.card_metadata import telling_values
from neurolect.views.card_senses import card_senses
from neurolect.views.examples import examples
from neurolect.views.nearest import nearest_lists, nearest_responses

# Words and patterns of less of a list than this come only where there are not so many others.
MIN_SHARE, ENOUGH = 0.01, 3
# Fields whose evidence has room on a card.
N_FIELDS = 3


def card(
    neuron: Neuron,
    *,
    n_examples: int = 5,
    n_evidence: int = 8,
    sides: tuple[str, ...] = SIDES,
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
    sides : tuple of str
        ``top``, ``bottom`` or both.

    Returns
    -------
    dict
        ``address``, ``site``, ``layer``, ``index``, ``model``, ``corpus``, ``stale`` (lines on
        what is not shown), ``activation`` (moments,
        histogram, ``nearly_constant``)
        and ``sides``: a list of dicts with ``side``, ``name``, ``name_kind``, ``name_z``, ``n_sentences``,
        ``threshold`` (activation of the last listed sentence), ``length``, ``shares``, ``evidence`` (by kind,
        metadata by field under ``metadata``), ``by_activation`` (see
        :func:`neurolect.views.card_activation.card_activation`), ``senses`` (see
        :func:`neurolect.views.card_senses.card_senses`), ``fidelity`` (see
        :func:`neurolect.views.card_fidelity.card_fidelity`),
        ``typical``, ``examples`` and ``nearest`` (the likest lists by shared
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
    for side in sides:
        check_side(side)
    # Both sides lie side by side in the tables: read once, part here.
    present = [each for each in kinds() if each.rows is not None and each.present_in(neuron.run)]
    names = {"summary", "typical_sentences", *(rows.table for each in present if (rows := each.rows) is not None)}
    tables = {name: neuron.rows(f"signatures/{name}") for name in sorted(names)}
    manifest = neuron.run.manifest
    model, corpus = manifest["model"], manifest["corpus"]
    told = {"name": short_name(model["name"]), "architecture": model["architecture"], "n_layers": model["n_layers"]}
    return {
        "address": neuron.address,
        "site": neuron.site,
        "layer": neuron.layer,
        "index": neuron.index,
        "model": told,
        "corpus": {"n_sentences": corpus["n_sentences"], "n_mining": corpus["n_mining"]},
        "activation": _activation(neuron),
        "responds_like": nearest_responses(neuron),
        "stale": neuron.run.stale(),
        "sides": [_side(neuron, side, tables, n_examples=n_examples, n_evidence=n_evidence) for side in sides],
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
    tables = {name: table.filter(pc.equal(table.column("side"), side)) for name, table in both.items()}
    summary = tables["summary"].to_pylist()[0]
    listed = neuron.list(side)
    evidence: dict[str, Any] = {
        shown.name: _evidence(tables[shown.rows.table], shown, limit=n_evidence)
        for shown in shown_in_order()
        if shown.rows.table in tables and shown.place != "right"
    }
    evidence["metadata"] = _metadata(tables["metadata"], listed, limit=n_evidence)
    activations = listed.column("activation")
    typical = tables["typical_sentences"].sort_by("rank")
    return {
        "side": side,
        **{name: _plain(summary[name]) for name in ("name", "name_kind", "name_z", "n_sentences")},
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
        "typical": [
            {"cosine": _plain(row["cosine"]), **_sentence(neuron, row["sentence_id"])}
            for row in typical.to_pylist()
        ],
        **_examples(neuron, side, listed, limit=n_examples, fields=list(evidence["metadata"])[:N_FIELDS]),
        "nearest": nearest_lists(neuron, side),
    }


def _examples(neuron: Neuron, side: str, listed: pa.Table, *, limit: int, fields: list[str]) -> dict[str, Any]:
    """Choose sentences, with the words that the neuron answered to where that is known."""
    chosen = examples(listed, limit=limit, fields=fields)
    words = activating_words(neuron, side, [each["rank"] for each in chosen["examples"]])
    for each in chosen["examples"]:
        each["activating"] = words.get(each["rank"])
    return chosen


def _evidence(table: pa.Table, shown: Shown, *, limit: int) -> list[dict[str, Any]]:
    """Give the strongest rows of one kind."""
    table = shown.rows.of(table)
    table = table.filter(pc.greater(table.column("log_odds_z"), MIN_Z))
    table = table.append_column("shown", shown.rows.labels_of(table))
    table = table.filter(pc.match_substring_regex(table.column("shown"), shown.like)).sort_by("rank_relative")
    common = table.filter(pc.greater_equal(table.column("share_list"), MIN_SHARE))
    if common.num_rows >= ENOUGH:
        table = common
    return [_scores(row, row["shown"]) for row in table.slice(0, limit).to_pylist()]


def _metadata(table: pa.Table, listed: pa.Table, *, limit: int) -> dict[str, list[dict[str, Any]]]:
    """Give the strongest values of every field, the field with the strongest one first."""
    table = table.filter(pc.greater(table.column("log_odds_z"), MIN_Z)).sort_by([("log_odds_z", "descending")])
    fields: dict[str, list[dict[str, Any]]] = {}
    for row in telling_values(table.to_pylist(), listed):
        values = fields.setdefault(row["field"], [])
        if len(values) < limit:
            values.append(_scores(row, row["value"]))
    return fields


def _scores(row: dict[str, Any], label: str) -> dict[str, Any]:
    """Reduce an evidence row to what people compare."""
    return {
        "label": label,
        "n_list": row["n_list"],
        "share_list": _plain(row["share_list"]),
        "share_background": _plain(row["share_background"]),
        "lift": _plain(row["lift"]),
        "z": _plain(row["log_odds_z"]),
        "rank_frequency": row["rank_frequency"],
    }


def _sentence(neuron: Neuron, sentence_id: int) -> dict[str, Any]:
    """Look one sentence up."""
    row = neuron.run.take_sentences(np.array([sentence_id])).to_pylist()[0]
    return {"sentence_id": sentence_id, "text": row["text"]}


def _plain(value: float | str | None) -> float | str | None:
    """Round a number to what can be read; NaN and infinity become null, since JSON has neither."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value
