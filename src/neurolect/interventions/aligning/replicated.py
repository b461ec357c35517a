"""Repeated phrases, and what neurons give for them: one pass for all, in parts that outlive an interruption.

Dims: C phrases, P pairs of a phrase and a list.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.folders.atomic import write_table
from neurolect.folders.parquet import ParquetReader
from neurolect.folders.parts import begin_parts
from neurolect.model.language_model import Model
from neurolect.progress import Progress
from neurolect.visible import quoted

PART_TEXTS = 2_048
_TOKEN_BUDGET = 4_096
_ON_GPU = 16
"""Times as many tokens a batch on a GPU."""
_AT_ONCE = 4_096
"""Texts that are tokenized together for their lengths."""


class Pairs(NamedTuple):
    """Which lists a phrase is read for; by phrase, ascending."""

    phrase: NDArray[np.int64]
    """Shape (P,)."""
    neuron: NDArray[np.int64]
    """Shape (P,): neuron id."""
    low: NDArray[np.bool_]
    """Shape (P,): whether the lowest value over the tokens is read, not the pooled one."""


def n_tokens_of(model: Model, texts: Sequence[str]) -> NDArray[np.int64]:
    """Count each text's own model tokens, special ones left out."""
    counts = []
    for start in range(0, len(texts), _AT_ONCE):
        part = list(texts[start : start + _AT_ONCE])
        encoded = model.tokenizer(part, add_special_tokens=False, verbose=False)
        counts += [len(each) for each in encoded["input_ids"]]
    return np.array(counts, np.int64)


def replicate(phrase: str, *, n_tokens: int, length: float) -> str:
    """Repeat a phrase until its text is about so many tokens long; a longer phrase is there once.

    Examples
    --------
    >>> replicate("south asia", n_tokens=2, length=7.4)
    'south asia south asia south asia south asia'
    """
    return " ".join([phrase] * max(1, round(length / max(n_tokens, 1))))


def read_pairs(
    model: Model, texts: Sequence[str], pairs: Pairs, *, folder: Path, progress: Progress
) -> NDArray[np.float32]:
    """Read pairs of a text and a neuron; shape (P,), NaN where a text has no token.

    ``folder``: Where parts are kept until all are there; those of the same work are not read again.
    """
    _begin(folder, model, texts, pairs)
    found = np.empty(len(pairs.phrase), np.float32)
    with progress.task("align", total=len(texts), unit="phrases") as task:
        for number, start in enumerate(range(0, len(texts), PART_TEXTS)):
            here = list(texts[start : start + PART_TEXTS])
            low, high = np.searchsorted(pairs.phrase, [start, start + len(here)])
            own = Pairs(pairs.phrase[low:high] - start, pairs.neuron[low:high], pairs.low[low:high])
            path = folder / f"part-{number}.parquet"
            if not path.is_file():
                values = _values(model, here, own)
                write_table(path, pa.table({"value": pa.array(values, pa.float32())}))
            found[low:high] = _part(path, n=int(high - low))
            task.advance(len(here))
    return found


def _begin(folder: Path, model: Model, texts: Sequence[str], pairs: Pairs) -> None:
    """Resume with the parts that are there if they are parts of the same work."""
    digest = hashlib.sha256(json.dumps([model.fingerprint, model.dtype, list(texts)]).encode())
    for each in pairs:
        digest.update(np.ascontiguousarray(each).tobytes())
    key = {"key": digest.hexdigest()}
    begin_parts(folder, key)


def _part(path: Path, *, n: int) -> NDArray[np.float32]:
    """Read a part back; refuse one that is damaged."""

    def damaged(how: str) -> RunFolderError:
        what = f"A part that an interrupted `neurolect edit align` left is damaged: {quoted(path)}: {how}."
        return RunFolderError(what, hint="Remove the file and give the command again.")

    values: NDArray[np.float32] = ParquetReader(path, damaged=damaged, doubted=True).read()["value"].to_numpy()
    if len(values) != n:
        how = f"it has {len(values):,} values, not {n:,}"
        raise damaged(how)
    return values


def _values(model: Model, texts: list[str], pairs: Pairs) -> NDArray[np.float32]:
    """Run the model on some texts."""
    sentences = model.tokenize(texts)
    found = np.full(len(pairs.phrase), np.nan, np.float32)
    budget = _TOKEN_BUDGET * (_ON_GPU if model.device.type == "cuda" else 1)
    starts = np.searchsorted(pairs.phrase, np.arange(len(texts) + 1))
    lows = bool(pairs.low.any())
    for rows in model.way.plan(sentences, token_budget=budget):
        read = model.read(model.batch(sentences, rows), lows=lows)
        counts = starts[rows + 1] - starts[rows]
        places = np.repeat(starts[rows] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        row = np.repeat(np.arange(len(rows)), counts)
        values = read.values[row, pairs.neuron[places]]
        if read.lows is not None:
            values = np.where(pairs.low[places], read.lows[row, pairs.neuron[places]], values)
        found[places] = values
    return found
