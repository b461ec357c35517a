"""One row a list: its name and its plain numbers."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.results.field_values import CodedField
from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.counting.candidates import Candidate
from neurolect.signatures.counting.items import Items, count_in_rows, items_of_tokens
from neurolect.signatures.counting.names import Explained, ListEvidence, Name, name_list
from neurolect.signatures.evidence.collected import Collected, Lengths
from neurolect.signatures.evidence.kind import Counted
from neurolect.signatures.inputs import Lists
from neurolect.signatures.vectors.typical_sentences import TypicalSentences

# Names of all lists of a run: lists whose evidence differs get names that differ.
MAX_DETAILS = 2
"""Pieces of evidence that a name may be given beyond its own."""


def distinct_names(evidence: Sequence[ListEvidence], *, explained: Explained) -> list[Name]:
    """Name lists, and tell those of the same name apart by what else they hold.

    Returns: One for each list. Names that differ in numbers only count as the same. Two lists keep one name where
        none of them has further evidence, or further evidence is the same.
    """
    names = [name_list(each, explained=explained) for each in evidence]
    for n_details in range(1, MAX_DETAILS + 1):
        keys = [_without_numbers(name.text) for name in names]
        holders = Counter(keys)
        for each, key in enumerate(keys):
            if holders[key] > 1:
                names[each] = name_list(evidence[each], explained=explained, n_details=n_details)
    return names


def _without_numbers(text: str) -> str:
    """Take the figures out of brackets: shares, lifts and mean lengths do not tell lists apart."""
    return re.sub(r"\([^)]*\d[^)]*\)", "", text)


def name_lists(collected: Collected, counted: Sequence[Counted]) -> list[Name]:
    """Name every list by what was counted of all kinds."""
    lists, inputs = range(len(collected.lists.rows)), collected.inputs
    every = [
        ListEvidence(
            words=[each for of in counted if of.words is not None for each in of.words[number]],
            phrases=[each for of in counted if of.phrases is not None for each in of.phrases[number]],
            metadata=[each for of in counted if of.values is not None for each in of.values[number]],
            stated=[of.stated[number] for of in counted if of.stated is not None],
            constant=bool(inputs.constant[number]),
        )
        for number in lists
    ]
    explained = explained_shares(collected.coded, fields=collected.fields, in_sample=inputs.in_sample)
    return distinct_names(every, explained=explained)


def explained_shares(
    coded: CodedSentences, *, fields: Sequence[CodedField], in_sample: NDArray[np.bool_]
) -> Callable[[str, Candidate, Candidate], float]:
    """Prepare to say how often a word is expected where a metadata value is common.

    ``in_sample``: bool, shape (n_sentences,). The uniform sample.
    Returns: As :data:`neurolect.signatures.counting.names.Explained`: with share v of the list having the value,
        ``v * share among sentences with the value + (1 - v) * share among the others``. Of a pattern the rarest
        word counts.
    """
    by_name = {field.name: field for field in fields}
    number = {field.name: {value: code for code, value in enumerate(field.values)} for field in fields}
    items: list[Items] = []
    shares: dict[tuple[str, str], tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def compare(name: str, value: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not items:
            items.append(items_of_tokens(coded.words, coded.offsets, n_items=len(coded.vocabulary)))
        has = by_name[name].codes == number[name][value]
        inside, outside = in_sample & has, in_sample & ~has
        return (
            count_in_rows(items[0], inside) / max(int(inside.sum()), 1),
            count_in_rows(items[0], outside) / max(int(outside.sum()), 1),
        )

    def explained(name: str, value: Candidate, term: Candidate) -> float:
        key = (name, value.label)
        if key not in shares:
            shares[key] = compare(*key)
        inside, outside = shares[key]
        return min(
            value.share * float(inside[item]) + (1 - value.share) * float(outside[item]) for item in term.items
        )

    return explained


def summary_table(
    names: Sequence[Name],
    *,
    lists: Lists,
    lengths: Lengths,
    columns: Mapping[str, NDArray[np.float64]],
    typical: TypicalSentences,
    sentence_ids: NDArray[np.int64],
) -> pa.Table:
    """Write the summary as a table.

    ``columns``: mapping of str to float64, shape (n_lists,). What kinds of evidence say of every list.
    ``sentence_ids``: int64, shape (n_sentences,). Ids of the kept sentences.
    Returns: ``signatures/summary`` of ``docs/run_folder.md``.
    """
    n_lists = len(names)
    first = typical.ranks == 0
    typical_ids = np.full(n_lists, -1, dtype=np.int64)
    typical_ids[typical.lists[first]] = sentence_ids[typical.rows[first]]

    def real(values: NDArray[np.float64]) -> pa.Array:
        return pa.array(values.astype(np.float32), from_pandas=True)

    described = {
        "name": pa.array([name.text for name in names], pa.string()),
        "name_kind": pa.array([name.kind for name in names], pa.string()),
        "name_z": real(np.array([name.z for name in names], dtype=np.float64)),
        "n_sentences": pa.array(lists.sizes.astype(np.int32)),
        "mean_length": real(lengths.mean),
        "background_mean_length": real(np.full(n_lists, lengths.background_mean)),
        **{name: real(values) for name, values in columns.items()},
        "typical_sentence_id": pa.array(typical_ids, mask=typical_ids < 0),
        "length_z": real(lengths.z),
    }
    return pa.table(lists.identify(np.arange(n_lists, dtype=np.int32)) | described)
