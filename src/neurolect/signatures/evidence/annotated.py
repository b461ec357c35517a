"""Sentences as kinds of evidence see them: their rows, their annotation, and how the run was described."""

import dataclasses
from typing import Any, NamedTuple

import pyarrow as pa

from neurolect.errors import RunFolderError
from neurolect.signatures.annotate import Annotations
from neurolect.signatures.coding import CodedSentences, code_sentences
from neurolect.signatures.options import DescribeOptions
from neurolect.store import Run


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
        raise RunFolderError(what, hint=f"Describe it again: neurolect describe {run.folder}")
    names = [name for name in ("words", "tags", "heads", "relations") if name in table.column_names]
    annotations = Annotations(**{name: _whole(table.column(name)) for name in names})
    return Annotated(run, described_with(run), sentences, annotations, code_sentences(annotations))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
