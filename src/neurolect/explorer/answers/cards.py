"""A neuron's card with its sentences shaded, and further pages of its lists."""

from typing import Any

import numpy as np

from neurolect.errors import NeurolectError, OptionError
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.explorer.answers.plain import plain, shaded, shortened
from neurolect.store import Neuron, Run
from neurolect.store.field_columns import fields_of
from neurolect.store.sides import check_side
from neurolect.views.cards.activating_words import activating_words, firing_words
from neurolect.views.cards.contents import card, card_head, note
from neurolect.views.cards.numbers import sentences_read

N_EXAMPLES = 20
A_DECILE, IN_QUANTILES = 2, 400
"""Sentences of each tenth of the activations, and characters of each."""
PAGE = 50
"""Sentences a page of a list."""
SHORT = 600
"""Characters of sentences that are only mentioned."""


def neuron_card(of: OpenedRun, address: str, *, n_examples: int = N_EXAMPLES) -> dict[str, Any]:
    """Gather a neuron's card; where signatures are missing or damaged, its lists alone, and why."""
    run = of.run()
    neuron = run.neuron(address)
    broken: dict[str, Any] | None = None
    try:
        found = card(neuron, n_examples=n_examples)
    except NeurolectError as error:
        found = _plain_card(neuron, n_examples=n_examples)
        broken = {"message": error.what, "hint": error.hint}
    shades = [[each.pop("activating") for each in side["examples"]] for side in found["sides"]]
    made: dict[str, Any] = plain(found | {"quantiles": _quantiles(neuron), "broken": broken})
    for side, words in zip(made["sides"], shades, strict=True):
        for each, own in zip(side["examples"], words, strict=True):
            each["pieces"] = shaded(each["text"], own)  # its shades are rounded already
            each["text"] = shortened(each["text"], SHORT)
            each["metadata"] = _short_values(each["metadata"])
        for each in side["typical"]:
            each["text"] = shortened(each["text"], SHORT)
        for each in (side["senses"] or {}).get("senses", ()):
            each["typical"]["text"] = shortened(each["typical"]["text"], SHORT)
    return made


def _plain_card(neuron: Neuron, *, n_examples: int) -> dict[str, Any]:
    """Give the parts of a card that need no signature, in the same shape."""
    run = neuron.run
    n_mining = sentences_read(run)
    sides = []
    for side in run.sides:
        listed = neuron.rows(f"lists/{side}")
        activations = listed.column("activation")
        nothing = dict.fromkeys(
            (
                *("name", "name_kind", "name_z", "name_held", "length"),
                *("by_activation", "senses", "fidelity", "cause", "aligned"),
            )
        )
        sides.append(
            nothing
            | {
                "side": side,
                "n_sentences": len(listed),
                "corpus_share": len(listed) / max(n_mining, 1),
                "threshold": activations[-1].as_py() if len(activations) else None,
                "shares": {},
                "evidence": {"metadata": {}},
                "concepts": [],
                "model_names": [],
                "typical": [],
                "examples": [each | {"activating": None} for each in _entries(neuron, side, 0, n_examples)],
                "n_skipped": 0,
                "nearest": None,
            }
        )
    return card_head(neuron) | {"responds_like": None, "writes": None, "sides": sides}


def _quantiles(neuron: Neuron) -> list[dict[str, Any]]:
    """Give a few sentences of each tenth of the activations, the lowest first."""
    if not neuron.run.files.has("lists/quantiles.parquet"):
        return []
    rows = neuron.rows("lists/quantiles").to_pylist()
    kept: list[dict[str, Any]] = []
    seen: dict[int, int] = {}
    for row in rows:
        seen[row["quantile"]] = seen.get(row["quantile"], 0) + 1
        if seen[row["quantile"]] <= A_DECILE:
            kept.append(row)
    texts = _texts(neuron.run, [row["sentence_id"] for row in kept])
    return [
        {
            "decile": row["quantile"] + 1,
            "activation": row["activation"],
            "sentence_id": row["sentence_id"],
            "text": shortened(text, IN_QUANTILES),
        }
        for row, text in zip(kept, texts, strict=True)
    ]


def _texts(run: Run, ids: list[int]) -> list[str]:
    texts: list[str] = run.take_sentences(np.array(ids, np.int64), columns=["text"]).column("text").to_pylist()
    return texts


def list_page(of: OpenedRun, address: str, side: str, page: int) -> dict[str, Any]:
    """Give 50 sentences of a list."""
    run = of.run()
    check_side(side, run.sides, of=of.folder)
    if page < 0:
        what = f"There is no page {page} of a list."
        raise OptionError(what, expected="0 or more")
    neuron = run.neuron(address)
    rows = _entries(neuron, side, page * PAGE, PAGE)
    words = _words_of(neuron, side, rows)
    rows = plain(rows)
    for row in rows:
        row["pieces"] = shaded(row["text"], words.get(row["rank"]))
        row["text"] = shortened(row["text"], SHORT)
        row["metadata"] = _short_values(row["metadata"])
    return {"rows": rows, "n": neuron.rows(f"lists/{side}").num_rows}


def _words_of(neuron: Neuron, side: str, rows: list[dict[str, Any]]) -> dict[int, list[tuple[int, int, float]]]:
    """Find what the neuron responded to in some sentences; nothing where that is not known, or damaged."""
    try:
        words = activating_words(neuron, side, [row["rank"] for row in rows])
        return firing_words(neuron, side, rows) | words
    except NeurolectError:
        return {}


def _entries(neuron: Neuron, side: str, start: int, n: int) -> list[dict[str, Any]]:
    """Give some sentences of a list, as a card's examples are."""
    listed = neuron.list(side, start=start, limit=n)
    columns = fields_of(listed)
    entries = []
    for row in listed.to_pylist():
        metadata = {field: row[name] for field, name in columns.items() if row[name] is not None}
        token = {"token": row["token"]} if "token" in row else {}
        of_list = {name: row[name] for name in ("rank", "activation", "sentence_id", "text")}
        entries.append(of_list | token | {"metadata": metadata, "note": note(metadata, ())})
    return entries


def _short_values(metadata: dict[str, Any]) -> dict[str, Any]:
    return {name: shortened(each, SHORT) if isinstance(each, str) else each for name, each in metadata.items()}
