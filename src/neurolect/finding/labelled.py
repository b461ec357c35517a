"""A list or a signature as labelled data for a probe: its sentences, and as many matched ones that are not its."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError
from neurolect.folders.atomic import write_table, write_text
from neurolect.results.field_numbers import check_field, fields_of
from neurolect.results.registry import SUMMARY
from neurolect.signatures.evidence.collected import kept_sentences
from neurolect.signatures.evidence.metadata import METADATA
from neurolect.signatures.evidence.name_parts import CONDITIONS, FIRST, count_parts
from neurolect.store import Neuron, Run, open_run
from neurolect.store.sides import check_side
from neurolect.store.stages import check_current
from neurolect.visible import quoted


def export(
    run: Run | str | Path,
    address: str,
    *,
    out: str | Path,
    side: str = "top",
    match: Sequence[str] = (),
    limit: int | None = None,
    signature: bool = False,
) -> pa.Table:
    """Write a neuron's list or signature as labelled data for training or testing a probe ([E] section 5).

    Each sentence of the list (label 1) is followed by one of the uniform sample that is not in it (label 0): of
    those not used yet that have the same values of the fields of ``match``, the one nearest in words. So a probe
    cannot tell the two by length, nor by those fields.

    Of a signature, what its name says is labelled, however the neuron activates: sentences of the uniform sample
    that hold the first part of the name's conditions (label 1), and such as hold none of its parts (label 0).
    Of parts behind the first, those that say where sentences come from do not count.

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
        Only so many of the sentences labelled 1, from the first; all when not given.
    signature : bool
        Whether the signature is written and not the list.

    Returns
    -------
    pyarrow.Table
        ``text``, ``label`` (1 or 0), ``rank`` (in the list, from 0; of a negative that of its positive),
        ``sentence_id``, ``document_id``, ``n_words``, then the metadata. A positive that no negative is
        left for is left out. Sentences that hold a signature's first part are ranked by how many of its parts
        they hold, then by id.

    Raises
    ------
    OptionError
        If there is no such neuron, side or field, or the file ends otherwise.
    RunFolderError
        If no sentence has a match, or the name of the signature has no conditions ("no clear theme").
    """
    run, path = open_run(run), Path(out)
    check_side(side, run.sides, of=run.folder)
    if path.suffix not in (".jsonl", ".parquet"):
        what = f"Labelled data cannot be written as {path.name!r}."
        raise OptionError(what, expected="a name that ends in .jsonl or .parquet")
    fields = fields_of(run)
    for name in match:
        check_field(name, fields)
    neuron = run.neuron(address)
    sentences = run.table("sentences")
    of_list, others = (_of_signature if signature else _of_list)(neuron, side, sentences)
    positives = of_list[:limit]
    negatives = matched(
        positives,
        others,
        n_words=sentences.column("n_words").to_numpy().astype(np.int64),
        groups=_groups(sentences, match),
    )
    kept = negatives >= 0
    if not kept.any():
        which = f"{side} {'signature' if signature else 'list'}"
        what = f"No sentence of the {which} of {address} has a match in the sample."
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


def _of_list(neuron: Neuron, side: str, sentences: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the rows of a list, strongest first, and those of the uniform sample that are not in it."""
    ids = sentences.column("sentence_id").to_numpy()
    listed = neuron.list(side).column("sentence_id").to_numpy()
    return np.searchsorted(ids, listed), np.flatnonzero(_in_sample(neuron.run, ids) & ~np.isin(ids, listed))


def _of_signature(neuron: Neuron, side: str, sentences: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the rows of the sample that hold a name's first part, most parts first, and those that hold none."""
    run = neuron.run
    check_current(run.folder, run.manifest, "describe")
    summary = neuron.rows(SUMMARY, side=side)
    conditions = summary.column(CONDITIONS)[0].as_py() if CONDITIONS in summary.column_names else None
    if not conditions:
        what = f"The name of the {side} list of {neuron.address} has no conditions that sentences could hold."
        hint = "Export its list: leave --signature out."
        if conditions is None:
            hint = f"Describe the run again: neurolect describe {quoted(run.folder)}"
        raise RunFolderError(what, hint=hint)
    # where sentences come from is not what is in them, and fields may match it
    counted = [each for each in conditions if each["part"] == 0 or each["kind"] != METADATA.name]
    held = count_parts([counted], kept_sentences(run))[0]
    sample = _in_sample(run, sentences.column("sentence_id").to_numpy())
    holding = np.flatnonzero(sample & (held >= FIRST))
    return holding[np.argsort(-held[holding].astype(np.int64), kind="stable")], np.flatnonzero(sample & (held == 0))


def _in_sample(run: Run, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.isin(ids, run.table("sample/sentences", columns=["sentence_id"]).column("sentence_id").to_numpy())


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
