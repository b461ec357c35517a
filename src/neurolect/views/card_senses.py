"""The senses of a list as a card shows them: share, leading words, a metadata value, a typical sentence."""

from typing import Any

import numpy as np
import pyarrow.compute as pc

from neurolect.signatures.naming_evidence import COMMON_WORD
from neurolect.store import Neuron

N_WORDS = 4
# A value that fewer of a sense's sentences have, or that the corpus has nearly as often, does not describe it.
MIN_SHARE, MIN_LIFT = 0.25, 1.5


def card_senses(neuron: Neuron, side: str) -> dict[str, Any] | None:
    """Gather the senses of one list.

    Returns: ``polysemy`` (effective number of senses) and ``senses``: dicts with ``sense`` (from 1), ``share``,
        ``n_sentences``, ``label`` (how it is told in a line), ``evidence`` (rows of ``sense_evidence``) and
        ``typical`` (its medoid: ``sentence_id``, ``text``), the largest first. None where none were looked for.
    """
    if not neuron.run.has("signatures/senses"):
        return None
    rows = neuron.rows("signatures/senses", side=side).to_pylist()
    if not rows:
        return None
    evidence = neuron.rows("signatures/sense_evidence", side=side)
    several = neuron.rows("signatures/polysemy", side=side).to_pylist()[0]
    texts = neuron.run.take_sentences(np.array([row["medoid_sentence_id"] for row in rows]))
    senses = []
    for row, text in zip(rows, texts.column("text").to_pylist(), strict=True):
        own = evidence.filter(pc.equal(evidence.column("sense"), row["sense"]))
        found = own.drop_columns(["neuron_id", "side", "sense"]).to_pylist()
        told = [{name: _plain(value) for name, value in each.items()} for each in found]
        senses.append(
            {
                **{name: _plain(row[name]) for name in ("sense", "share", "n_sentences", "silhouette")},
                "label": sense_label(told),
                "evidence": told,
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
    values = (row for row in evidence if row["kind"] == "metadata" and row["share_sense"] >= MIN_SHARE)
    value = next((row for row in values if (row["lift"] or MIN_LIFT) >= MIN_LIFT), None)
    if value is not None:
        parts.append(f"{value['field']} {value['label']} {value['share_sense']:.0%}")
    other = next((row for row in evidence if row["kind"] not in ("word", "metadata")), None)
    if not parts and other is not None:
        told = f"{other['label']} {other['share_sense']:.0%}"
        parts.append(f"{told} of tokens" if other["kind"] == "tag" else f"{other['kind']} {told}")
    return " \u00b7 ".join(parts)


def _plain(value: float | str | None) -> float | str | None:
    """Round a number to what can be read; NaN and infinity become null, since JSON has neither."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value
