"""Which sentences a limited pass reads: of a fair sample of documents, unless the first are asked for."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.options import CollectOptions
from neurolect.corpus import Corpus
from neurolect.corpus.sampling import sampling_order
from neurolect.errors import OptionError, nearest

_AT_ONCE = 1 << 16


def chosen_ids(corpus: Corpus, options: CollectOptions) -> NDArray[np.int64] | None:
    """Choose the sentences of the mining part that are read; of the last document taken only the first ones.

    Returns: int64, shape (limit,), ascending. Ids; None where the first ones, or all, are read.
    """
    limit = options.limit
    if limit is None or limit >= corpus.n_mining or options.limit_by in (None, "first"):
        return None
    units = _units(corpus, by_sentence=options.limit_by == "sentences", field=options.limit_field)
    order = sampling_order(units.numbers, seed=options.seed, sizes=units.sizes, groups=units.groups)
    ends = np.cumsum(units.sizes[order])
    n_taken = int(np.searchsorted(ends, limit)) + 1
    first, sizes = units.first[order[:n_taken]], units.sizes[order[:n_taken]].copy()
    sizes[-1] -= int(ends[n_taken - 1]) - limit
    starts = np.cumsum(sizes) - sizes
    return np.sort(np.repeat(first - starts, sizes) + np.arange(limit, dtype=np.int64))


class _Units(NamedTuple):
    """What is sampled: documents, or sentences."""

    numbers: NDArray[np.int64]
    first: NDArray[np.int64]
    """Id of the first sentence of each; a document's sentences have consecutive ids."""
    sizes: NDArray[np.int64]
    groups: NDArray[np.int64] | None


def _units(corpus: Corpus, *, by_sentence: bool, field: str | None) -> _Units:
    """Go through the mining part once, without its texts."""
    names = [each["name"] for each in corpus.fields]
    if field is not None and field not in names:
        what = f"collect.limit_field is {field!r}, and the corpus has no such field."
        hint = f"Nearest: {nearest(field, names)}." if names else "The corpus has no fields: leave it out."
        raise OptionError(what, expected="a metadata field of the corpus", hint=hint)
    number = "sentence_id" if by_sentence else "document_id"
    columns = ["sentence_id", "document_id"] + ([] if field is None else [field])
    values: dict[object, int] = {}
    parts: list[tuple[NDArray[np.int64], ...]] = []
    for table in corpus.batches(part="mining", columns=columns, batch_size=_AT_ONCE):
        numbers = table.column(number).to_numpy()
        starts = np.flatnonzero(np.concatenate([[True], np.diff(numbers) != 0]))
        sizes = np.diff(np.append(starts, len(numbers)))
        groups = np.zeros(len(starts), dtype=np.int64)
        if field is not None:
            groups = _groups(table.column(field).take(pa.array(starts)), values)
        parts.append((numbers[starts], table.column("sentence_id").to_numpy()[starts], sizes, groups))
    numbers, first, sizes, groups = (np.concatenate(each) for each in zip(*parts, strict=True))
    # a document may go on in the next batch
    new = np.flatnonzero(np.concatenate([[True], np.diff(numbers) != 0]))
    sizes = np.add.reduceat(sizes, new)
    return _Units(numbers[new], first[new], sizes, None if field is None else groups[new])


def _groups(column: pa.ChunkedArray, values: dict[object, int]) -> NDArray[np.int64]:
    """Give each value of a field a number, as they come; no value is one too."""
    found: list[object] = column.to_pylist()
    return np.array([values.setdefault(each, len(values)) for each in found], dtype=np.int64)
