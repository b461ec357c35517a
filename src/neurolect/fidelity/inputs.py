"""What compiling and scoring read from a run folder, as arrays."""

from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.fidelity.fit import spread_ranks
from neurolect.fidelity.options import FidelityOptions
from neurolect.signatures.evidence.annotated import Annotated, kept_sentences
from neurolect.signatures.lists import Lists, interleave, list_rows
from neurolect.store import Run
from neurolect.store.tables import table_path


class Mining(NamedTuple):
    """The part of a run that weights are fitted on."""

    sentences: Annotated
    """The kept sentences."""
    lists: Lists
    """Of each list the sentences that are fitted on, as places among the kept ones."""
    background: NDArray[np.int32]
    """The uniform sample in its order, as places among the kept ones."""


def read_mining(run: Run, *, options: FidelityOptions) -> Mining:
    """Read lists, sample and annotated sentences."""
    sentences = kept_sentences(run)
    kept = sentences.table.column("sentence_id").to_numpy()
    sides = {side: _read_side(run, side, kept=kept, limit=options.fit_list) for side in run.sides}
    sample = run.table("sample/sentences").column("sentence_id").to_numpy()
    background = np.searchsorted(kept, sample).astype(np.int32)
    return Mining(sentences, interleave(sides), background)


def _read_side(run: Run, side: str, *, kept: NDArray[np.int64], limit: int) -> NDArray[np.int32]:
    """Read the chosen ranks of one side's lists, a row group at a time."""
    file = pq.ParquetFile(table_path(run.folder, f"lists/{side}"), memory_map=True)
    size = int(run.manifest["options"]["collect"]["list_size"])
    wanted = np.zeros(size, dtype=np.bool_)
    wanted[spread_ranks(size, limit=limit)] = True
    neurons: list[NDArray[np.int32]] = []
    places: list[NDArray[np.int32]] = []
    for batch in file.iter_batches(columns=["neuron_id", "rank", "sentence_id"], batch_size=1 << 20):
        chosen = wanted[np.minimum(batch.column("rank").to_numpy(), size - 1)]
        neurons.append(batch.column("neuron_id").to_numpy()[chosen])
        places.append(np.searchsorted(kept, batch.column("sentence_id").to_numpy()[chosen]).astype(np.int32))
    if not neurons:
        return np.full((run.n_neurons, 0), -1, dtype=np.int32)
    return list_rows(np.concatenate(neurons), np.concatenate(places), n_neurons=run.n_neurons)


def groups_of(run: Run, *, n_sides: int) -> NDArray[np.int64]:
    """Give the site, layer and side of every list a number.

    Returns: int64, shape (n_lists,). Lists with one number are of one site, layer and side.
    """
    widths = [each["width"] for each in run.manifest["model"]["sites"]]
    place = np.repeat(np.arange(len(widths)), widths)
    return (place[:, None] * n_sides + np.arange(n_sides)).ravel().astype(np.int64)


def top_share_of(run: Run, *, options: FidelityOptions) -> float:
    """Say which share of the held-out sentences counts as a neuron's.

    Returns: The share that the lists hold of the sentences read, or the option where that is more; at most a half.
    """
    n_read = max(1, int(run.manifest["stages"]["collect"]["n_sentences"]))
    return min(0.5, max(options.top_share, int(run.manifest["options"]["collect"]["list_size"]) / n_read))
