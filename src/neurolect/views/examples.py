"""Choose the sentences of a list that a card shows: the strongest ones that differ from one another."""

from typing import Any

from neurolect.corpus.words import split_words
from neurolect.store import Neuron

__all__ = ["examples", "is_near_duplicate"]

# Two sentences that share this much of their words tell the reader the same thing.
MAX_OVERLAP = 0.6

_NOT_METADATA = frozenset(
    {"rank", "activation", "token", "sentence_id", "text", "document_id", "position", "n_words"}
)


def is_near_duplicate(words: frozenset[str], shown: list[frozenset[str]]) -> bool:
    """Say whether a sentence repeats one that is shown already.

    Parameters
    ----------
    words : frozenset of str
        Its words, lower case.
    shown : list of frozenset of str
        The words of those shown.

    Returns
    -------
    bool
        True when the Jaccard overlap with one of them is above 0.6.

    Examples
    --------
    >>> is_near_duplicate(frozenset("abcd"), [frozenset("xy"), frozenset("abcde")])
    True
    >>> is_near_duplicate(frozenset("abcd"), [frozenset("abxy")])
    False
    """
    return any(len(words & each) > MAX_OVERLAP * len(words | each) for each in shown)


def examples(neuron: Neuron, side: str, *, limit: int) -> dict[str, Any]:
    """Take the first sentences of a list that are no near-duplicates.

    Parameters
    ----------
    neuron : Neuron
        Whose list.
    side : str
        ``top`` or ``bottom``.
    limit : int, >= 0
        How many.

    Returns
    -------
    dict
        ``examples``: dicts with ``rank`` (from 0), ``activation``, ``sentence_id``, ``text``, ``metadata`` and,
        with max pooling, ``token``; ``n_skipped``: near-duplicates passed over on the way.
    """
    taken: list[dict[str, Any]] = []
    shown: list[frozenset[str]] = []
    n_skipped = 0
    # A list can be all one boilerplate sentence: look at a bounded part of it.
    for row in neuron.list(side, limit=20 * limit).to_pylist() if limit > 0 else []:
        words = frozenset(word.lower() for word in split_words(row["text"]))
        if is_near_duplicate(words, shown):
            n_skipped += 1
            continue
        shown.append(words)
        metadata = {name: value for name, value in row.items() if name not in _NOT_METADATA and value is not None}
        entry = {name: row[name] for name in ("rank", "activation", "sentence_id", "text", "token") if name in row}
        taken.append({**entry, "metadata": metadata})
        if len(taken) == limit:
            break
    return {"examples": taken, "n_skipped": n_skipped}
