"""Tokenize chunks and count their words in several processes, in order, so that a GPU need not wait.

A process holds the tokenizer alone, not PyTorch: it starts in a second and stays small.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import pyarrow as pa

from neurolect.collector.background import Background
from neurolect.collector.convergence.sampled_items import FoundItems, ItemShare, found_items
from neurolect.collector.feed.piece_table import PieceTable
from neurolect.errors import CollectError
from neurolect.folders.atomic import scratch_folder
from neurolect.model.tokens import TokenizedSentences, tokenize
from neurolect.processes import in_order


class TokenizerState(NamedTuple):
    """What a process needs to tokenize as the model does."""

    tokenizer: str
    """A tokenizer of the library ``tokenizers``, as JSON."""

    max_tokens: int
    """Longest sentence in model tokens."""

    include_special: bool
    """Whether special tokens are pooled."""

    fields: tuple[str, ...]
    """Metadata fields to count."""

    watched: ItemShare | None = None
    """Sentences whose words and metadata values the convergence monitor wants."""


class Tokenized(NamedTuple):
    """A chunk, tokenized and counted."""

    sentences: pa.Table
    tokens: TokenizedSentences
    background: Background | None
    items: FoundItems | None


def tokenized_in_pool(tables: Iterator[pa.Table], *, state: TokenizerState, workers: int) -> Iterator[Tokenized]:
    """Tokenize tables of sentences in several processes.

    Yields: In the order of the tables, however many processes there are; a few tables are worked on ahead.
    """
    columns = [*(["sentence_id"] if state.watched else []), "text", "n_words", *state.fields]
    # The tokenizer goes through a file: a process that dies while it starts leaves the sender of a long message
    # waiting forever.
    sent: deque[pa.Table] = deque()

    def to_send() -> Iterator[pa.Table]:
        for table in tables:
            sent.append(table)
            yield table.select(columns).combine_chunks()

    with scratch_folder() as folder:
        path = folder / "tokenizer.json"
        path.write_text(state.tokenizer, encoding="utf-8")
        begin = partial(_start_worker, state._replace(tokenizer=str(path)))
        for found in in_order(
            _tokenize_table,
            to_send(),
            workers=workers,
            work="sentences were tokenized",
            error=CollectError,
            begin=begin,
        ):
            yield Tokenized(sent.popleft(), *found)


_worker: dict[str, Any] = {}


def _start_worker(state: TokenizerState) -> None:
    """Load the tokenizer, whose path is given in its place."""
    from tokenizers import Tokenizer

    tokenizer = SimpleNamespace(backend_tokenizer=Tokenizer.from_file(state.tokenizer))
    _worker["tokenizer"], _worker["state"] = tokenizer, state
    _worker["table"] = PieceTable(tokenizer, max_tokens=state.max_tokens, include_special=state.include_special)


def _tokenize_table(table: pa.Table) -> tuple[TokenizedSentences, Background, FoundItems | None]:
    state: TokenizerState = _worker["state"]
    texts: Sequence[str] = table.column("text").to_pylist()
    background = Background(state.fields)
    items = None if state.watched is None else found_items(table, fields=state.fields, share=state.watched)
    found = _worker["table"].tokenize(texts)
    if found is not None:
        background.update(table, words=found[1])
        return found[0], background, items
    tokens = tokenize(
        _worker["tokenizer"], texts, max_tokens=state.max_tokens, include_special=state.include_special
    )
    background.update(table)
    return tokens, background, items
