"""The rankings that are judged: read, checked against the store, as orders of its neurons."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.probing.activations.reader import ActivationStore
from neurolect.probing.methods import WITHOUT_LABELS
from neurolect.progress import counted
from neurolect.results import Provenance, provenance, read_ranking

logger = logging.getLogger(__name__)
MOST_MISSING = 0.1
"""Share of the store's neurons that a ranking may leave out (constant ones, say)."""

_SET = re.compile(r"(first|last) \d+ of (\S+)")
"""How `edit ablate` names sets of a ranking's neurons."""
_SEVERAL_ROWS = ("rank", "compare")
"""Methods whose tables may have several rows of a neuron: of its two lists, of several models."""


class Given(NamedTuple):
    """One ranking."""

    name: str
    order: NDArray[np.int64]
    """All neurons, the best first."""
    method: str
    concept: str | None
    options: dict[str, Any]
    seconds: float | None
    runs: tuple[str, ...]
    n_others: int = 0
    """Neurons that the store does not have, left out."""
    n_missing: int = 0
    """Neurons of the store that it does not have, put last."""
    groups: NDArray[np.int64] | None = None
    """Of each neuron in its order, where the ranking has a column ``group``; -1: none."""
    of_classes: NDArray[np.float64] | None = None
    """Scores of the store's neurons for its classes, shape (n_classes, n_neurons), where the ranking has them."""


def read_given(rankings: Sequence[str | Path | pa.Table], store: ActivationStore) -> list[Given]:
    """Read rankings, and refuse one that lacks many of the store's neurons; few are put last, others left out."""
    n = store.n_neurons // store.n_parts
    places = {address: place for place, address in enumerate(store.addresses[:n])}
    found: list[Given] = []
    for number, each in enumerate(rankings):
        table = each if isinstance(each, pa.Table) else read_ranking(each)
        if _is_of_sets(table):
            continue
        source = f"ranking {number + 1}" if isinstance(each, pa.Table) else str(each)
        made = provenance(table)
        addresses = table.sort_by("rank").column("address").to_pylist()
        _check_repeated(addresses, made.method, source)
        addresses = list(dict.fromkeys(addresses))  # of two lists the first
        n_others = len(addresses)
        addresses = [address for address in addresses if address in places]
        n_others -= len(addresses)
        missing = [address for address in places if address not in set(addresses)]
        _check_neurons(len(missing), n_others, places, source)
        addresses += missing
        concept = table.column("concept")[0].as_py() if "concept" in table.column_names else None
        name = " ".join(_named(made)) if concept is None else f"{made.method} {concept}"
        if any(name == other.name for other in found):
            name = f"{name} ({number + 1})" if isinstance(each, pa.Table) else Path(each).stem
        order = np.array([places[address] for address in addresses], np.int64)
        seconds = made.details.get("seconds")
        facts = (made.method, concept, made.options, seconds, made.runs, n_others, len(missing))
        found.append(
            Given(
                name, order, *facts, groups=_groups(table, addresses), of_classes=_of_classes(table, places, store)
            )
        )
    return found


def only_concept(given: list[Given], classes: list[str]) -> str | None:
    """Give the class that all rankings are for, if they are for one."""
    concepts = {each.concept for each in given}
    (concept,) = concepts if len(concepts) == 1 else (None,)
    if concept not in classes:
        return None
    logger.info("All rankings are for %s: it is judged against as many other units.", concept)
    return concept


def say_others(given: list[Given], concept: str | None) -> None:
    """Say before anything is fitted what was ranked for something else."""
    if others := [each.name for each in given if each.concept != concept]:
        judged = "All classes are" if concept is None else f"{concept!r} is"
        names = ", ".join(others)
        logger.warning("%s judged, but these were ranked for something else: %s.", judged, names)


def read_used(rankings: Sequence[str | Path | pa.Table]) -> list[dict[str, Any]]:
    """Read what `edit ablate` measured of the first and last neurons of rankings, set together in the model."""
    found = list[dict[str, Any]]()
    wanted = ("address", "score", "low", "high", "random", "random_high", "n_neurons")
    for number, each in enumerate(rankings):
        table = each if isinstance(each, pa.Table) else read_ranking(each)
        if not _is_of_sets(table):
            continue
        source = f"ranking {number + 1}" if isinstance(each, pa.Table) else Path(each).stem
        made = provenance(table)
        facts = {"source": source, "unit": made.details.get("unit"), "n_texts": made.details.get("n_texts")}
        for row in table.sort_by("rank").to_pylist():
            of = {("set" if name == "address" else name): row.get(name) for name in wanted}
            end, method = parsed.groups() if (parsed := _SET.match(row["address"])) else (None, None)
            labelled = None if method is None else method not in (*WITHOUT_LABELS, "compare", "ablate", "random")
            found.append(facts | of | {"end": end, "method": method, "looked_at_labels": labelled})
    return found


def _is_of_sets(table: pa.Table) -> bool:
    """Say whether a table is of sets of neurons, not of single ones."""
    made = provenance(table)
    return made.method == "ablate" and not made.options.get("each")


def _groups(table: pa.Table, addresses: list[str]) -> NDArray[np.int64] | None:
    """Look up the groups of neurons."""
    if "group" not in table.column_names:
        return None
    known = dict(zip(table.column("address").to_pylist(), table.column("group").to_pylist(), strict=True))
    return np.array([-1 if known.get(each) is None else known[each] for each in addresses], np.int64)


def _of_classes(table: pa.Table, places: dict[str, int], store: ActivationStore) -> NDArray[np.float64] | None:
    """Read the scores of classes, where they are of the store's classes."""
    if "class_scores" not in table.column_names or provenance(table).details.get("classes") != store.classes:
        return None
    scores = np.full((len(store.classes), len(places)), np.nan)
    for address, row in zip(
        table.column("address").to_pylist(), table.column("class_scores").to_pylist(), strict=True
    ):
        if address in places and row is not None and len(row) == len(scores):
            scores[:, places[address]] = [np.nan if each is None else each for each in row]
    return scores


def _named(made: Provenance) -> Iterator[str]:
    """Name a ranking that is not of a store: what it is by, too."""
    yield made.method
    if made.method in ("rank", "compare"):
        yield from (str(made.options[name]) for name in ("by", "value") if made.options.get(name))


def _check_repeated(addresses: list[str], method: str, source: str) -> None:
    """Refuse neurons that are there twice; only rankings of lists and of comparisons have several rows of one."""
    if method in _SEVERAL_ROWS or len(set(addresses)) == len(addresses):
        return
    first, times = Counter(addresses).most_common(1)[0]
    n = sum(each > 1 for each in Counter(addresses).values())
    many = counted(n, "{} neuron", "{} neurons")
    what = f"{source} has {many} more than once, {first} {times} times."
    hint = "Make the ranking again: neurolect rank ACTS --by METHOD --out RANKING.parquet."
    raise ProbingError(what, expected="every neuron once", hint=hint)


def _check_neurons(n_missing: int, n_others: int, places: dict[str, int], source: str) -> None:
    if n_missing <= MOST_MISSING * len(places):
        return
    what = f"{source} lacks {n_missing:,} of the store's {len(places):,} neurons"
    what += f", and has {n_others:,} others." if n_others else "."
    hint = "Rank the store: neurolect rank ACTS --by METHOD --out RANKING.parquet; of a run, add --limit 1000000."
    raise ProbingError(what, expected="nine of ten or more", hint=hint)
