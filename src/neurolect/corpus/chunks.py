"""Send documents in chunks through one or several processes, in order, in bounded memory."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from neurolect.corpus.documents import Document, DocumentReader
from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.sentences import Chunk, ChunkCounts, write_chunk
from neurolect.errors import CorpusError
from neurolect.progress import Progress

__all__ = ["process_chunks"]

CHUNK_CHARACTERS = 1 << 20
CHUNK_DOCUMENTS = 4096


def process_chunks(
    reader: DocumentReader, *, folder: Path, options: PrepareOptions, workers: int, progress: Progress
) -> list[ChunkCounts]:
    """Turn all documents into tables of sentences.

    Parameters
    ----------
    reader : DocumentReader
        Gives the documents.
    folder : Path
        Where the tables go.
    options : PrepareOptions
        How sentences are made.
    workers : int
        Processes; 1 stays in this one.
    progress : Progress
        Where to report to.

    Returns
    -------
    list of ChunkCounts
        In the order of the documents.

    Raises
    ------
    CorpusError
        If a source cannot be read or a worker process died.
    """
    process = partial(write_chunk, folder=folder, fields=reader.fields, options=options)
    done: list[ChunkCounts] = []
    with progress.task("prepare", unit="documents") as task:
        results = map(process, _chunks(reader)) if workers == 1 else _in_pool(process, _chunks(reader), workers)
        n_sentences = 0
        for counts in results:
            done.append(counts)
            n_sentences += counts.n_sentences
            task.advance(counts.n_documents)
            task.note(f"{n_sentences:,} sentences")
    return done


def _chunks(reader: DocumentReader) -> Iterator[Chunk]:
    documents: list[Document] = []
    n_characters = first = number = 0
    for document in reader.documents():
        documents.append(document)
        n_characters += len(document.text)
        if n_characters >= CHUNK_CHARACTERS or len(documents) >= CHUNK_DOCUMENTS:
            yield Chunk(number, first, documents)
            number, first = number + 1, first + len(documents)
            documents, n_characters = [], 0
    if documents:
        yield Chunk(number, first, documents)


def _in_pool(process: partial[ChunkCounts], chunks: Iterator[Chunk], workers: int) -> Iterator[ChunkCounts]:
    # Spawned, not forked: the parent may hold threads. The window keeps a slow consumer's memory bounded.
    # Ctrl-C goes to the whole group of processes; this one answers it for all.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    running: deque[Future[ChunkCounts]] = deque()
    try:
        for chunk in chunks:
            running.append(pool.submit(process, chunk))
            if len(running) > 2 * workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    except BrokenProcessPool as error:
        what = f"One of {workers} worker processes died while sentences were split."
        raise CorpusError(what, hint="There may be too little memory: use fewer workers.") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
