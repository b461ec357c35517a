"""Read, tokenize and batch the corpus ahead of the forward pass.

The corpus is cut into chunks of a fixed number of sentences; a chunk is tokenized, sorted by length and cut
into batches under a budget of padded tokens. All of it depends on the corpus and the options alone, so that a
run that resumes from a checkpoint meets the very same batches.
"""

import contextvars
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.background import Background
from neurolect.collector.convergence.sampled_items import FoundItems, ItemShare
from neurolect.collector.feed.shards import shuffled_chunks
from neurolect.collector.feed.tokenize_pool import Tokenized, TokenizerState, tokenized_in_pool
from neurolect.corpus import Corpus
from neurolect.corpus.folder import FieldEntry
from neurolect.errors import CollectError, OptionError, nearest
from neurolect.model.language_model import Model
from neurolect.model.tokens import TokenizedSentences

Item = TypeVar("Item")


class Chunk(NamedTuple):
    """Some consecutive sentences, ready for the model.

    ``sentences``: Ids, text, metadata; ascending id.
    ``batches``: list of int64 arrays. Row numbers of each forward pass; sentences with no token are in none.
    ``background``: Counts of its words, where another process made them.
    ``items``: Words and metadata values of some of its sentences, where another process found them.
    """

    number: int
    sentences: pa.Table
    tokens: TokenizedSentences
    batches: list[NDArray[np.int64]]
    background: Background | None = None
    items: FoundItems | None = None


def counted_fields(corpus: Corpus, model: Model) -> list[FieldEntry]:
    """Give the fields that are evidence: all but the one that the encoder is given.

    Raises: OptionError where the corpus has no such field.
    """
    source = model.options.source_field
    names = [each["name"] for each in corpus.fields if each["kind"] != "number"]
    if source is not None and source not in names:
        what = f"model.source is 'field={source}', and the corpus has no such field of texts."
        hint = f"Nearest: {nearest(source, names)}. " if names else "It has none. "
        hint += f"Long texts are kept where they are named: prepare --set prepare.metadata_columns={source}"
        raise OptionError(what, expected="a field of the corpus", hint=hint)
    return [each for each in corpus.fields if each["name"] != source]


def chunks(
    corpus: Corpus,
    model: Model,
    *,
    size: int,
    token_budget: int,
    limit: int | None = None,
    start: int = 0,
    shuffle_seed: int | None = None,
    workers: int = 1,
    end: int | None = None,
    watched: ItemShare | None = None,
    chosen: NDArray[np.int64] | None = None,
) -> Iterator[Chunk]:
    """Go through the mining part.

    ``limit``: Stop after so many sentences.
    ``start``: Number of the first chunk wanted; those before it are skipped without being read.
    ``end``: Number after that of the last chunk wanted.
    ``chosen``: int64, shape (limit,), ascending. Which sentences; the first ones when not given.
    ``watched``: Of which sentences to find the items, where several processes are at work.
    """
    last = corpus.n_mining if limit is None else min(limit, corpus.n_mining)
    stream: Iterator[pa.Table]
    if shuffle_seed is not None:
        stream = shuffled_chunks(corpus, size=size, n_sentences=last, seed=shuffle_seed, start=start, chosen=chosen)
    elif chosen is not None:
        stream = (corpus.take(chosen[first : first + size]) for first in range(start * size, last, size))
    else:
        stream = _rechunk(
            corpus.batches(part="mining", batch_size=size, skip=start * size), size, last - start * size
        )
    if end is not None:
        stream = islice(stream, max(0, end - start))
    fields = tuple(field["name"] for field in counted_fields(corpus, model))
    for number, done in enumerate(_tokenized(stream, model, fields, workers, watched), start=start):
        batches = model.way.plan(done.tokens, token_budget=token_budget)
        yield Chunk(number, done.sentences, done.tokens, batches, done.background, done.items)


def _tokenized(
    tables: Iterator[pa.Table], model: Model, fields: tuple[str, ...], workers: int, watched: ItemShare | None
) -> Iterator[Tokenized]:
    """Tokenize here, or in several processes where the tokenizer can be sent there."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if workers == 1 or backend is None or model.options.of_decoder:
        for table in tables:
            yield Tokenized(table, model.tokenize_table(table), None, None)
        return
    include = model.options.special_tokens == "include"
    longest = model.max_tokens - model.n_prepended
    state = TokenizerState(backend.to_str(), longest, include, fields, watched)
    for found in tokenized_in_pool(tables, state=state, workers=workers):
        yield found._replace(tokens=model.as_fed(found.tokens))


def _rechunk(tables: Iterator[pa.Table], size: int, n_left: int) -> Iterator[pa.Table]:
    """Cut a stream of tables into tables of exactly ``size`` rows, the last one shorter, ``n_left`` in all."""
    waiting: list[pa.Table] = []
    n_waiting = 0
    for table in tables:
        if n_left <= 0:
            break
        part = table.slice(0, n_left)
        n_left -= part.num_rows
        waiting.append(part)
        n_waiting += part.num_rows
        while n_waiting >= size:
            whole = pa.concat_tables(waiting)
            yield whole.slice(0, size)
            waiting = [whole.slice(size)]
            n_waiting -= size
    if n_waiting:
        yield pa.concat_tables(waiting)


@contextmanager
def ahead(items: Iterator[Item], *, depth: int = 2) -> Iterator[Iterator[Item]]:
    """Make the next items in a thread while the present one is used; it begins at once and ends with the ``with``.

    Yields: The same items in the same order; an error of the iterator is raised where its item would be.
    """
    ready: queue.Queue[tuple[str, Item | BaseException | None]] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(kind: str, value: Item | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                ready.put((kind, value), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
        except BaseException as error:
            put("error", error)
        else:
            put("end", None)

    # Some of PyTorch's settings are those of the context in which they were made.
    context = contextvars.copy_context()
    worker = threading.Thread(target=context.run, args=(work,), name="neurolect-ahead", daemon=True)
    worker.start()
    try:
        yield _taken(ready, worker)
    finally:
        stop.set()
        worker.join()


def _taken(
    ready: "queue.Queue[tuple[str, Item | BaseException | None]]", worker: threading.Thread
) -> Iterator[Item]:
    """Take items from the queue until the thread says that it is done."""
    while True:
        try:
            kind, value = ready.get(timeout=1.0)
        except queue.Empty:
            if worker.is_alive() or not ready.empty():
                continue
            what = "The thread that reads ahead ended without an error or an end."
            raise CollectError(what, hint="Give the same command again.") from None
        if kind == "item":
            yield value  # type: ignore[misc]
        elif kind == "error" and isinstance(value, BaseException):
            raise value
        else:
            return
