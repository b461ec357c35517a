"""Metadata of lists: the distribution of every field against all sentences read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.results.field_values import CodedField, range_bounds
from neurolect.signatures.counting.candidates import UNINFORMATIVE, Candidate, of_evidence
from neurolect.signatures.counting.counts import (
    NO_EVIDENCE,
    Evidence,
    Sizes,
    at_depths,
    evidence_columns,
    min_counts,
    score_counts,
    select,
)
from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import EQUALS, Rows, SentenceFeatures, nothing, present
from neurolect.signatures.evidence.kind import Counted, EvidenceKind, SenseItems, Shown
from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import DescribeOptions

if TYPE_CHECKING:
    from neurolect.signatures.counting.items import Items

NUMBER_DISCOUNT = 0.9
"""Of two fields with nearly the same sentences (an author and the decade of the books) the words are the name."""
N_IN_SENSES = 3


def field_evidence(
    fields: Sequence[CodedField], lists: Lists, *, options: DescribeOptions, workers: int = 1
) -> list[Evidence]:
    """Find the values of fields that lists have more of."""
    if not fields:
        return []
    from neurolect.signatures.counting.items import ListCounts, count_in_lists, items_of_values

    sizes_of_fields = [len(field.values) for field in fields]
    everywhere = np.ones(len(fields[0].codes), dtype=np.bool_)
    items = items_of_values([field.codes for field in fields], n_items=sizes_of_fields)
    counts = count_in_lists(
        items,
        lists,
        in_background=everywhere,
        min_counts=min_counts(lists, options=options),
        workers=workers,
    )
    found, sizes = [], lists.sizes
    ends = np.cumsum(sizes_of_fields)
    for field, end in zip(fields, ends, strict=True):
        first = end - len(field.values)
        here = (counts.items >= first) & (counts.items < end)
        of_field = ListCounts(*(column[here] for column in counts))
        scored = score_counts(
            of_field._replace(items=of_field.items - np.int32(first)),
            background=field.background,
            sizes=Sizes(of_list=sizes, of_overlap=sizes, of_background=field.n_background),
            prior_size=options.prior_size,
        )
        kept = select(scored, of_field, options=options)
        found.append(kept._replace(items=kept.items + np.int32(first)))
    return _fields_at_depths(found, fields, ends, items=items, lists=lists, workers=workers)


def _fields_at_depths(
    found: Sequence[Evidence],
    fields: Sequence[CodedField],
    ends: NDArray[np.int64],
    *,
    items: "Items",
    lists: Lists,
    workers: int,
) -> list[Evidence]:
    """Count all fields at all depths together, and take them apart again."""
    joined = Evidence._make(np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.argsort(joined.lists, kind="stable")
    tested = at_depths(
        Evidence._make(column[order] for column in joined),
        items=items,
        lists=lists,
        background=np.concatenate([field.background for field in fields]),
        size_background=np.concatenate([np.full(len(each.values), each.n_background) for each in fields]),
        inside=np.ones(len(fields[0].codes), dtype=np.bool_),
        workers=workers,
    )
    of_field = np.searchsorted(ends, tested.items, side="right")
    parts = []
    for place, (field, end) in enumerate(zip(fields, ends, strict=True)):
        own = Evidence._make(column[of_field == place] for column in tested)
        parts.append(own._replace(items=own.items - np.int32(end - len(field.values))))
    return parts


def metadata_table(evidence: Sequence[tuple[CodedField, Evidence]], *, lists: Lists) -> pa.Table:
    """Write the evidence of all fields as a table."""
    parts, keys = [], []
    for place, (field, each) in enumerate(evidence):
        columns = lists.identify(each.lists)
        columns["field"] = pa.array([field.name] * len(each.lists), pa.string())
        columns["value"] = pa.array(field.values, pa.string()).take(pa.array(each.items))
        parts.append(pa.table(columns | evidence_columns(each)))
        keys.append(np.stack([each.rank_frequency, np.full(len(each.lists), place), each.lists]))
    if not parts:
        return metadata_table([(_NO_FIELD, NO_EVIDENCE)], lists=lists)
    order = np.lexsort(np.concatenate(keys, axis=1))
    return pa.concat_tables(parts).take(pa.array(order))


_NO_FIELD = CodedField(
    name="", values=[], codes=np.empty(0, np.int32), background=np.empty(0, np.int64), n_background=0
)


def _count(collected: Collected) -> Counted:
    n_lists = len(collected.lists.rows)
    with collected.stage.timed("metadata"):
        evidence = field_evidence(
            collected.fields, collected.lists, options=collected.options, workers=collected.stage.workers
        )
        found = list(zip(collected.fields, evidence, strict=True))
        values: list[list[tuple[str, Candidate]]] = [[] for _ in range(n_lists)]
        for field, of_field in found:
            weights = np.array([_weight(value) for value in field.values])
            candidates = of_evidence(
                of_field,
                labels=field.values,
                n_lists=n_lists,
                kind="metadata",
                conditions=[f"{field.name}{EQUALS}{value}" for value in field.values],
                weights=weights,
                rate=collected.options.false_discovery_rate,
            )
            for own, more in zip(values, candidates, strict=True):
                own += [(field.name, each) for each in more]
        values = [sorted(own, key=lambda pair: -pair[1].bits) for own in values]
        return Counted(tables={"metadata": metadata_table(found, lists=collected.lists)}, values=values)


def _weight(value: str) -> float:
    """Say what a value's bits count; a name says more than the number that comes with it."""
    if value.lower() in UNINFORMATIVE:
        return 0.0
    return NUMBER_DISCOUNT if value.lstrip("-")[:1].isdigit() else 1.0


def _sense_items(collected: Collected) -> SenseItems | None:
    from neurolect.signatures.counting.items import items_of_values

    fields = collected.fields
    if not fields:
        return None
    items = items_of_values([each.codes for each in fields], n_items=[len(each.values) for each in fields])
    labels = [value for each in fields for value in each.values]
    counts = np.concatenate([each.background for each in fields])
    weights = np.array([float(value.lower() not in UNINFORMATIVE) for value in labels])
    found = SenseItems("metadata", items, counts, collected.inputs.n_read, weights, N_IN_SENSES)
    return found._replace(labels=labels, fields=[each.name for each in fields for _ in each.values])


def _features(labels: Sequence[str], sentences: Annotated) -> SentenceFeatures:
    """Find the values of metadata fields; a field that these sentences do not have is missing in all."""
    by_field: dict[str, dict[str, int]] = {}
    names = sorted((name for name, _ in sentences.fields), key=len, reverse=True)
    for number, label in enumerate(labels):
        name = next((each for each in names if label.startswith(each + EQUALS)), None)
        if name is not None:
            by_field.setdefault(name, {})[label[len(name) + len(EQUALS) :]] = number
    columns: list[NDArray[np.int32]] = []
    for name, kind in sentences.fields:
        column = name if name in sentences.table.column_names else f"{name}_"
        if name in by_field and column in sentences.table.column_names:
            values = sentences.table.column(column)
            known = by_field[name]
            columns.append(_in_ranges(values, known) if kind == "number" else _equal(values, known))
    if not columns:
        return nothing(len(sentences.table))
    table = np.sort(np.stack(columns, axis=1), axis=1)
    has = table >= 0
    offsets = np.concatenate([[0], np.cumsum(has.sum(axis=1))]).astype(np.int64)
    return present(offsets, table[has].astype(np.int32))


def _equal(values: pa.ChunkedArray, known: dict[str, int]) -> NDArray[np.int32]:
    found = pc.index_in(values.cast(pa.string()), value_set=pa.array(list(known), pa.string()))
    places = found.fill_null(-1).to_numpy().astype(np.int64)
    taken: NDArray[np.int32] = np.array([*known.values(), -1], dtype=np.int32)[places]
    return taken


def _in_ranges(values: pa.ChunkedArray, known: dict[str, int]) -> NDArray[np.int32]:
    """Find the range of each number; ranges do not overlap."""
    bounds = sorted((*range_bounds(label), number) for label, number in known.items())
    low, high = (np.array([each[place] for each in bounds], dtype=np.float64) for place in (0, 1))
    numbers = np.array([each[2] for each in bounds], dtype=np.int32)
    column = pc.cast(values, pa.float64(), safe=False) if pa.types.is_floating(values.type) else _as_numbers(values)
    wanted = column.fill_null(float("nan")).to_numpy().astype(np.float64)
    place = np.maximum(np.searchsorted(low, wanted, side="right") - 1, 0)
    inside = (wanted >= low[place]) & (wanted <= high[place])
    return np.where(inside, numbers[place], -1).astype(np.int32)


def _as_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Read what another corpus keeps as text or whole numbers; what is no number is missing."""
    if not pa.types.is_string(values.type) and not pa.types.is_dictionary(values.type):
        return values.cast(pa.float64())
    texts = values.cast(pa.string())
    is_number = pc.match_substring_regex(texts, r"^-?\d+(\.\d+)?$")
    return pc.if_else(is_number, texts, None).cast(pa.float64())


METADATA_ROWS = Rows("metadata", ("field", "value"))
METADATA = EvidenceKind(
    name="metadata",
    title="metadata",
    rows=METADATA_ROWS,
    by_score=True,  # ranks are within a field
    count=_count,
    features=_features,
    search=lambda label: {"where": label},
    sense_items=_sense_items,
    shown=(
        Shown(
            name="metadata",
            title="metadata",
            rows=METADATA_ROWS._replace(labels=("value",)),
            place="right",
            n_rows=4,
            n_on_page=6,
            page_order=1,
        ),
    ),
)
