"""Read the model and write the rows, a file at a time; a file that is there is whole."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.folders.atomic import replacing
from neurolect.model import Model
from neurolect.model.token_values import read_token_values
from neurolect.probing.activations.plan import Plan, Shard
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.progress import Progress, Task

_SENTENCES = 256
"""Whole sentences that are read together."""


class _Part(NamedTuple):
    """Rows of one sentence, or of several that follow each other."""

    rows: slice
    """In the shard."""
    values: NDArray[np.floating]


def write_shards(
    folder: Path, model: Model, plan: Plan, *, options: ActivationsOptions, progress: Progress
) -> None:
    """Write the files that are not there yet."""
    unit = "sentences" if plan.units.unit == "sentence" else "words"
    with progress.task("activations", total=plan.n_rows, unit=unit) as task:
        for shard in plan.shards:
            if (folder / shard.file).is_file():
                task.advance(shard.rows.stop - shard.rows.start)
            else:
                _write(folder / shard.file, model, plan, shard, options, task)


def _write(path: Path, model: Model, plan: Plan, shard: Shard, options: ActivationsOptions, task: Task) -> None:
    shape = (shard.rows.stop - shard.rows.start, model.neurons.n_neurons)
    read = _of_sentences if plan.units.unit == "sentence" else _of_words
    with replacing(path) as temporary:
        array = open_memmap(temporary, mode="w+", dtype=np.dtype(options.dtype), shape=shape)
        for rows, values in read(model, plan, shard, options):
            with np.errstate(over="ignore"):
                array[rows] = values
            _check_finite(array[rows], model, options)
            task.advance(rows.stop - rows.start)
        array.flush()
        del array


def _of_words(model: Model, plan: Plan, shard: Shard, options: ActivationsOptions) -> Iterator[_Part]:
    """Read words at their first or last token, or the mean of all."""
    used = plan.used[shard.sentences].tolist()
    texts = [plan.sentences.texts[number] for number in used]
    bounds = plan.first_row[shard.sentences.start : shard.sentences.stop + 1]
    own = [plan.tokens[low:high] for low, high in pairwise(bounds.tolist())]
    mean = options.aggregate == "mean"
    if mean:
        tokens = [np.concatenate([np.arange(low, high + 1) for low, high in each.tolist()]) for each in own]
    else:
        tokens = [each[:, 0 if options.aggregate == "first" else 1] for each in own]
    dtype = "float32" if mean else options.dtype
    for each in read_token_values(model, texts, tokens=tokens, dtype=dtype):
        rows = slice(int(bounds[each.number] - bounds[0]), int(bounds[each.number + 1] - bounds[0]))
        yield _Part(rows, _means(each.values, own[each.number]) if mean else each.values)


def _means(values: NDArray[np.floating], bounds: NDArray[np.int32]) -> NDArray[np.floating]:
    """Average the tokens of words, which lie one word after the other."""
    lengths = bounds[:, 1] - bounds[:, 0] + 1
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return np.add.reduceat(values, starts, axis=0) / lengths[:, None].astype(np.float32)


def _of_sentences(model: Model, plan: Plan, shard: Shard, _: ActivationsOptions) -> Iterator[_Part]:
    """Read sentences pooled as the model's options say."""
    used = plan.used[shard.sentences].tolist()
    for start in range(0, len(used), _SENTENCES):
        texts = [plan.sentences.texts[number] for number in used[start : start + _SENTENCES]]
        yield _Part(slice(start, start + len(texts)), model.activations(texts))


def _check_finite(values: NDArray[np.floating], model: Model, options: ActivationsOptions) -> None:
    odd = ~np.isfinite(values)
    if not odd.any():
        return
    columns = np.flatnonzero(odd.any(axis=0))
    named = ", ".join(model.neurons.address(each) for each in columns[:5].tolist())
    rest = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    what = f"Activations are NaN, infinite or too large for {options.dtype} at {named}{rest}."
    hint = "--set activations.dtype=float32, or --set model.dtype=float32"
    raise ProbingError(what, expected="finite activations", hint=hint)
