"""Names of all lists of a run: lists whose evidence differs get names that differ."""

import re
from collections import Counter
from collections.abc import Sequence

from neurolect.signatures.names import Explained, ListEvidence, Name, name_list

MAX_DETAILS = 2
"""Pieces of evidence that a name may be given beyond its own."""


def distinct_names(evidence: Sequence[ListEvidence], *, explained: Explained) -> list[Name]:
    """Name lists, and tell those of the same name apart by what else they hold.

    Returns: One for each list. Names that differ in numbers only count as the same. Two lists keep one name where
        none of them has further evidence, or further evidence is the same.
    """
    names = [name_list(each, explained=explained) for each in evidence]
    for n_details in range(1, MAX_DETAILS + 1):
        keys = [_without_numbers(name.text) for name in names]
        holders = Counter(keys)
        for each, key in enumerate(keys):
            if holders[key] > 1:
                names[each] = name_list(evidence[each], explained=explained, n_details=n_details)
    return names


def _without_numbers(text: str) -> str:
    """Take the figures out of brackets: shares, lifts and mean lengths do not tell lists apart."""
    return re.sub(r"\([^)]*\d[^)]*\)", "", text)
