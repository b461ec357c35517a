"""Send documents in chunks through one or several processes, in order, in bounded memory."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from neurolect.corpus.documents import Document, DocumentReader
from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.sentences import Chunk, ChunkCounts, write_chunk
from neurolect.errors import CorpusError
from neurolect.processes import in_order
from neurolect.progress import Progress

CHUNK_CHARACTERS = 1 << 20
CHUNK_DOCUMENTS = 4096


def process_chunks(
    reader: DocumentReader, *, folder: Path, options: PrepareOptions, workers: int, progress: Progress
) -> list[ChunkCounts]:
    """Turn all documents into tables of sentences."""
    process = partial(write_chunk, folder=folder, fields=reader.fields, options=options)
    done: list[ChunkCounts] = []
    with progress.task("prepare", unit="documents") as task:
        chunks = _chunks(reader)
        results = (
            map(process, chunks)
            if workers == 1
            else in_order(process, chunks, workers=workers, work="sentences were split", error=CorpusError)
        )
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
