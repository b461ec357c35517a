"""Turn a chunk of documents into a table of sentences: what one worker process does."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import regex

from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.reading.documents import Document
from neurolect.corpus.reading.fields import Field
from neurolect.corpus.sentences.model_tokens import count_tokens
from neurolect.corpus.sentences.normalise import normalise
from neurolect.corpus.sentences.split import paragraphs, pieces_of, split_sentences
from neurolect.corpus.sentences.windows import windows_of
from neurolect.corpus.sentences.words import count_words

ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+")
NO_LETTER = re.compile(r"[\W\d_]+")
NO_LETTER_OR_MARK = regex.compile(r"[^\p{L}\p{M}]+")


class Chunk(NamedTuple):
    """Consecutive documents."""

    number: int
    first_document: int
    documents: list[Document]


class ChunkCounts(NamedTuple):
    """What became of a chunk."""

    path: str
    n_documents: int
    n_sentences: int
    n_empty_documents: int
    cut: "Cut"


class Cut(NamedTuple):
    """What is not a kept sentence of a document, and what was divided: numbers of sentences and of characters."""

    n_short: int = 0
    short_characters: int = 0
    n_long: int = 0
    """Sentences longer than allowed."""
    n_pieces: int = 0
    """What they were divided into."""
    kept_characters: int = 0
    other_characters: int = 0
    """Markup, repeated symbols and spaces; below 0 where a character became several."""
    again_characters: int = 0
    """Characters that are in the window before too."""

    def plus(self, other: "Cut") -> "Cut":
        """Add what became of more documents."""
        return Cut(*map(int.__add__, self, other))


def sentence_schema(fields: Sequence[Field]) -> pa.Schema:
    """Columns of a table of sentences before they have ids, the key's halves left out.

    Returns: ``document_id``, ``position``, ``n_in_document``, ``n_words``, ``text`` and the fields.
    """
    kinds = {"category": pa.dictionary(pa.int32(), pa.string()), "number": pa.float64()}
    columns = [
        ("document_id", pa.int64()),
        ("position", pa.int32()),
        ("n_in_document", pa.int32()),
        ("n_words", pa.int32()),
        ("text", pa.string()),
    ]
    return pa.schema(columns + [(field.name, kinds[field.kind]) for field in fields])


def near_key(text: str) -> str:
    """Reduce a sentence to what near duplicates share: its letters in lower case, words apart.

    Examples
    --------
    >>> near_key("Page 12 of 30: see https://example.org!") == near_key("page 3 of 40 see")
    True
    """
    no_letter = NO_LETTER if text.isascii() else NO_LETTER_OR_MARK
    return no_letter.sub(" ", ADDRESS.sub(" ", text)).strip().casefold() or text


def sentences_of(document: str, *, options: PrepareOptions) -> tuple[list[tuple[int, int, int, str]], Cut]:
    """Split one document into the sentences that are kept.

    Returns: sentences: list of (position, sentences of the document, number of words, text). The first two count
        the dropped sentences too.
    Returns: cut: Cut. What was dropped or divided.
    """
    text = normalise(document, collapse_symbols=options.collapse_symbols, remove_markup=options.remove_markup)
    pieces, n_tokens, cut = _windows(text, options) if options.unit == "window" else _pieces(text, options)
    kept: list[tuple[int, int, int, str]] = []
    n_kept = n_short = 0
    enough = None if n_tokens is None else [n >= options.min_tokens for n in n_tokens]
    for position, sentence in enumerate(pieces):
        n_words = count_words(sentence)
        if n_words >= options.min_words if enough is None else enough[position] and n_words:
            kept.append((position, len(pieces), n_words, sentence))
            n_kept += len(sentence)
        else:
            n_short += len(sentence)
    other = len(document) - n_kept - n_short + cut.again_characters
    return kept, cut._replace(
        n_short=len(pieces) - len(kept), short_characters=n_short, kept_characters=n_kept, other_characters=other
    )


def _windows(text: str, options: PrepareOptions) -> tuple[list[str], list[int] | None, Cut]:
    """Cut a document into windows; give them with their numbers of tokens."""
    found = windows_of(
        " ".join(text.split()),
        tokenizer=options.tokenizer or "",
        n_tokens=options.window_tokens,
        stride=options.stride,
    )
    return found.texts, found.lengths, Cut(again_characters=found.n_again)


def _pieces(text: str, options: PrepareOptions) -> tuple[list[str], list[int] | None, Cut]:
    """Split a document into sentences or paragraphs, if at all; with their numbers of tokens if needed."""
    longest = options.max_characters
    if options.unit == "sentence":
        pieces = split_sentences(text, newlines=options.newlines, max_characters=longest)
    elif options.unit == "paragraph":
        pieces = [" ".join(lines) for lines in paragraphs(text, newlines=options.newlines)]
    else:
        pieces = [" ".join(text.split())] if text else []
    cut = Cut()
    if len(text) > longest and max(map(len, pieces), default=0) > longest:
        n_long, before = sum(len(piece) > longest for piece in pieces), len(pieces)
        pieces = [each for piece in pieces for each in pieces_of(piece, max_characters=longest)]
        cut = Cut(n_long=n_long, n_pieces=len(pieces) - before + n_long)
    name = options.tokenizer
    return pieces, None if name is None else count_tokens(pieces, tokenizer=name), cut


def write_chunk(chunk: Chunk, *, folder: Path, fields: Sequence[Field], options: PrepareOptions) -> ChunkCounts:
    """Write the sentences of a chunk to ``folder`` as an Arrow file with a 128-bit key a sentence."""
    documents: list[int] = []
    rows: list[tuple[int, int, int, str]] = []
    cut, n_empty = Cut(), 0
    for number, document in enumerate(chunk.documents):
        kept, cut_here = sentences_of(document.text, options=options)
        cut, n_empty = cut.plus(cut_here), n_empty + (not kept)
        documents += [number] * len(kept)
        rows += kept
    table = _table(chunk, np.array(documents, dtype=np.int64), rows, fields)
    table = _with_keys(table, [text for *_, text in rows], near=options.duplicates == "near")
    path = folder / f"chunk-{chunk.number:07d}.arrow"
    compressed = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema, options=compressed) as writer:
        writer.write_table(table)
    return ChunkCounts(str(path), len(chunk.documents), len(rows), n_empty, cut)


def _table(
    chunk: Chunk,
    documents: np.ndarray[tuple[int], np.dtype[np.int64]],
    rows: list[tuple[int, int, int, str]],
    fields: Sequence[Field],
) -> pa.Table:
    schema = sentence_schema(fields)
    positions, totals, n_words, texts = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns: list[pa.Array] = [
        pa.array(documents + chunk.first_document),
        pa.array(positions, pa.int32()),
        pa.array(totals, pa.int32()),
        pa.array(n_words, pa.int32()),
        pa.array(texts, pa.string()),
    ]
    for number, field in enumerate(fields):
        kind = pa.string() if field.kind == "category" else pa.float64()
        values = pa.array([document.metadata[number] for document in chunk.documents], kind)
        values = values.dictionary_encode() if field.kind == "category" else values
        columns.append(values.take(pa.array(documents)))
    return pa.table(columns, schema=schema)


def _with_keys(table: pa.Table, texts: Sequence[str], *, near: bool) -> pa.Table:
    keys = b"".join(
        hashlib.blake2b((near_key(text) if near else text).encode(), digest_size=16).digest() for text in texts
    )
    halves = np.frombuffer(keys, dtype="<u8").reshape(-1, 2)
    for name, half in zip(("key_high", "key_low"), halves.T, strict=True):
        table = table.append_column(name, pa.array(np.ascontiguousarray(half)))
    return table
