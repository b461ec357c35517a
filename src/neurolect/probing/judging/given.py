"""The rankings that are judged: read, checked against the store, as orders of its neurons."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.probing.activations.reader import ActivationStore
from neurolect.results import provenance, read_ranking


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


def read_given(rankings: Sequence[str | Path | pa.Table], store: ActivationStore) -> list[Given]:
    """Read rankings, and refuse one that is not of all neurons of the store, each once."""
    n = store.n_neurons // store.n_parts
    places = {address: place for place, address in enumerate(store.addresses[:n])}
    found: list[Given] = []
    for number, each in enumerate(rankings):
        table = each if isinstance(each, pa.Table) else read_ranking(each)
        source = f"ranking {number + 1}" if isinstance(each, pa.Table) else str(each)
        addresses = table.sort_by("rank").column("address").to_pylist()
        _check_neurons(addresses, places, source)
        made = provenance(table)
        concept = table.column("concept")[0].as_py() if "concept" in table.column_names else None
        name = made.method if concept is None else f"{made.method} {concept}"
        if any(name == other.name for other in found):
            name = f"{name} ({number + 1})" if isinstance(each, pa.Table) else Path(each).stem
        order = np.array([places[address] for address in addresses], np.int64)
        seconds = made.details.get("seconds")
        found.append(Given(name, order, made.method, concept, made.options, seconds, made.runs))
    return found


def _check_neurons(addresses: list[str], places: dict[str, int], source: str) -> None:
    others = [each for each in addresses if each not in places]
    missing = len(places) - len(set(addresses) & set(places))
    if others or missing or len(addresses) != len(places):
        what = f"{source} does not have the store's neurons: {len(addresses):,} rows"
        what += f", {len(others):,} of them of other neurons ({others[0]} ...)" if others else ""
        what += f"; {missing:,} of the store's {len(places):,} are missing."
        hint = "Rank the store itself: neurolect rank ACTS --by METHOD --out RANKING.parquet"
        raise ProbingError(what, expected="every neuron of the store once", hint=hint)
