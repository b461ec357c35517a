"""One side's lists of a run as two arrays: where each neuron's list starts, and where its sentences are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.store import Run
from neurolect.store.files import damaged
from neurolect.store.tables import checked_neurons

BATCH = 1 << 20


class ListEntries(NamedTuple):
    """The lists of one side, neuron by neuron."""

    starts: NDArray[np.int64]
    """Where each neuron's entries begin, shape (n_neurons + 1,)."""
    positions: NDArray[np.int32]
    """Row of each entry's sentence in ``sentences.parquet``, by rank within a neuron, shape (n_entries,)."""

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Sentences of each list, shape (n_neurons,)."""
        return np.diff(self.starts)


def read_list_entries(run: Run, side: str, *, sentence_ids: NDArray[np.int64]) -> ListEntries:
    """Read one side's lists.

    ``sentence_ids``: int64, shape (n_sentences,), ascending. Ids of the kept sentences.
    Returns: Four bytes an entry; the file is read a batch at a time.
    """
    file = run.files.parquet(f"lists/{side}")
    # one lookup an entry; a search among the ids would take ten times as long
    row_of = np.full(int(sentence_ids[-1]) + 1 if len(sentence_ids) else 1, -1, dtype=np.int32)
    row_of[sentence_ids] = np.arange(len(sentence_ids), dtype=np.int32)
    positions = np.empty(file.metadata.num_rows, dtype=np.int32)
    sizes = np.zeros(run.n_neurons, dtype=np.int64)
    at = 0
    for batch in file.iter_batches(columns=["neuron_id", "sentence_id"], batch_size=BATCH):
        ids = batch.column("sentence_id").to_numpy()
        found = row_of[np.clip(ids, 0, len(row_of) - 1)]
        if len(ids) and (ids.max() >= len(row_of) or ids.min() < 0 or found.min() < 0):
            how = "it names sentences that sentences.parquet does not have"
            raise damaged(run.folder, run.manifest, f"lists/{side}.parquet", how)
        positions[at : at + len(ids)] = found
        neurons = batch.column("neuron_id").to_numpy()
        checked_neurons(run.files, f"lists/{side}", neurons, n_neurons=run.n_neurons)
        sizes += np.bincount(neurons, minlength=run.n_neurons)
        at += len(ids)
    return ListEntries(np.concatenate([[0], np.cumsum(sizes)]), positions)


def mean_activations(run: Run, side: str) -> NDArray[np.float64]:
    """Average the activations of the sentences of every list.

    Returns: float64, shape (n_neurons,). NaN for an empty list.
    """
    file = run.files.parquet(f"lists/{side}")
    sums, sizes = np.zeros(run.n_neurons), np.zeros(run.n_neurons)
    for batch in file.iter_batches(columns=["neuron_id", "activation"], batch_size=BATCH):
        ids = batch.column("neuron_id").to_numpy()
        checked_neurons(run.files, f"lists/{side}", ids, n_neurons=run.n_neurons)
        weights = batch.column("activation").to_numpy().astype(np.float64)
        sums += np.bincount(ids, weights=weights, minlength=run.n_neurons)
        sizes += np.bincount(ids, minlength=run.n_neurons)
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)


def first_entries(entries: ListEntries, n: int) -> ListEntries:
    """Keep the first so many sentences of every list.

    Returns: Shorter lists; the same ones where none is longer.

    Examples
    --------
    >>> lists = ListEntries(np.array([0, 3, 4]), np.array([7, 5, 6, 8], np.int32))
    >>> first_entries(lists, 2).positions.tolist()
    [7, 5, 8]
    """
    sizes = np.minimum(entries.sizes, n)
    if np.array_equal(sizes, entries.sizes):
        return entries
    starts = np.concatenate([[0], np.cumsum(sizes)])
    places = np.arange(starts[-1]) + np.repeat(entries.starts[:-1] - starts[:-1], sizes)
    return ListEntries(starts, entries.positions[places])
