"""Choose the sentences of a list that a card shows: the strongest ones that differ from one another."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from neurolect.corpus.words import split_words
from neurolect.signatures.says_nothing import SAYS_NOTHING

# Two sentences that share this much of their words tell the reader the same thing.
MAX_OVERLAP = 0.6
# Fields told of a sentence at most.
N_TOLD = 4

_NOT_METADATA = frozenset(
    {"rank", "activation", "token", "sentence_id", "text", "document_id", "position", "n_words"}
)


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
    """Choose what is told of a sentence beside its text.

    ``fields``: Fields that the card has evidence of: they come first, and only of these numbers are told.
    Returns: Four values at most. Others, and those that say nothing without the field's name, are left out.

    Examples
    --------
    >>> note({"author": "Jane Austen", "retweet": "false", "likes": 3.0, "year": 1811.0}, ["year"])
    ['1811', 'Jane Austen']
    """
    order = sorted(metadata, key=lambda field: list(fields).index(field) if field in fields else len(fields))
    told = [
        f"{metadata[field]:g}" if isinstance(metadata[field], float) else str(metadata[field])
        for field in order
        if field in fields or not isinstance(metadata[field], float)
    ]
    return [value for value in dict.fromkeys(told) if value.lower() not in {*SAYS_NOTHING, "yes", "true"}][:N_TOLD]


def examples(listed: pa.Table, *, limit: int, fields: Sequence[str] = ()) -> dict[str, Any]:
    """Take the first sentences of a list that are no near-duplicates.

    ``listed``: The list by rank, as :meth:`neurolect.store.Neuron.list` gives it.
    Returns: ``examples``: dicts with ``rank`` (from 0), ``activation``, ``sentence_id``, ``text``, ``metadata``,
        ``note`` (the values to show) and, with max pooling, ``token``; ``n_skipped``: near-duplicates passed over
        on the way.
    """
    taken: list[dict[str, Any]] = []
    shown: list[frozenset[str]] = []
    n_skipped = 0
    # A list can be all one boilerplate sentence: look at a bounded part of it.
    for row in listed.slice(0, 20 * limit).to_pylist():
        words = frozenset(word.lower() for word in split_words(row["text"]))
        if is_near_duplicate(words, shown):
            n_skipped += 1
            continue
        shown.append(words)
        metadata = {name: value for name, value in row.items() if name not in _NOT_METADATA and value is not None}
        entry = {name: row[name] for name in ("rank", "activation", "sentence_id", "text", "token") if name in row}
        taken.append({**entry, "metadata": metadata, "note": note(metadata, fields)})
        if len(taken) == limit:
            break
    return {"examples": taken, "n_skipped": n_skipped}
