"""What the describe stage reads from a run folder, as arrays."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.results.field_values import CodedField, coded_field
from neurolect.signatures.coding import CodedSentences
from neurolect.signatures.lists import Lists, interleave, list_rows
from neurolect.store import Run
from neurolect.store.tables import table_path


class Inputs(NamedTuple):
    """A collected run, ready to be described."""

    sentences: pa.Table
    """The kept sentences, ascending id."""
    sentence_ids: NDArray[np.int64]
    lists: Lists
    in_sample: NDArray[np.bool_]
    """Whether a kept sentence is part of the uniform sample, shape (n_sentences,)."""
    constant: NDArray[np.bool_]
    """Lists of neurons whose activation never changes, shape (n_lists,)."""
    length_values: NDArray[np.int64]
    length_counts: NDArray[np.int64]
    """How many of all sentences read have each length in words."""

    @property
    def n_read(self) -> int:
        """Sentences read by the pass."""
        return int(self.length_counts.sum())


def read_inputs(run: Run) -> Inputs:
    """Read lists, sample and sentences of a run."""
    sentences = run.sentences()
    kept = sentences.column("sentence_id").to_numpy()
    sides = {side: _read_side(run, side, kept=kept) for side in run.sides}
    lists = interleave(sides)
    sample = run.table("sample/sentences").column("sentence_id").to_numpy()
    in_sample = np.isin(kept, sample)
    deviation = run.table("neurons", columns=["std"]).column("std").to_numpy(zero_copy_only=False)
    lengths = run.table("background/lengths")
    return Inputs(
        sentences=sentences,
        sentence_ids=kept,
        lists=lists,
        in_sample=in_sample,
        constant=np.repeat(deviation == 0.0, len(lists.sides)),
        length_values=lengths.column("n_words").to_numpy().astype(np.int64),
        length_counts=lengths.column("n_sentences").to_numpy().astype(np.int64),
    )


def _read_side(run: Run, side: str, *, kept: NDArray[np.int64]) -> NDArray[np.int32]:
    """Read one side's lists a row group at a time: at full size the whole table would not fit."""
    file = pq.ParquetFile(table_path(run.folder, f"lists/{side}"), memory_map=True)
    neuron_ids = np.empty(file.metadata.num_rows, dtype=np.int32)
    positions = np.empty(file.metadata.num_rows, dtype=np.int32)
    at = 0
    for batch in file.iter_batches(columns=["neuron_id", "sentence_id"], batch_size=1 << 20):
        here = slice(at, at + batch.num_rows)
        neuron_ids[here] = batch.column("neuron_id").to_numpy()
        ids = batch.column("sentence_id").to_numpy()
        places = np.minimum(np.searchsorted(kept, ids), max(len(kept) - 1, 0))
        if len(kept) == 0 or not np.array_equal(kept[places], ids):
            what = f"lists/{side}.parquet of {run.folder} names sentences that sentences.parquet does not have."
            raise RunFolderError(what, hint="The folder is damaged; collect it again.")
        positions[here] = places
        at += batch.num_rows
    return list_rows(neuron_ids, positions, n_neurons=run.n_neurons)


def word_background(run: Run, coded: CodedSentences) -> NDArray[np.int64]:
    """Look up in how many of all sentences read each word is.

    Returns: int64, shape (n_words,). 0 for a word that the background has let go.
    """
    table = run.table("background/words")
    places = pc.index_in(pa.array(coded.vocabulary, pa.string()), value_set=table.column("word"))
    found = places.fill_null(-1).to_numpy(zero_copy_only=False)
    counts = table.column("n_sentences").to_numpy().astype(np.int64)
    return np.where(found >= 0, counts[np.maximum(found, 0)], 0) if len(counts) else np.zeros(len(found), np.int64)


def coded_fields(run: Run, inputs: Inputs) -> list[CodedField]:
    """Give the values of every metadata field numbers.

    Returns: In the order of the manifest; fields without any value are left out.
    """
    fields = (
        coded_field(run, field["name"], sentences=inputs.sentences) for field in run.manifest["corpus"]["fields"]
    )
    return [field for field in fields if field.values]
