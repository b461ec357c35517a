"""The strongest sentences of all lists, compact: each sentence once, lists point to it."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neurolect.results.list_entries import BATCH
from neurolect.store import Run
from neurolect.views.texts.bars import number

N_STRONGEST = 5
MAX_BYTES = 40_000_000
"""A page with more of them opens slowly: it is left to the site of chunks."""
LONGEST = 300
"""Characters of a sentence."""
ENTRY = 16
"""Bytes of an entry in the page, about."""


class Strongest(NamedTuple):
    """The first sentences of all lists."""

    n_bytes: int
    """What they take in the page, about."""
    texts: list[str] | None
    """Every sentence once; None where they would take more than 40 MB."""
    lists: dict[tuple[int, str], list[str | int]]
    """By neuron and side: activation, place in `texts`, and so on, the strongest first."""


def strongest_sentences(run: Run) -> Strongest:
    """Read the five strongest sentences of every list, batch by batch."""
    sides = {side: _first_rows(run, side) for side in run.sides}
    ids = pc.unique(pa.chunked_array([each.column("sentence_id") for each in sides.values()], pa.int64()))
    ordered = np.sort(ids.to_numpy())
    texts = run.take_sentences(ordered).column("text")
    long = pc.greater(pc.utf8_length(texts), LONGEST)
    cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(texts, 0, LONGEST - 1), "\u2026", "")
    texts = pc.if_else(long, cut, texts)
    n_entries = sum(each.num_rows for each in sides.values())
    n_bytes = int(pc.sum(pc.binary_length(texts)).as_py() or 0) + 3 * len(texts) + ENTRY * n_entries
    if n_bytes > MAX_BYTES:
        return Strongest(n_bytes, None, {})
    lists: dict[tuple[int, str], list[str | int]] = {}
    for side, table in sides.items():
        places = np.searchsorted(ordered, table.column("sentence_id").to_numpy()).tolist()
        rows = zip(
            table.column("neuron_id").to_pylist(), table.column("activation").to_pylist(), places, strict=True
        )
        for neuron_id, activation, place in rows:
            lists.setdefault((neuron_id, side), []).extend((number(activation), place))
    return Strongest(n_bytes, texts.to_pylist(), lists)


def _first_rows(run: Run, side: str) -> pa.Table:
    """Read the first entries of one side's lists."""
    columns = ["neuron_id", "rank", "sentence_id", "activation"]
    file = run.files.parquet(f"lists/{side}")
    found = [
        pa.Table.from_batches([batch]).filter(pc.field("rank") < N_STRONGEST)
        for batch in file.iter_batches(columns=columns, batch_size=BATCH)
    ]
    if not found:
        return run.table(f"lists/{side}", columns=columns)
    return pa.concat_tables(found).sort_by([("neuron_id", "ascending"), ("rank", "ascending")])


def compact(found: Strongest, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Give what the page gets: `texts` and, in the order of the rows, `strongest`; nothing where it is too much."""
    if found.texts is None:
        return {}
    lists = [found.lists.get((row["neuron_id"], row["side"]), []) for row in rows]
    return {"texts": found.texts, "strongest": lists}
