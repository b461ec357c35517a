"""What the describe stage reads from a run folder, as arrays."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.results.field_values import CodedField, coded_field
from neurolect.results.number import nearly_constant, not_finite
from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.store import Run
from neurolect.store.sides import list_columns
from neurolect.store.tables import checked_neurons, rows_of_sentences

if TYPE_CHECKING:
    from neurolect.signatures.inverted import InvertedLists


# The lists of a run, laid out for counting: one row a neuron and side.
@dataclass(frozen=True, eq=False)
class Lists:
    """Every list of a run; neuron by neuron, and top before bottom within a neuron."""

    rows: NDArray[np.int32]
    """Positions of the sentences among the kept ones, by rank, shape (n_lists, N); -1 after the end."""
    sides: tuple[str, ...]
    """Sides of every neuron, e.g. ``("top", "bottom")``."""
    documents: NDArray[np.int64] | None = None
    """Document of every kept sentence, ascending, shape (n_sentences,); None where each is its own."""

    def documents_of(self, n_sentences: int) -> NDArray[np.int64]:
        """Give the document of every kept sentence."""
        return np.arange(n_sentences, dtype=np.int64) if self.documents is None else self.documents

    def count_in(self, inside: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count how many sentences of each list belong to a set."""
        from neurolect.signatures.inverted import count_inside

        found: NDArray[np.int64] = count_inside(self.rows, inside)
        return found

    @cached_property
    def inverted(self) -> "tuple[InvertedLists, ...]":
        """The lists that hold each sentence, in blocks of lists; as large as `rows`, and kept."""
        from neurolect.signatures.inverted import invert

        return invert(self.rows)

    def prepare(self) -> None:
        """Make now what threads would each make for themselves."""
        _ = self.inverted, self.sizes

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Sentences of each list, shape (n_lists,)."""
        return np.asarray(np.count_nonzero(self.rows >= 0, axis=1), dtype=np.int64)

    def identify(self, lists: NDArray[np.int32]) -> dict[str, pa.Array]:
        """Give the columns that say whose evidence a row is.

        ``lists``: int32, shape (n,). List of each row.
        """
        return list_columns(lists, self.sides)


def interleave(sides: dict[str, NDArray[np.int32]]) -> Lists:
    """Join the lists of all sides, neuron by neuron.

    ``sides``: dict of str to int32 array, shape (n_neurons, N of the side). From :func:`list_rows`.
    """
    n_neurons = len(next(iter(sides.values())))
    longest = max(rows.shape[1] for rows in sides.values())
    joined = np.full((n_neurons, len(sides), longest), -1, dtype=np.int32)
    for place, rows in enumerate(sides.values()):
        joined[:, place, : rows.shape[1]] = rows
    return Lists(rows=joined.reshape(n_neurons * len(sides), longest), sides=tuple(sides))


def list_rows(neuron_ids: NDArray[np.int32], positions: NDArray[np.int32], *, n_neurons: int) -> NDArray[np.int32]:
    """Lay out lists as rows of sentence positions.

    ``neuron_ids``: int32, shape (n_rows,), ascending. Neuron of each entry of the lists.
    ``positions``: int32, shape (n_rows,). Position of each entry's sentence among the kept ones, by rank within a
        neuron.
    Returns: int32, shape (n_neurons, longest list). Positions by rank; -1 after the end of a shorter list.

    Examples
    --------
    >>> list_rows(np.array([0, 0, 2], np.int32), np.array([7, 5, 6], np.int32), n_neurons=3).tolist()
    [[7, 5], [-1, -1], [6, -1]]
    """
    sizes = np.bincount(neuron_ids, minlength=n_neurons)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rows = np.full((n_neurons, int(sizes.max(initial=0))), -1, dtype=np.int32)
    rows[neuron_ids, np.arange(len(neuron_ids)) - starts[neuron_ids]] = positions
    return rows


CONSTANT = "constant: the activation is nearly the same for every sentence"
NOT_FINITE = "not finite: the neuron has no activation that is a number"
"""Names of lists without a theme."""


class Inputs(NamedTuple):
    """A collected run, ready to be described."""

    sentences: pa.Table
    """The kept sentences, ascending id."""
    sentence_ids: NDArray[np.int64]
    lists: Lists
    in_sample: NDArray[np.bool_]
    """Whether a kept sentence is part of the uniform sample, shape (n_sentences,)."""
    constant: NDArray[np.bool_]
    """Lists of neurons whose activation hardly changes, shape (n_lists,)."""
    not_finite: NDArray[np.bool_]
    """Lists of neurons without any finite activation, shape (n_lists,)."""
    length_values: NDArray[np.int64]
    length_counts: NDArray[np.int64]
    """How many of all sentences read have each length in words."""

    @property
    def silent(self) -> list[str | None]:
        """Say of every list why it has no theme: the name it gets; None where it may have one."""
        flags = zip(self.not_finite.tolist(), self.constant.tolist(), strict=True)
        return [NOT_FINITE if missing else CONSTANT if still else None for missing, still in flags]

    @property
    def n_read(self) -> int:
        """Sentences read by the pass."""
        return int(self.length_counts.sum())


def read_inputs(run: Run) -> Inputs:
    """Read lists, sample and sentences of a run."""
    sentences = run.sentences()
    kept = sentences.column("sentence_id").to_numpy()
    sides = {side: _read_side(run, side, kept=kept) for side in run.sides}
    lists = replace(interleave(sides), documents=sentences.column("document_id").to_numpy().astype(np.int64))
    sample = run.table("sample/sentences").column("sentence_id").to_numpy()
    in_sample = np.isin(kept, sample)
    lengths = run.table("background/lengths")
    return Inputs(
        sentences=sentences,
        sentence_ids=kept,
        lists=lists,
        in_sample=in_sample,
        constant=np.repeat(nearly_constant(run), len(lists.sides)),
        not_finite=np.repeat(not_finite(run), len(lists.sides)),
        length_values=lengths.column("n_words").to_numpy().astype(np.int64),
        length_counts=lengths.column("n_sentences").to_numpy().astype(np.int64),
    )


def _read_side(run: Run, side: str, *, kept: NDArray[np.int64]) -> NDArray[np.int32]:
    """Read one side's lists a row group at a time: at full size the whole table would not fit."""
    file = run.files.parquet(f"lists/{side}")
    neuron_ids = np.empty(file.metadata.num_rows, dtype=np.int32)
    positions = np.empty(file.metadata.num_rows, dtype=np.int32)
    at = 0
    for batch in file.iter_batches(columns=["neuron_id", "sentence_id"], batch_size=1 << 20):
        here = slice(at, at + batch.num_rows)
        numbers, ids = (batch.column(name).to_numpy() for name in ("neuron_id", "sentence_id"))
        neuron_ids[here] = checked_neurons(run.files, f"lists/{side}", numbers, n_neurons=run.n_neurons)
        positions[here] = rows_of_sentences(run.files, f"lists/{side}", ids, kept=kept)
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


def groups_of(run: Run, *, n_sides: int) -> NDArray[np.int64]:
    """Give the site, layer and side of every list a number.

    Returns: int64, shape (n_lists,). Lists with one number are of one site, layer and side.
    """
    widths = [each["width"] for each in run.manifest["model"]["sites"]]
    place = np.repeat(np.arange(len(widths)), widths)
    return (place[:, None] * n_sides + np.arange(n_sides)).ravel().astype(np.int64)
