"""A list as labelled data for a probe: its sentences, and as many matched ones that are not in it."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError
from neurolect.folders.atomic import write_table, write_text
from neurolect.results.field_numbers import check_field, fields_of
from neurolect.store import Run, open_run
from neurolect.store.sides import check_side


def export(
    run: Run | str | Path,
    address: str,
    *,
    out: str | Path,
    side: str = "top",
    match: Sequence[str] = (),
    limit: int | None = None,
) -> pa.Table:
    """Write a neuron's list as labelled data for training or testing a probe ([E] section 5).

    Each sentence of the list (label 1) is followed by one of the uniform sample that is not in it (label 0): of
    those not used yet that have the same values of the fields of ``match``, the one nearest in words. So a probe
    cannot tell the two by length, nor by those fields.

    Parameters
    ----------
    run : Run, str or Path
        A collected run.
    address : str
        The neuron.
    out : str or Path
        Ends in ``.jsonl`` or ``.parquet``; replaced if it exists.
    side : str
        ``top`` or ``bottom``.
    match : sequence of str
        Metadata fields that a negative has the same value of.
    limit : int, optional
        Only so many of the list's sentences, from the strongest; all when not given.

    Returns
    -------
    pyarrow.Table
        ``text``, ``label`` (1 or 0), ``rank`` (in the list, from 0; of a negative that of its positive),
        ``sentence_id``, ``document_id``, ``n_words``, then the metadata. A positive that no negative is
        left for is left out.

    Raises
    ------
    OptionError
        If there is no such neuron, side or field, or the file ends otherwise.
    RunFolderError
        If no sentence has a match.
    """
    run, path = open_run(run), Path(out)
    check_side(side, run.sides, of=run.folder)
    if path.suffix not in (".jsonl", ".parquet"):
        what = f"Labelled data cannot be written as {path.name!r}."
        raise OptionError(what, expected="a name that ends in .jsonl or .parquet")
    fields = fields_of(run)
    for name in match:
        check_field(name, fields)
    sentences = run.table("sentences")
    ids = sentences.column("sentence_id").to_numpy()
    listed = run.neuron(address).list(side).column("sentence_id").to_numpy()
    positives = np.searchsorted(ids, listed[:limit])
    sample = np.isin(ids, run.table("sample/sentences", columns=["sentence_id"]).column("sentence_id").to_numpy())
    candidates = np.flatnonzero(sample & ~np.isin(ids, listed))
    negatives = matched(
        positives,
        candidates,
        n_words=sentences.column("n_words").to_numpy().astype(np.int64),
        groups=_groups(sentences, match),
    )
    kept = negatives >= 0
    if not kept.any():
        what = f"No sentence of the {side} list of {address} has a match in the sample."
        raise RunFolderError(what, hint="match fewer fields, or collect again with a larger collect.sample_size")
    rows = np.stack([positives[kept], negatives[kept]], axis=1).ravel()
    table = sentences.take(pa.array(rows))
    first = ["text", "label", "rank", "sentence_id", "document_id", "n_words"]
    table = table.append_column("label", pa.array(np.tile(np.array([1, 0], np.int8), int(kept.sum()))))
    table = table.append_column("rank", pa.array(np.repeat(np.flatnonzero(kept), 2).astype(np.int32)))
    table = table.select(
        [*first, *(name for name in table.column_names if name not in (*first, "position", "n_in_document"))]
    )
    if path.suffix == ".parquet":
        write_table(path, table)
    else:
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist()))
    return table


def matched(
    positives: NDArray[np.int64],
    candidates: NDArray[np.int64],
    *,
    n_words: NDArray[np.int64],
    groups: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Find a sentence of the same group, nearest in words and not used before, for each in turn.

    Returns: int64, shape (n_positives,). Of equally near ones the first; -1 where none is left.

    Examples
    --------
    >>> words, groups = np.array([5, 9, 6, 5, 4]), np.array([0, 0, 0, 0, 1])
    >>> matched(np.array([0, 1]), np.array([2, 3, 4]), n_words=words, groups=groups).tolist()
    [3, 2]
    """
    left = {group: candidates[groups[candidates] == group] for group in np.unique(groups[positives]).tolist()}
    found = np.full(len(positives), -1, dtype=np.int64)
    for place, row in enumerate(positives.tolist()):
        own = left[int(groups[row])]
        if len(own):
            nearest = int(np.abs(n_words[own] - n_words[row]).argmin())
            found[place] = own[nearest]
            left[int(groups[row])] = np.delete(own, nearest)
    return found


def _groups(sentences: pa.Table, fields: Sequence[str]) -> NDArray[np.int64]:
    """Give every combination of values of some fields a number."""
    codes = np.zeros(sentences.num_rows, dtype=np.int64)
    for name in fields:
        encoded = sentences.column(name).combine_chunks().cast(pa.string()).dictionary_encode()
        own = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
        codes = np.unique(codes * (own.max(initial=0) + 1) + own, return_inverse=True)[1].astype(np.int64)
    return codes
