"""One row a list: its name and its plain numbers."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.signatures.counting.names import ListEvidence, Name, gather, name_of
from neurolect.signatures.evidence.collected import Collected, Lengths
from neurolect.signatures.evidence.kind import Counted
from neurolect.signatures.inputs import Lists
from neurolect.signatures.vectors.typical_sentences import TypicalSentences

# Names of all lists of a run: lists whose evidence differs get names that differ.
LISTS_AT_ONCE, MAX_DETAILS = 256, 2
"""Pieces of evidence that a name may be given beyond its own."""
CONDITION = pa.struct([("part", pa.int8()), ("kind", pa.string()), ("label", pa.string())])


def distinct_names(
    evidence: Sequence[ListEvidence], *, origin: str = "after", advance: Callable[[int], None] | None = None
) -> list[Name]:
    """Name lists, and tell those of the same name apart by what else they hold.

    ``advance``: Called now and then with the number of lists named.
    ``origin``: As of :func:`neurolect.signatures.counting.names.gather`.
    Returns: One for each list. Names that differ in numbers only count as the same. Two lists keep one name where
        none of them has further evidence, or further evidence is the same.
    """
    gathered, names = [], []
    for number, of_list in enumerate(evidence, start=1):
        gathered.append(gather(of_list, origin=origin))
        names.append(name_of(of_list, gathered[-1]))
        if advance is not None and (number % LISTS_AT_ONCE == 0 or number == len(evidence)):
            advance(number - (number - 1) // LISTS_AT_ONCE * LISTS_AT_ONCE)
    for n_details in range(1, MAX_DETAILS + 1):
        keys = [_without_numbers(name.text) for name in names]
        holders = Counter(keys)
        for each, key in enumerate(keys):
            if holders[key] > 1:
                names[each] = name_of(evidence[each], gathered[each], n_details=n_details)
    return names


def _without_numbers(text: str) -> str:
    """Take the figures out of brackets: shares, lifts and mean lengths do not tell lists apart."""
    return re.sub(r"\([^)]*\d[^)]*\)", "", text)


def name_lists(
    collected: Collected, counted: Sequence[Counted], *, advance: Callable[[int], None] | None = None
) -> list[Name]:
    """Name every list by what was counted of all kinds."""
    silent, sizes = collected.inputs.silent, collected.lists.sizes.tolist()
    every = [
        ListEvidence(
            words=[each for of in counted if of.words is not None for each in of.words[number]],
            firing=[each for of in counted if of.firing is not None for each in of.firing[number]],
            phrases=[each for of in counted if of.phrases is not None for each in of.phrases[number]],
            metadata=[each for of in counted if of.values is not None for each in of.values[number]],
            stated=[of.stated[number] for of in counted if of.stated is not None],
            n_sentences=sizes[number],
            silent=silent[number],
        )
        for number in range(len(sizes))
    ]
    return distinct_names(every, origin=collected.options.name_metadata, advance=advance)


def summary_table(
    names: Sequence[Name],
    *,
    lists: Lists,
    lengths: Lengths,
    columns: Mapping[str, NDArray[np.float64]],
    typical: TypicalSentences,
    sentence_ids: NDArray[np.int64],
    constant: NDArray[np.bool_],
) -> pa.Table:
    """Write the summary as a table.

    ``columns``: mapping of str to float64, shape (n_lists,). What kinds of evidence say of every list.
    ``sentence_ids``: int64, shape (n_sentences,). Ids of the kept sentences.
    ``constant``: bool, shape (n_lists,). Lists of neurons that hardly vary.
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
        "name_conditions": pa.array(
            [[each._asdict() for each in name.conditions] for name in names], pa.list_(CONDITION)
        ),
        "name_share_10": real(np.array([name.share_10 for name in names])),
        "name_share_100": real(np.array([name.share_100 for name in names])),
        "name_share_list": real(np.array([name.share for name in names])),
        "constant": pa.array(constant),
        "n_sentences": pa.array(lists.sizes.astype(np.int32)),
        "mean_length": real(lengths.mean),
        "background_mean_length": real(np.full(n_lists, lengths.background_mean)),
        **{name: real(values) for name, values in columns.items()},
        "typical_sentence_id": pa.array(typical_ids, mask=typical_ids < 0),
        "length_z": real(lengths.z),
    }
    return pa.table(lists.identify(np.arange(n_lists, dtype=np.int32)) | described)
