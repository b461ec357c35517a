"""What kinds of evidence are counted from: a collected run with its sentences annotated."""

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.folders.atomic import write_table
from neurolect.folders.compact import rounded_scores
from neurolect.progress import Progress
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import CodedSentences, code_sentences
from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import DescribeOptions
from neurolect.store import Run
from neurolect.store.stages import StageRecord
from neurolect.visible import quoted

if TYPE_CHECKING:
    from neurolect.results.field_values import CodedField
    from neurolect.signatures.firing.token_words import TokenWords
    from neurolect.signatures.inputs import Inputs
    from neurolect.signatures.vectors.typical_sentences import TypicalSentences


Made = TypeVar("Made")
SCORES = ("lift", "lift_low", "lift_high", "lift_matched", "log_odds_z", "z_documents", "z_matched", "g2")
"""Columns that are rounded when they are written; counts, shares and q are kept as they are."""


# What every step of the describe stage needs: the run, the options, where to report and to write.
class Stage(NamedTuple):
    """What every step of the stage needs."""

    run: Run
    options: DescribeOptions
    workers: int
    progress: Progress
    record: StageRecord

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time of a step to the account, and report how long it takes where the step itself is silent."""
        with self.record.timed(name), self.progress.step(name):
            yield

    def write(self, name: str, table: pa.Table) -> None:
        """Write one table of the run folder."""
        with self.timed("write"):
            # small row groups: a card reads one neuron
            write_table(self.run.folder / f"{name}.parquet", rounded_scores(table, SCORES), row_group_size=8192)


# Sentences as kinds of evidence see them: their rows, their annotation, and how the run was described.
class Annotated(NamedTuple):
    """Kept or other sentences, in one order throughout."""

    run: Run
    options: DescribeOptions
    """Those that the run is described with."""
    table: pa.Table
    """``text``, ``n_words`` and metadata."""
    annotations: Annotations
    coded: CodedSentences
    """Words and tags as numbers."""

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Name and kind of each metadata field of the run."""
        return [(field["name"], field["kind"]) for field in self.run.manifest["corpus"]["fields"]]


def described_with(run: Run) -> DescribeOptions:
    """Give the options that a run was described with, those that this version knows."""
    known = {each.name for each in dataclasses.fields(DescribeOptions)}
    given = run.manifest["options"]["describe"].items()
    options: dict[str, Any] = {
        name: tuple(each) if isinstance(each, list) else each for name, each in given if name in known
    }
    return DescribeOptions(**options)


def kept_sentences(run: Run) -> Annotated:
    """Read the kept sentences of a described run with their annotation; ascending ids."""
    sentences, table = run.sentences(), run.table("annotations")
    if table.num_rows != sentences.num_rows:
        what = f"annotations.parquet of {run.folder} has {table.num_rows} rows for {sentences.num_rows} sentences."
        raise RunFolderError(what, hint=f"Describe it again: neurolect describe {quoted(run.folder)}")
    names = [name for name in ("words", "tags", "heads", "relations") if name in table.column_names]
    annotations = Annotations(**{name: _whole(table.column(name)) for name in names})
    return Annotated(run, described_with(run), sentences, annotations, code_sentences(annotations))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


class Lengths(NamedTuple):
    """Lengths in words."""

    mean: NDArray[np.float64]
    """Mean of each list, shape (n_lists,); NaN for an empty one."""
    z: NDArray[np.float64]
    """Its distance from the background mean in standard errors, shape (n_lists,)."""
    deviation: NDArray[np.float64]
    """Standard deviation within each list, shape (n_lists,)."""
    background_mean: float
    """Mean over all sentences read."""
    background_deviation: float
    """Standard deviation over all sentences read."""

    @property
    def times_longer(self) -> NDArray[np.float64]:
        """Mean of each list by the background's; 1 for an empty list."""
        times = np.nan_to_num(self.mean / max(self.background_mean, 1e-9), nan=1.0)
        return np.maximum(times, 1e-3)


def compare_lengths(
    n_words: NDArray[np.int32],
    lists: Lists,
    *,
    background_n_words: NDArray[np.int64],
    background_n_sentences: NDArray[np.int64],
) -> Lengths:
    """Compare mean lengths of lists with the background's."""
    sizes = lists.sizes
    lengths = np.append(n_words.astype(np.int64), 0)  # -1, the mark of a missing place, reads the 0
    sums = np.array([lengths[rows].sum() for rows in lists.rows], dtype=np.float64)
    squares = np.array([np.square(lengths[rows]).sum() for rows in lists.rows], dtype=np.float64)
    means = np.divide(sums, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)
    mean_squares = np.divide(squares, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)
    total = max(int(background_n_sentences.sum()), 1)
    mean = float((background_n_words * background_n_sentences).sum() / total)
    variance = float(((background_n_words - mean) ** 2 * background_n_sentences).sum() / total)
    deviation = np.nan_to_num(means - mean)
    z = deviation / np.sqrt(variance / np.maximum(sizes, 1)) if variance > 0 else np.zeros(len(sizes))
    return Lengths(
        mean=means,
        z=z,
        deviation=np.sqrt(np.maximum(mean_squares - means**2, 0.0)),
        background_mean=mean,
        background_deviation=float(np.sqrt(variance)),
    )


@dataclass(frozen=True, kw_only=True)
class Collected:
    """The lists, the sentences, and what several kinds need; each is made when it is first asked for."""

    stage: Stage
    inputs: "Inputs"
    sentences: Annotated
    """The kept sentences."""
    tagger: str | None
    meanings: "Future[tuple[TypicalSentences, NDArray[np.float32]]]"
    """Typical sentences of the lists, and the vectors of the kept sentences."""
    tokens: "TokenWords | None" = None
    """Model tokens of the kept sentences, where lists say at which each activation is greatest."""
    _made: dict[str, Any] = field(default_factory=dict)
    _locks: defaultdict[str, threading.RLock] = field(default_factory=lambda: defaultdict(threading.RLock))

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Make what several kinds need, or one needs again; kinds are counted in threads, of which others wait."""
        with self._locks[name]:
            if name not in self._made:
                self._made[name] = make()
            made: Made = self._made[name]
            return made

    @property
    def options(self) -> DescribeOptions:
        """How the run is described."""
        return self.stage.options

    @property
    def lists(self) -> Lists:
        """All lists, as places among the kept sentences."""
        return self.inputs.lists

    @property
    def coded(self) -> CodedSentences:
        """Words and tags of the kept sentences."""
        return self.sentences.coded

    @property
    def lengths(self) -> Lengths:
        """Lengths of the sentences of lists."""
        return self.once("lengths", self._lengths)

    def _lengths(self) -> Lengths:
        with self.stage.timed("lengths"):
            return compare_lengths(
                self.inputs.sentences.column("n_words").to_numpy(),
                self.lists,
                background_n_words=self.inputs.length_values,
                background_n_sentences=self.inputs.length_counts,
            )

    @property
    def word_background(self) -> NDArray[np.int64]:
        """Sentences read that hold each word; 0 for a word that the background has let go."""
        from neurolect.signatures.inputs import word_background

        return self.once("word background", lambda: word_background(self.stage.run, self.coded))

    @property
    def fields(self) -> "list[CodedField]":
        """Metadata of the kept sentences."""
        from neurolect.signatures.inputs import coded_fields

        return self.once("fields", lambda: coded_fields(self.stage.run, self.inputs))
