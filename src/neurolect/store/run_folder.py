"""Open a run folder and read it: the only door for views, searches and later stages."""

from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.folders.remote import fetched, is_url
from neurolect.model.neurons import NeuronIndex, SiteLayer
from neurolect.store.field_columns import join_sentences
from neurolect.store.files import KeptReads, RunFiles, damaged, names_of
from neurolect.store.manifest import RunManifest, read_manifest
from neurolect.store.notebook import Shown
from neurolect.store.sides import SIDES, check_side
from neurolect.store.stage_kinds import stage_of
from neurolect.store.stages import check_current, left_out, state_of
from neurolect.store.tables import (
    read_neuron_rows,
    read_parts,
    read_rows_between,
    read_rows_of,
    read_table,
    rows_of_side,
    take_rows,
)

_TABLES = ("summary", "words", "skip_ngrams", "tags", "metadata", "subtrees", "typical_sentences")
"""Tables of a signature, of runs that do not say which they have."""


class Run(Shown):
    """A run folder, read lazily.

    Parameters
    ----------
    folder : Path
        A folder that ``collect`` has finished.

    Attributes
    ----------
    folder : Path
        Where it lies.
    manifest : dict
        As in ``docs/run_folder.md``.
    """

    def __init__(self, folder: Path, *, within: str | None = None) -> None:
        self.folder = folder
        self._within = within  # the stage that is being made, which reads what it writes
        self.manifest: RunManifest = read_manifest(folder)
        self.files = RunFiles(folder, self.manifest, within=within)

    def keep_reads(self, limit: int) -> None:
        """Keep what is read of the tables, for views that ask again and again.

        Parameters
        ----------
        limit : int
            Bytes at most; what was not asked for longest is dropped.
        """
        self.files.kept = KeptReads(limit)

    def __repr__(self) -> str:
        model = self.manifest["model"]
        stages = ", ".join(f"{name} {stage['status']}" for name, stage in self.manifest["stages"].items())
        return f"Run({str(self.folder)!r}: {model['name']}, {self.n_neurons:,} neurons; {stages})"

    @cached_property
    def index(self) -> NeuronIndex:
        """Addresses to neuron ids and back."""
        index = NeuronIndex(tuple(SiteLayer(**each) for each in self.manifest["model"]["sites"]))
        if (self.folder / "neurons.parquet").is_file():
            n = self.files.parquet("neurons").metadata.num_rows
            if n != index.n_neurons:
                how = f"it has {n:,} neurons, and manifest.json names {index.n_neurons:,}"
                raise damaged(self.folder, self.manifest, "neurons.parquet", how)
        return index

    @property
    def n_neurons(self) -> int:
        """Number of neurons of the run."""
        return self.index.n_neurons

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """Sides that there are lists of, ``top`` before ``bottom``."""
        sides = tuple(side for side in SIDES if self.files.has(f"lists/{side}.parquet"))
        if not sides:
            what = f"The run folder {self.folder} has no lists."
            raise RunFolderError(what, hint="Collect it again with --set collect.sides=top,bottom")
        return sides

    def neurons(self) -> pa.Table:
        """Read ``neurons.parquet``.

        Returns
        -------
        pyarrow.Table
            One row a neuron, in order of neuron id.
        """
        return self.table("neurons")

    def sentences(self) -> pa.Table:
        """Read the kept sentences.

        Returns
        -------
        pyarrow.Table
            Text and metadata, ascending sentence id.
        """
        return self.table("sentences")

    def table(self, name: str, *, columns: list[str] | None = None) -> pa.Table:
        """Read a whole table.

        Parameters
        ----------
        name : str
            Path without ending, e.g. ``"lists/top"``, ``"signatures/words"``.
        columns : list of str, optional
            Only these.

        Returns
        -------
        pyarrow.Table
            ``.to_pandas()`` (pandas installed) gives a DataFrame, ``polars.from_arrow`` a Polars one.

        Raises
        ------
        RunFolderError
            If no stage has written it yet.
        """
        self._check_whole(name)
        return read_table(self.files, name, columns=columns)

    def parts(self, name: str, *, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """Read a whole table a part at a time: one of all neurons' evidence may not fit into memory.

        Parameters
        ----------
        name : str
            As for :meth:`table`.
        columns : list of str, optional
            Only these.

        Yields
        ------
        pyarrow.Table
            Rows in file order, about half a million at a time.

        Raises
        ------
        RunFolderError
            If no stage has written it yet.
        """
        self._check_whole(name)
        yield from read_parts(self.files, name, columns=columns)

    def is_current(self, stage: str, *, step: str | None = None) -> bool:
        """Say whether the results of a stage are whole, and of the run as it is.

        Parameters
        ----------
        stage : str
            One of ``collect``, ``describe``, ``fidelity``, ``control``, ``against``, ``tokens``, ``relate``.
        step : str, optional
            One of its steps, such as ``alike`` of ``relate``, which must be done too.

        Returns
        -------
        bool
            False where it is missing, unfinished or stale.
        """
        if state_of(self.manifest, stage) != "current":
            return False
        return step is None or step in self.manifest["stages"][stage].get("steps", {})

    def stale(self) -> list[str]:
        """Say which results are not shown: stale, since what they rest on was made again, or unfinished.

        Returns
        -------
        list of str
            A line a stage, with the command that renews it.
        """
        return left_out(self.folder, self.manifest)

    def tables(self) -> list[str]:
        """Name the tables that there are, and that are of the run as it is.

        Returns
        -------
        list of str
            In order; each is a name for :meth:`table`.
        """
        stages = self.manifest["stages"].values()
        files = [name for stage in stages for name in stage.get("files") or () if name.endswith(".parquet")]
        # what was written and is gone is named too: reading it says which command makes it again
        names = {*names_of(self.folder, ".parquet"), *(name.removesuffix(".parquet") for name in files)}
        return [name for name in sorted(names) if self.has(name)]

    def has(self, name: str) -> bool:
        """Say whether a table is there, and of the run as it is.

        Parameters
        ----------
        name : str
            As for :meth:`table`.

        Returns
        -------
        bool
            True where :meth:`table` reads it.
        """

        def find() -> bool:
            stage = stage_of(name)
            return (self._within == stage or self.is_current(stage)) and self.files.has(f"{name}.parquet")

        kept = self.files.kept
        return find() if kept is None else bool(kept.get((name, "has"), find, size=lambda _: 0))

    def _check_whole(self, name: str) -> None:
        """Refuse tables and arrays that are missing or of an earlier state of the run."""
        stage, kept = stage_of(name), self.files.kept
        if stage in ("collect", self._within):
            return
        if kept is None:
            check_current(self.folder, self.manifest, stage)
        else:
            kept.get(
                (stage, "current"), partial(check_current, self.folder, self.manifest, stage), size=lambda _: 0
            )

    def rows(self, name: str, *, neuron_id: int, side: str | None = None) -> pa.Table:
        """Read one neuron's rows of a table.

        Parameters
        ----------
        name : str
            A table with a ``neuron_id`` column.
        neuron_id : int
            The neuron.
        side : str, optional
            ``top`` or ``bottom``.

        Returns
        -------
        pyarrow.Table
            Its rows in file order.

        Raises
        ------
        RunFolderError
            If no stage has written the table yet.
        """
        self._check_whole(name)
        return read_neuron_rows(self.files, name, neuron_id=neuron_id, side=side)

    def rows_between(self, name: str, first: int, *, last: int, columns: list[str] | None = None) -> pa.Table:
        """Read the rows of consecutive neurons of a table.

        Parameters
        ----------
        name : str
            A table with a ``neuron_id`` column.
        first, last : int
            The first neuron and the last one, which is included.
        columns : list of str, optional
            Only these; ``neuron_id`` among them.

        Returns
        -------
        pyarrow.Table
            Their rows in file order.

        Raises
        ------
        RunFolderError
            If no stage has written the table yet.
        """
        self._check_whole(name)
        return read_rows_between(self.files, name, first=first, last=last, columns=columns)

    def rows_of_sentences(self, name: str, sentence_ids: NDArray[np.int64]) -> pa.Table:
        """Read the rows of some sentences of a table that has one a sentence.

        Parameters
        ----------
        name : str
            A table by ascending ``sentence_id``, as ``"tokens/sentences"``.
        sentence_ids : int64, shape (n,)
            Which, in any order.

        Returns
        -------
        pyarrow.Table
            One row an id, in the order asked for.

        Raises
        ------
        RunFolderError
            If no stage has written the table yet, or it lacks a sentence.
        """
        self._check_whole(name)
        wanted = np.asarray(sentence_ids, np.int64)
        return read_rows_of(self.files, name, by="sentence_id", wanted=wanted)

    def array(self, name: str) -> NDArray[Any]:
        """Map an array of the folder into memory.

        Parameters
        ----------
        name : str
            Path without ending: ``"histograms"`` or ``"sample/activations"``.

        Returns
        -------
        ndarray
            Read-only.

        Raises
        ------
        RunFolderError
            If it is not there, or damaged.
        """
        self._check_whole(name)
        return self.files.array(name)

    def neuron(self, address: str) -> "Neuron":
        """Find a neuron by its address.

        Parameters
        ----------
        address : str
            ``site.layer.index``, e.g. ``"hidden.6.200"``.

        Returns
        -------
        Neuron
            The neuron with its statistics; lists and signature are read when asked for.

        Raises
        ------
        NeuronAddressError
            If there is none; names the nearest valid addresses.
        """
        return Neuron(self, self.index.neuron_id(address))

    @cached_property
    def _sentences(self) -> pa.Table:
        return self.sentences()

    @cached_property
    def _sentence_ids(self) -> NDArray[np.int64]:
        ids: NDArray[np.int64] = self._sentences.column("sentence_id").to_numpy()
        return ids

    def take_sentences(self, sentence_ids: NDArray[np.int64], *, columns: list[str] | None = None) -> pa.Table:
        """Give kept sentences in the order asked for.

        Parameters
        ----------
        sentence_ids : int64, shape (n,)
            Ids of kept sentences.
        columns : list of str, optional
            Only these.

        Returns
        -------
        pyarrow.Table
            Text and metadata, one row an id.

        Raises
        ------
        RunFolderError
            If an id is not kept in this run.
        """
        rows = self.places_of(sentence_ids)
        return take_rows(self._sentences if columns is None else self._sentences.select(columns), rows)

    def places_of(self, sentence_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Find kept sentences among all that are kept.

        Parameters
        ----------
        sentence_ids : int64, shape (n,)
            Ids of kept sentences.

        Returns
        -------
        int64, shape (n,)
            Rows of ``sentences.parquet``.

        Raises
        ------
        RunFolderError
            If an id is not kept in this run.
        """
        wanted = np.asarray(sentence_ids, dtype=np.int64)
        rows = np.searchsorted(self._sentence_ids, wanted)
        found = rows < len(self._sentence_ids)
        found[found] = self._sentence_ids[rows[found]] == wanted[found]
        if not found.all():
            what = f"Sentence {int(wanted[~found][0])} is not kept in the run folder {self.folder}."
            raise RunFolderError(what, hint="Only sentences of lists and samples are kept.")
        return rows


class Neuron(Shown):
    """One neuron of a run.

    Parameters
    ----------
    run : Run
        Where it belongs.
    neuron_id : int
        Its number.

    Attributes
    ----------
    address, site : str
        E.g. ``hidden.6.200``, ``hidden``.
    layer, index : int
        Layer (from 1; 0 is the embedding output) and dimension (from 0).
    """

    def __init__(self, run: Run, neuron_id: int) -> None:
        self.run = run
        self.neuron_id = neuron_id
        self.address = run.index.address(neuron_id)
        site, layer, index = self.address.rsplit(".", 2)
        self.site, self.layer, self.index = site, int(layer), int(index)
        self._read: dict[str, pa.Table] = {}

    def __repr__(self) -> str:
        return f"Neuron({self.address!r})"

    @cached_property
    def row(self) -> dict[str, Any]:
        """Its row of ``neurons.parquet``."""
        record: dict[str, Any] = self.rows("neurons").to_pylist()[0]
        return record

    def name(self, side: str = "top") -> str:
        """Give the short name of one side, made from the strongest evidence.

        Parameters
        ----------
        side : str
            ``top`` or ``bottom``.

        Returns
        -------
        str
            As cards and reports show it.

        Raises
        ------
        RunFolderError
            If the run has not been described.
        OptionError
            If there is no such side, or the run has no lists of it.
        """
        check_side(side, self.run.sides, of=self.run.folder)
        return str(self.rows("signatures/summary", side=side).column("name")[0].as_py())

    def rows(self, name: str, *, side: str | None = None) -> pa.Table:
        """Read its rows of a table.

        Parameters
        ----------
        name : str
            E.g. ``"signatures/words"``.
        side : str, optional
            ``top`` or ``bottom``.

        Returns
        -------
        pyarrow.Table
            In file order.

        Raises
        ------
        RunFolderError
            If no stage has written the table yet.
        """
        if self.run.files.kept is None:
            return self.run.rows(name, neuron_id=self.neuron_id, side=side)
        if name not in self._read:  # a card reads most tables for each side
            self._read[name] = self.run.rows(name, neuron_id=self.neuron_id)
        return self._read[name] if side is None else rows_of_side(self._read[name], side)

    def list(self, side: str = "top", *, limit: int | None = None, start: int = 0) -> pa.Table:
        """Read its top or bottom list with the sentences.

        Parameters
        ----------
        side : str
            ``top`` or ``bottom``.
        limit : int, optional
            Only the first so many.
        start : int
            From this rank on.

        Returns
        -------
        pyarrow.Table
            ``rank``, ``activation``, ``sentence_id``, ``text`` and the metadata fields, by rank; a field that is
            called like one of the table's columns has underscores appended.

        Raises
        ------
        OptionError
            If there is no such side, or the run has no lists of it.
        """
        check_side(side, self.run.sides, of=self.run.folder)
        rows = self.rows(f"lists/{side}").drop_columns(["neuron_id"])
        rows = rows.slice(start, limit)
        sentences = self.run.take_sentences(rows.column("sentence_id").to_numpy())
        fields = [field["name"] for field in self.run.manifest["corpus"].get("fields", [])]
        source = str(self.run.manifest["options"].get("model", {}).get("source", ""))
        if source.startswith("field="):  # what the encoder was given: shown next to the sentence, and no evidence
            fields = [source.removeprefix("field="), *fields]
        return join_sentences(rows, sentences, fields)

    def signature(self, side: str = "top") -> dict[str, pa.Table]:
        """Read its signature.

        Parameters
        ----------
        side : str
            ``top`` or ``bottom``.

        Returns
        -------
        dict of str to pyarrow.Table
            ``summary``, ``words``, ``skip_ngrams``, ``tags``, ``metadata`` and what other kinds of evidence the run
            was described with, ``typical_sentences``. Words are ordered by strength within their class: by
            ``z_documents``, highest first (``log_odds_z`` in runs of before).

        Raises
        ------
        RunFolderError
            If the run has not been described.
        OptionError
            If there is no such side, or the run has no lists of it.
        """
        check_side(side, self.run.sides, of=self.run.folder)
        names = self.run.manifest["stages"].get("describe", {}).get("tables")
        if names is None:
            subtrees = self.run.files.has("signatures/subtrees.parquet")
            names = [name for name in _TABLES if name != "subtrees" or subtrees]
        found = {name: self.rows(f"signatures/{name}", side=side) for name in names}
        return found | ({"words": _by_strength(found["words"])} if "words" in found else {})


def _by_strength(words: pa.Table) -> pa.Table:
    """Order words within their class; classes as they are, and of equal words the more frequent first."""
    if not words.num_rows:
        return words
    z = words.column("z_documents" if "z_documents" in words.column_names else "log_odds_z").to_numpy()
    classes = words.column("word_class").to_pylist()
    first = {name: classes.index(name) for name in dict.fromkeys(classes)}
    return words.take(pa.array(np.lexsort((-z, [first[name] for name in classes]))))


def open_run(path: "str | Path | Run") -> Run:
    """Open a run folder.

    Parameters
    ----------
    path : str, Path or Run
        The folder that ``collect`` or ``run`` wrote; of one at a URL a copy is fetched. A run is given back.

    Returns
    -------
    Run
        Read lazily; the manifest is read and checked now.

    Raises
    ------
    RunFolderError
        If it is no run folder, or ``collect`` has not finished.
    FormatVersionError
        If a newer neurolect wrote it.
    """
    if isinstance(path, Run):
        return path
    run = Run(fetched(str(path)) if is_url(path) else Path(path))
    if "shard" in run.manifest:
        shard = run.manifest["shard"]
        what = f"{path} holds shard {shard['number']}/{shard['n']} of a run, not a whole run."
        raise RunFolderError(what, hint="Put all shards together: neurolect merge SHARD... --out RUN")
    if not run.is_current("collect"):
        what = f"The run folder {path} is unfinished: its pass over the corpus was interrupted."
        raise RunFolderError(what, hint="Give the same collect command again: it resumes from the last checkpoint.")
    return run
