"""Pool a bounded sample of the held-out part: what signatures are later scored on.

It is done before the pass, so that a pass that is resumed finds it finished. The sample is sorted by length
and cut into batches as a whole; shards take whole batches in turn, so that any number of them gives the same bits.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.collector.background import metadata_key
from neurolect.collector.feed.shards import Shard
from neurolect.collector.lists.sample import hash_ids, streamed_sample
from neurolect.collector.options import CollectOptions
from neurolect.collector.process import StopRequest, stop_requests
from neurolect.corpus import Corpus
from neurolect.corpus.folder import Part
from neurolect.errors import InterruptedRunError
from neurolect.folders.atomic import write_npy, write_table
from neurolect.folders.npz import OF, opened_npz, write_npz
from neurolect.model.batching import Batch
from neurolect.model.language_model import Model
from neurolect.model.neurons import non_finite, raise_if_non_finite
from neurolect.progress import Progress, Task


# Sentences of the corpus as a run folder keeps them.
def take_kept(corpus: Corpus, ids: NDArray[np.int64]) -> pa.Table:
    """Take sentences out of a corpus, and nothing of any other sentence.

    ``ids``: int64, shape (n,), ascending. Sentence ids.
    Returns: Ids, text, metadata, without the mark of the held-out part.
    """
    table = corpus.take(ids)
    if "held_out" in table.column_names:
        table = table.drop_columns(["held_out"])
    # A dictionary names the values of the whole row group it was read from, those of other documents too.
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(place).cast(field.type.value_type)
            table = table.set_column(place, pa.field(field.name, field.type.value_type, field.nullable), plain)
    return table


HELD_OUT_PARTIAL = "partial/held_out.npz"
"""Where a shard's run folder keeps its batches until it is merged."""

_BEGUN = "checkpoint/held_out.npz"
_AT_ONCE = 1 << 16
_PREFIX = "held_out."


class Pooled(NamedTuple):
    """Activations of some sentences."""

    sentence_ids: NDArray[np.int64]
    """In any order, shape (n,); sentences with no token are left out."""
    activations: NDArray[np.float32]
    """Shape (n, n_neurons); NaN at a site and layer that was not finite."""
    lows: NDArray[np.float32]
    """Lowest values of their tokens, same shape; without columns where they are not kept."""


def choose_sentences(corpus: Corpus, *, part: Part, size: int, seed: int) -> NDArray[np.int64]:
    """Choose a uniform sample of a part of a corpus.

    Returns: int64, shape (at most size,), ascending. Sentence ids.
    """
    batches = corpus.batches(part=part, columns=["sentence_id"], batch_size=_AT_ONCE)
    ids = (table.column("sentence_id").to_numpy() for table in batches)
    return np.sort(streamed_sample(ids, size=size, seed=seed))


def pool_sentences(
    model: Model,
    sentences: pa.Table,
    *,
    options: CollectOptions,
    task: Task,
    stop: StopRequest | None = None,
    shard: Shard | None = None,
    kept_in: Path | None = None,
    time_limit: float | None = None,
    lows: bool = False,
) -> Pooled:
    """Run sentences through the model and keep all activations.

    ``lows``: Keep the lowest values of their tokens too.

    ``kept_in``: A file that keeps what is done where it is stopped, or now and then; what it has is not done again.
    ``time_limit``: On the clock of ``time.monotonic``; what is not done by then is left out, be it long or short.
    """
    options = options.on_device(model.device.type)
    tokens = model.tokenize_table(sentences)
    batches = model.way.plan(tokens, token_budget=options.token_budget or 1)
    if shard is not None:
        batches = batches[shard.number :: shard.n]
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows in batches])]).astype(np.int64)
    task.set_total(int(offsets[-1]))
    n_neurons = model.neurons.n_neurons
    activations = np.full((int(offsets[-1]), n_neurons * (1 + lows)), np.nan, dtype=np.float32)
    done = np.zeros(len(batches), dtype=np.bool_)
    if kept_in is not None and kept_in.is_file():
        with opened_npz(kept_in) as file:
            done, activations = file["done"], file["activations"]
        task.resume(int(np.diff(offsets)[done].sum()))
    saved = time.monotonic()
    # a batch has sentences of one length: in this order those done are of all lengths
    for number in np.argsort(hash_ids(np.arange(len(batches)), seed=options.seed)).tolist():
        if done[number]:
            continue
        due = time.monotonic() - saved >= options.checkpoint_seconds
        if kept_in is not None and done.any() and (due or (stop is not None and stop.name)):
            write_npz(kept_in, {"done": done, "activations": activations})
            saved = time.monotonic()
        if stop is not None and stop.name:
            what = f"Stopped by {stop.name} while held-out sentences were read; those read are kept."
            raise InterruptedRunError(what, hint="Give the same command again.")
        if time_limit is not None and done.any() and time.monotonic() >= time_limit:
            break
        batch = model.batch(tokens, batches[number])
        activations[offsets[number] : offsets[number + 1]] = _read_finite(model, batch, options, lows=lows)
        done[number] = True
        task.advance(len(batches[number]))
    ids = sentences.column("sentence_id").to_numpy()
    order = np.concatenate([np.empty(0, np.int64), *batches])
    if not done.all():
        rows = np.repeat(done, np.diff(offsets))
        order, activations = order[rows], activations[rows]
    return Pooled(ids[order], activations[:, :n_neurons], activations[:, n_neurons:])


def _read_finite(model: Model, batch: Batch, options: CollectOptions, *, lows: bool) -> NDArray[np.float32]:
    """Read a batch; in a wider number format where the usual one overflows; NaN where that does not help.

    Returns: The lowest values, where asked for, as further columns.
    """
    wider, found = model, _read(model, batch, lows=lows)
    while (bad := any(non_finite(each, model.neurons) for each in found)) and (
        next_wider := wider.wider()
    ) is not None:
        wider = next_wider
        found = _read(wider, batch, lows=lows)
    if bad and options.non_finite == "error":
        for each in found:
            raise_if_non_finite(each, model.neurons)
    values = np.concatenate(found, axis=1)
    return np.where(np.isfinite(values), values, np.nan) if bad else values


def _read(model: Model, batch: Batch, *, lows: bool) -> list[NDArray[np.float32]]:
    """Give the activations of a batch, and the lowest values where asked for."""
    read = model.read(batch, lows=lows)
    return [read.values, *([] if read.lows is None else [read.lows])]


def pool_held_out(
    model: Model,
    corpus: Corpus,
    folder: Path,
    *,
    options: CollectOptions,
    progress: Progress,
    shard: Shard | None = None,
    stop: StopRequest | None = None,
    time_limit: float | None = None,
) -> None:
    """Pool the sample of the held-out part and write it; what is there already is left.

    ``shard``: Run every n-th batch only and leave it for the merge.
    ``stop``: Whose signals end it; caught here when not given.
    ``time_limit``: As of :func:`pool_sentences`.
    """
    partial = folder / HELD_OUT_PARTIAL
    written = folder / "held_out" / "activations.npy" if shard is None else partial
    keep = options.kept_activations(model.neurons.n_neurons)
    size = min(keep.n_held_out, corpus.n_held_out)
    if not size or written.is_file():
        return
    ids = choose_sentences(corpus, part="held_out", size=size, seed=options.seed)
    sentences, begun = corpus.take(ids), folder / _BEGUN
    caught = stop_requests() if stop is None else nullcontext(stop)
    with progress.task("held-out part", total=len(ids), unit="sentences") as task, caught as asked:
        pooled = pool_sentences(
            model,
            sentences,
            options=options,
            task=task,
            stop=asked,
            shard=shard,
            kept_in=begun,
            time_limit=time_limit,
            lows=keep.lows,
        )
    if time_limit is not None and len(pooled.sentence_ids) < len(ids):
        progress.message(f"The held-out part ended with {len(pooled.sentence_ids):,} of {len(ids):,} sentences.")
    if shard is None:
        write_pooled(folder / "held_out", corpus, pooled, options=options)
    else:
        write_npz(partial, pooled._asdict())
    begun.unlink(missing_ok=True)
    with suppress(OSError):  # a checkpoint of the pass is in it, or there was nothing
        begun.parent.rmdir()


def read_partial(folder: Path) -> dict[str, NDArray[np.generic]]:
    """Read the held-out sentences that a shard has run.

    Returns: The fields of :class:`Pooled`, each after ``held_out.``; empty where there are none.
    """
    if not (folder / HELD_OUT_PARTIAL).is_file():
        return {}
    with opened_npz(folder / HELD_OUT_PARTIAL) as file:
        return {f"{_PREFIX}{name}": file[name] for name in file.files if name != OF}


def joined_arrays(parts: Sequence[Mapping[str, NDArray[np.generic]]]) -> dict[str, NDArray[np.generic]]:
    """Put the held-out sentences of shards together.

    ``parts``: From :func:`read_partial`; what else they hold is passed over.
    """
    names = [f"{_PREFIX}{name}" for name in Pooled._fields]
    lows = names[-1]  # shards of an earlier version have none
    kept = [part for part in parts if all(name in part for name in names[:-1])]
    kept = [
        part if lows in part else {**part, lows: np.empty((len(part[names[0]]), 0), np.float32)} for part in kept
    ]
    return {name: np.concatenate([part[name] for part in kept]) for name in names} if kept else {}


def write_joined(
    folder: Path, corpus: Corpus, arrays: Mapping[str, NDArray[np.generic]], *, options: CollectOptions
) -> None:
    """Write the held-out sentences of merged shards."""
    if arrays:
        ids, *values = (arrays[f"{_PREFIX}{name}"] for name in Pooled._fields)
        pooled = Pooled(ids.astype(np.int64), *(each.astype(np.float32) for each in values))
        write_pooled(folder / "held_out", corpus, pooled, options=options)


def n_pooled(folder: Path) -> int:
    """Count the held-out sentences of a run folder."""
    path = folder / "held_out" / "activations.npy"
    return int(np.load(path, mmap_mode="r", allow_pickle=False).shape[1]) if path.is_file() else 0


# Say where what was read and what is held out differ.
MOST_DIFFERENT = 0.2
"""Total variation of a field between both that nobody has to know of, in addition to what chance makes."""
MOST_VALUES = 50
"""Fields with more values, such as titles, are not compared."""


def field_notices(folder: Path, read: pa.Table) -> list[str]:
    """Say of which metadata fields the sentences read and those held out have other shares.

    ``read``: ``field``, ``value``, ``n_sentences``. Counts of what was read.
    """
    path = folder / "held_out" / "sentences.parquet"
    if not path.is_file():
        return []
    held_out = pq.read_table(path)
    counts: dict[str, Counter[str | None]] = {}
    for field, value, n in zip(*(read.column(name).to_pylist() for name in _COUNTED), strict=True):
        counts.setdefault(field, Counter())[value] += n
    n_documents = len(held_out.column("document_id").unique())
    notices = []
    for field, ours in counts.items():
        values = held_out.column(field).to_pylist()
        theirs = Counter(None if value is None else metadata_key(value) for value in values)
        if values and len(ours.keys() | theirs.keys()) <= MOST_VALUES:
            notices += _different(field, ours, theirs, n_documents)
    return notices


_COUNTED = ("field", "value", "n_sentences")


def _different(field: str, ours: Counter[str | None], theirs: Counter[str | None], n_documents: int) -> list[str]:
    """Compare one field's shares."""
    n_ours, n_theirs = ours.total(), theirs.total()
    shares = {value: (ours[value] / n_ours, theirs[value] / n_theirs) for value in ours.keys() | theirs.keys()}
    variation = sum(abs(one - other) for one, other in shares.values()) / 2
    whole = [(ours[value] + theirs[value]) / (n_ours + n_theirs) for value in shares]
    # half the sum of mean absolute deviations of shares among so many documents
    chance = 0.4 * sum((share * (1 - share) / n_documents) ** 0.5 for share in whole)
    if variation <= MOST_DIFFERENT + chance:
        return []
    value = max(shares, key=lambda each: (abs(shares[each][0] - shares[each][1]), str(each)))
    one, other = shares[value]
    said = "no value" if value is None else repr(value)
    return [
        f"What was read and what is held out differ in {field!r} (total variation {variation:.2f}, chance about "
        f"{chance:.2f}): most in {said}, {one:.0%} of what was read, {other:.0%} of what is held out. Scores on "
        "held-out sentences are of another mixture."
    ]


def narrowed(activations: NDArray[np.float32], dtype: str) -> NDArray[np.floating]:
    """Store activations in a number format that may be narrower; as they are where one would become infinite."""
    if dtype == "float16" and np.nanmax(np.abs(activations), initial=0.0) < np.finfo(np.float16).max:
        return activations.astype(np.float16)
    return activations


def write_pooled(folder: Path, corpus: Corpus, pooled: Pooled, *, options: CollectOptions) -> None:
    """Write sentences and activations; text first and activations last: their file says that all is there."""
    order = np.argsort(pooled.sentence_ids, kind="stable")
    write_table(folder / "sentences.parquet", take_kept(corpus, pooled.sentence_ids[order]))
    dtype = options.kept_activations(pooled.activations.shape[1]).dtype
    for name in ("lows", "activations"):
        values = np.ascontiguousarray(getattr(pooled, name)[order].T)
        if len(values):
            write_npy(folder / f"{name}.npy", narrowed(values, dtype))
