"""Open a store of activations and read any part of it: rows by blocks, columns by choice, nothing all at once."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.folders.formats import ACTIVATIONS
from neurolect.folders.parquet import ParquetReader
from neurolect.folders.sums import ARRAYS_UP_TO, TABLES_UP_TO, change_of
from neurolect.model.neurons import NeuronIndex, SiteLayer
from neurolect.probing.activations.record import SKIPPED, UNITS, Manifest, manifest_of
from neurolect.probing.concepts.splits import PARTS
from neurolect.probing.rows import Selection, row_numbers

_BLOCK_BYTES = 16_000_000


class ActivationStore:
    """The activations of labelled units: rows of files that are mapped, never read whole.

    Parameters
    ----------
    folder : Path
        From :func:`read_activations`.

    Attributes
    ----------
    n_rows : int
        Units. A unit of a pair of words is one row of twice the columns: the word's neurons, then its head's.
    n_neurons : int
        Columns.
    addresses : list of str
        Of the columns; each twice for pairs.
    n_parts : int
        How many words a row is of: 2 for pairs, else 1.
    unit : str
        ``word``, ``pair`` or ``sentence``.
    classes : list of str
        Empty where labels are numbers.
    labels : int64 or float64 array, shape (n_rows,)
        Places in ``classes``, or numbers.
    split : int8 array, shape (n_rows,)
        0 train, 1 dev, 2 test.
    weights : float32 array, shape (n_rows,), or None
        Of units, where classes are evened out by weights.
    manifest : dict
        What the store says of itself; ``docs/probing.md``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = manifest_of(folder)
        shards = self.manifest["shards"]
        self._files = [self._mapped(each["file"], each["n_rows"]) for each in shards]
        self._first = np.array([*(each["first_row"] for each in shards), self.manifest["n_rows"]], np.int64)
        self._check_sizes()
        units = self.table(columns=["class_id", "label", "split", "row", "head_row"])
        self.unit = self.manifest["unit"]
        self.classes = list(self.manifest["classes"])
        self.n_rows = units.num_rows
        self.labels: NDArray[Any] = (
            units.column("class_id").to_numpy().astype(np.int64)
            if self.classes
            else units.column("label").to_numpy()
        )
        self.split = _split(units.column("split"))
        self.weights: NDArray[np.float32] | None = None
        if "weight" in self._reader(UNITS).schema_arrow.names:
            self.weights = self.table(columns=["weight"]).column("weight").to_numpy()
        self._rows = units.column("row").to_numpy()
        self._heads = units.column("head_row").to_numpy() if self.unit == "pair" else None
        self.n_parts = 1 if self._heads is None else 2
        sites = [SiteLayer(each["site"], each["layer"], each["width"]) for each in self.manifest["model"]["sites"]]
        self.neurons = NeuronIndex(tuple(sites))
        self.addresses = self.neurons.addresses() * self.n_parts
        self.n_neurons = len(self.addresses)

    def table(self, *, columns: list[str] | None = None) -> pa.Table:
        """Read the index.

        Parameters
        ----------
        columns : list of str, optional
            Of ``unit_id``, ``sentence_id``, ``document_id``, ``word_index``, ``head_index``, ``word``, ``label``,
            ``class_id``, ``split``, ``row``, ``head_row``; all when not given.

        Returns
        -------
        pyarrow.Table
            A row a unit, in the order of the rows.
        """
        return self._reader(UNITS).read(columns)

    def skipped(self) -> pa.Table:
        """List the sentences that were skipped.

        Returns
        -------
        pyarrow.Table
            ``sentence`` and ``why``.
        """
        return self._reader(SKIPPED).read()

    def rows_of(self, part: str) -> NDArray[np.int64]:
        """Give the numbers of the rows of a part.

        Parameters
        ----------
        part : str
            ``train``, ``dev`` or ``test``.

        Returns
        -------
        int64 array
            Ascending.

        Raises
        ------
        ProbingError
            If there is no such part.
        """
        if part not in PARTS:
            what = f"There is no part {part!r}."
            raise ProbingError(what, expected=f"one of {', '.join(PARTS)}")
        return np.flatnonzero(self.split == PARTS.index(part))

    def blocks(
        self, rows: Selection = None, columns: Selection = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
        """Read rows, a block at a time.

        Parameters
        ----------
        rows : slice or int64 array, optional
            Which rows, in the order they are wanted; all when not given.
        columns : slice or int64 array, optional
            Which columns; all when not given.

        Yields
        ------
        int64 array, float16 or float32 array
            The numbers of the rows, and their activations in the store's number format, shape
            (n_rows_of_block, n_columns); at most 16 MB.
        """
        chosen = row_numbers(rows, self.n_rows)
        width = len(range(self.n_neurons)[columns]) if isinstance(columns, slice) else self.n_neurons
        width = len(columns) if isinstance(columns, np.ndarray) else width
        block = max(1, _BLOCK_BYTES // max(1, width * np.dtype(self.manifest["dtype"]).itemsize))
        for start in range(0, len(chosen), block):
            ids = chosen[start : start + block]
            yield ids, self._values(ids, columns)

    def _values(self, ids: NDArray[np.int64], columns: Selection) -> NDArray[Any]:
        if self._heads is None:
            return self._stored(self._rows[ids], columns)
        n = self.n_neurons // 2
        if columns is None:
            return np.concatenate(
                [self._stored(self._rows[ids], None), self._stored(self._heads[ids], None)], axis=1
            )
        wanted = np.arange(self.n_neurons)[columns] if isinstance(columns, slice) else columns
        made = np.empty((len(ids), len(wanted)), self.manifest["dtype"])
        of_word = wanted < n
        made[:, of_word] = self._stored(self._rows[ids], wanted[of_word])
        made[:, ~of_word] = self._stored(self._heads[ids], wanted[~of_word] - n)
        return made

    def _stored(self, rows: NDArray[np.int64], columns: Selection) -> NDArray[Any]:
        """Read stored rows of whatever files they are in."""
        files = np.searchsorted(self._first, rows, side="right") - 1
        if len(rows) and files[0] == files[-1] and (np.diff(rows) == 1).all():
            low = int(rows[0] - self._first[files[0]])
            part = self._files[files[0]][low : low + len(rows)]
            return np.asarray(part if columns is None else part[:, columns])
        width = self.neurons.n_neurons if columns is None else len(np.arange(self.neurons.n_neurons)[columns])
        made = np.empty((len(rows), width), self.manifest["dtype"])
        for file in np.unique(files).tolist():
            here = np.flatnonzero(files == file)
            part = self._files[file][rows[here] - self._first[file]]
            made[here] = part if columns is None else part[:, columns]
        return made

    def _reader(self, name: str) -> ParquetReader:
        return ParquetReader(self.folder / name, damaged=lambda how: self._damaged(name, how))

    def _check_sizes(self) -> None:
        for name, entry in self.manifest.get("files", {}).items():
            how = change_of(
                self.folder / name, entry, up_to=TABLES_UP_TO if name.endswith(".parquet") else ARRAYS_UP_TO
            )
            if how is not None:
                raise self._damaged(name, how)

    def _mapped(self, name: str, n_rows: int) -> NDArray[Any]:
        try:
            array: NDArray[Any] = np.load(self.folder / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            how = "it is missing" if isinstance(error, FileNotFoundError) else "it is no array"
            raise self._damaged(name, how) from error
        if array.ndim != 2 or len(array) != n_rows or array.dtype != self.manifest["dtype"]:
            raise self._damaged(name, f"it has the shape {array.shape} of {array.dtype}, not {n_rows:,} rows")
        return array

    def _damaged(self, name: str, how: str) -> ProbingError:
        what = f"The {ACTIVATIONS.kind} {self.folder} is damaged: {name}: {how}."
        hint = f"Copy the folder again, or make it again: rm -r {shlex.quote(str(self.folder))}"
        return ProbingError(what, hint=hint)


def _split(column: pa.ChunkedArray) -> NDArray[np.int8]:
    numbers: NDArray[np.int8] = pc.index_in(column, value_set=pa.array(PARTS)).to_numpy().astype(np.int8)
    return numbers


def open_activations(folder: str | Path) -> ActivationStore:
    """Open a store of activations.

    Parameters
    ----------
    folder : str or Path
        From :func:`read_activations`.

    Returns
    -------
    ActivationStore
        Its files are mapped: opening costs the index alone.

    Raises
    ------
    ProbingError
        If there is no store, or it is damaged.
    FormatVersionError
        If a newer neurolect wrote it.
    """
    return ActivationStore(Path(folder))
