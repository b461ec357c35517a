"""Read, tokenize and batch the corpus ahead of the forward pass.

The corpus is cut into chunks of a fixed number of sentences; a chunk is tokenized, sorted by length and cut
into batches under a budget of padded tokens. All of it depends on the corpus and the options alone, so that a
run that goes on from a checkpoint meets the very same batches.
"""

import queue
import threading
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus import Corpus
from neurolect.errors import CollectError
from neurolect.model.batching import plan_batches
from neurolect.model.model import Model
from neurolect.model.tokens import TokenizedSentences

__all__ = ["Chunk", "ahead", "chunks"]

Item = TypeVar("Item")


class Chunk(NamedTuple):
    """Some consecutive sentences, ready for the model.

    Attributes
    ----------
    number : int
        From 0.
    sentences : pyarrow.Table
        Ids, text, metadata; ascending id.
    tokens : TokenizedSentences
        In the same order.
    batches : list of int64 arrays
        Row numbers of each forward pass; sentences with no token are in none.
    """

    number: int
    sentences: pa.Table
    tokens: TokenizedSentences
    batches: list[NDArray[np.int64]]


def chunks(
    corpus: Corpus, model: Model, *, size: int, token_budget: int, limit: int | None = None, start: int = 0
) -> Iterator[Chunk]:
    """Go through the mining part.

    Parameters
    ----------
    corpus : Corpus
        The prepared corpus.
    model : Model
        Whose tokenizer is used.
    size : int
        Sentences in a chunk.
    token_budget : int
        Padded tokens in a batch.
    limit : int, optional
        Stop after so many sentences.
    start : int
        Number of the first chunk wanted; those before it are skipped without being read.

    Yields
    ------
    Chunk
        In corpus order.
    """
    last = corpus.n_mining if limit is None else min(limit, corpus.n_mining)
    tables = corpus.batches(part="mining", batch_size=size, skip=start * size)
    for number, table in enumerate(_rechunk(tables, size, last - start * size), start=start):
        tokens = model.tokenize(table.column("text").to_pylist())
        batches = plan_batches(tokens.lengths, token_budget=token_budget)
        if len(tokens.empty):
            batches = [batch[~np.isin(batch, tokens.empty)] for batch in batches]
        yield Chunk(number, table, tokens, [batch for batch in batches if len(batch)])


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


def ahead(items: Iterator[Item], *, depth: int = 2) -> Iterator[Item]:
    """Make the next items in a thread while the present one is used.

    Parameters
    ----------
    items : iterator
        What to run ahead of.
    depth : int
        Items made in advance at most.

    Yields
    ------
    item
        The same items in the same order; an error of the iterator is raised where its item would be.

    Raises
    ------
    CollectError
        If the thread ends without a word.
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

    worker = threading.Thread(target=work, name="neurolect-feed", daemon=True)
    worker.start()
    try:
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
    finally:
        stop.set()
        worker.join()
