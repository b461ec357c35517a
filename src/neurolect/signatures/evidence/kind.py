"""A kind of evidence: all that any stage has to know of words, tags, metadata or whatever lists may have more of.

Light: a kind's file imports what counts and searches inside the functions that do it, so that a card of one neuron
loads no compiler.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.signatures.counting.candidates import Candidate, Candidates
from neurolect.signatures.counting.names import Stated
from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Labelled, Rows, SentenceFeatures, leading
from neurolect.store import Run
from neurolect.store.sides import lists_of

if TYPE_CHECKING:
    from neurolect.signatures.counting.items import Items


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How cards and reports show some rows of a signature table."""

    name: str
    """What they are called in a card's JSON."""
    title: str
    """What they are called above a block, or before a line."""
    rows: Rows
    """With the columns that people read, e.g. ``display`` instead of ``word``."""
    place: Literal["left", "right", "shorter", "line"] = "shorter"
    """Of the terminal: the column of words, that of metadata, the shorter of the two, or one line below them."""
    n_rows: int = 3
    """Rows of a block in the terminal."""
    n_on_page: int = 5
    """Rows of a block in a report."""
    page_title: str | None = None
    """Title in a report, where it is another."""
    page_order: int = 8
    """Blocks of a report are in this order; equal ones in the order of kinds."""
    like: str = ""
    """Expression (RE2) that labels have to match to be shown."""
    gloss: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What labels mean, where people may not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What counting one kind, or several of one table, gives."""

    tables: dict[str, pa.Table] = field(default_factory=dict)
    """Tables to write below ``signatures/``."""
    words: Candidates | None = None
    """Candidates for the terms of names; ``items`` of each are word codes."""
    phrases: Candidates | None = None
    """Candidates that may stand for their words."""
    firing: Candidates | None = None
    """Candidates that are firing words."""
    values: list[list[tuple[str, Candidate]]] | None = None
    """Candidates that are values of a field."""
    stated: list[list[Stated]] | None = None
    """Other candidates with how names say them, of each list most bits first."""
    columns: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """Further columns of the summary."""
    passed: dict[str, dict[str, int | float]] = field(default_factory=dict)
    """Numbers of tests for the manifest, by what was tested."""


class SenseItems(NamedTuple):
    """Items of sentences with their labels, ready to be counted in senses."""

    name: str
    """``word``, ``tag``, ``metadata``: what the table of senses calls the kind."""
    items: "Items"
    """Items of every kept sentence."""
    background: NDArray[np.int64]
    """Count of each item in the background, shape (n_items,)."""
    n_background: int
    """Size of the background: sentences, or tokens for tags."""
    weights: NDArray[np.float64]
    """What the bits of each item count; 0 leaves it out, shape (n_items,)."""
    n_kept: int
    """Pieces of evidence kept a sense."""
    labels: Sequence[str] = ()
    """Of each item."""
    fields: Sequence[str] | None = None
    """Metadata field of each item."""
    of_tokens: bool = False
    """Whether counts are of tokens."""
    of_words: bool = False
    """Whether longer sentences hold more of every item, and common items say little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceKind:
    """One kind of evidence; see docs/evidence_kinds.md."""

    name: str
    """Unique; what scores, weights and cards call it."""
    title: str
    """What people call it, after "by"."""
    rows: Rows | None = None
    """Where its rows are; None for a kind without a table of its own."""
    optional: bool = False
    """Whether a run may be without its table."""
    count: Callable[[Collected], Counted] | None = None
    """Counts and scores it in all lists; None where another kind of the same table does."""
    features: Callable[[Sequence[str], Annotated], SentenceFeatures]
    """Says which sentences have which of some labels: the number of a label is its place among those given."""
    conditions: Callable[[Sequence[str], Annotated], SentenceFeatures] | None = None
    """Says which sentences meet conditions of names, where these are no labels that `features` knows."""
    labels_of_lists: Callable[[Run, Sequence[str]], Labelled] | None = None
    """Gives the labels of all lists, where they are not the strongest rows of the table."""
    by_score: bool = False
    """Whether log-odds z says which rows are strongest; else ``rank_relative``."""
    n_features: int | None = None
    """Rows of a list that become features at most; the option ``n_evidence`` where None."""
    size_of_lists: Callable[[Run, Sequence[str]], NDArray[np.float64]] | None = None
    """Gives one number a list, the logarithm of a ratio to the corpus, to compare two corpora by."""
    search: Callable[[str], dict[str, str]] | None = None
    """Gives the arguments of ``find`` that look for a label; where None, what `features` finds is counted."""
    of_entries: bool = False
    """Whether a label is of a list's entry, not of its sentence: a search reads the table's rows."""
    searchable: bool = True
    """Whether a sentence has a label or has not."""
    sense_items: Callable[[Collected], SenseItems | None] | None = None
    """Gives the items that tell the senses of a list apart."""
    shown: tuple[Shown, ...] = ()
    """What cards and reports show of it."""
    token_rows: Rows | None = None
    """Where the tokens stage writes how the neuron activates at it."""

    def present_in(self, run: Run) -> bool:
        """Tell whether the run has this evidence; what is not optional should be there, and is missed if not."""
        if not self.optional:
            return True
        tables = run.manifest["stages"].get("describe", {}).get("tables")
        described = self.rows is not None and (tables is None or self.rows.table in tables)
        return described and self.rows is not None and self.rows.exist(run)

    def strongest(self, run: Run, sides: Sequence[str], *, limit: int) -> Labelled:
        """Give the strongest labels of all lists; none where the run has no such evidence."""
        if self.labels_of_lists is not None:
            return self.labels_of_lists(run, sides)
        if self.rows is None or not self.present_in(run):
            return Labelled(np.empty(0, np.int64), pa.array([], pa.string()))
        by = "log_odds_z" if self.by_score else "rank_relative"
        table = self.rows.read(run, by)
        lists, ranks = lists_of(table, sides), table.column(by).to_numpy()
        limit = limit if self.n_features is None else self.n_features
        keep = leading(lists, -ranks if self.by_score else ranks, limit=limit)
        return Labelled(lists[keep], self.rows.labels_of(table).take(pa.array(keep)))
