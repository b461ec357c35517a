"""Whether phrases have what a neuron's signature has: its leading words and patterns of words."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.statistics.scores import MIN_Z
from neurolect.store import Run

N_EVIDENCE = 8
"""Leading words and patterns of a list, each, that phrases are compared with."""
_PATTERNS = ("word",)


class Evidence(NamedTuple):
    """What a list has more than the corpus, the strongest first."""

    words: tuple[str, ...] = ()
    """Lower case."""
    patterns: tuple[tuple[str, ...], ...] = ()
    """Words in their order, with gaps between them."""


def read_evidence(run: Run, neuron_ids: NDArray[np.int64], side: str) -> dict[int, Evidence] | None:
    """Read the leading words and patterns of lists; None for a run that is not described."""
    if not run.has("signatures/words"):
        return None
    words = _leading(run, "signatures/words", neuron_ids, side, what="word", where=("word_class", ("all",)))
    patterns: dict[int, list[Any]] = {}
    if run.has("signatures/skip_ngrams"):
        patterns = _leading(
            run, "signatures/skip_ngrams", neuron_ids, side, what="items", where=("item", _PATTERNS)
        )
    return {
        each: Evidence(
            tuple(map(str.lower, words.get(each, []))),
            tuple(tuple(map(str.lower, items)) for items in patterns.get(each, []) if len(items) > 1),
        )
        for each in neuron_ids.tolist()
    }


def _leading(
    run: Run,
    table: str,
    neuron_ids: NDArray[np.int64],
    side: str,
    *,
    what: str,
    where: tuple[str, tuple[str, ...]],
) -> dict[int, list[Any]]:
    """Read the rows of the greatest log-odds z of each list."""
    columns = ["neuron_id", "side", where[0], what, "log_odds_z", "rank_relative"]
    rows = run.table(table, columns=columns)
    keep = pc.and_(pc.equal(rows["side"], side), pc.is_in(rows["neuron_id"], pa.array(neuron_ids, pa.int32())))
    keep = pc.and_(keep, pc.is_in(rows[where[0]], pa.array(list(where[1]))))
    rows = rows.filter(pc.and_(keep, pc.greater(rows["log_odds_z"], MIN_Z)))
    rows = rows.sort_by([("neuron_id", "ascending"), ("rank_relative", "ascending")])
    found: dict[int, list[Any]] = {}
    for neuron, item in zip(rows["neuron_id"].to_pylist(), rows[what].to_pylist(), strict=True):
        own = found.setdefault(neuron, [])
        if len(own) < N_EVIDENCE:
            own.append(item)
    return found


def has_word(phrases: Sequence[Sequence[str]], evidence: Evidence) -> bool:
    """Tell whether a phrase has a leading word.

    Examples
    --------
    >>> has_word([("south", "asia")], Evidence(words=("asia",)))
    True
    """
    return any(word in evidence.words for words in phrases for word in words)


def has_pattern(phrases: Sequence[Sequence[str]], evidence: Evidence) -> bool:
    """Tell whether a phrase has a leading pattern, its words in their order.

    Examples
    --------
    >>> has_pattern([("as", "far", "as")], Evidence(patterns=(("as", "as"),)))
    True
    """
    return any(_has_in_order(words, items) for words in phrases for items in evidence.patterns)


def _has_in_order(words: Sequence[str], items: Sequence[str]) -> bool:
    left = iter(words)
    return all(item in left for item in items)
