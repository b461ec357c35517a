"""Write the index that searches use: words and tags to sentences, sentences to lists."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from neurolect.folders.atomic import write_npy, write_table
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import CodedSentences, code_sentences
from neurolect.signatures.inputs import Inputs, Lists, read_inputs
from neurolect.signatures.search_index.common_sets import common_sets
from neurolect.store import Run

MAX_SETS = 256
WORTH_SETS = 1 << 25
"""Of fewer entries in all lists any set is counted in 50 ms; no common sets are counted beforehand."""


def index_run(run: Run) -> None:
    """Write the index of a run whose sentences are annotated."""
    inputs = read_inputs(run)
    table = run.table("annotations", columns=["words", "tags"])
    annotations = Annotations(*(column.combine_chunks() for column in table.columns))
    write_index(run.folder, inputs, code_sentences(annotations))


def write_index(folder: Path, inputs: Inputs, coded: CodedSentences) -> None:
    """Write the index of annotated sentences and their lists."""
    index = folder / "index"
    (index / "words.parquet").unlink(missing_ok=True)  # until all is written there is no index
    starts, numbers = invert_lists(inputs.lists.rows, n_sentences=coded.n_sentences)
    write_npy(index / "list_starts.npy", starts)
    write_npy(index / "list_numbers.npy", numbers)
    write_npy(index / "list_sizes.npy", _sizes(inputs.lists, inputs.in_sample))
    write_npy(index / "in_sample.npy", inputs.in_sample)
    write_npy(index / "sentence_starts.npy", coded.offsets)
    write_npy(index / "tag_codes.npy", coded.tags.astype(np.uint8))
    write_table(index / "tags.parquet", pa.table({"tag": pa.array(coded.tag_names, pa.string())}))
    sets = common_sets(coded, inputs.lists.rows, max_sets=MAX_SETS if len(numbers) >= WORTH_SETS else 0)
    write_npy(index / "common_members.npy", sets.members)
    write_npy(index / "common_counts.npy", sets.counts)
    text = inputs.sentences.column("text").combine_chunks().cast(pa.large_string())
    text_starts, characters = _text(text)
    write_npy(index / "text_starts.npy", text_starts)
    write_npy(index / "text.npy", characters)
    word_starts, places = place_words(coded.words, n_words=len(coded.vocabulary))
    write_npy(index / "word_places.npy", places)
    words = {
        "word": pa.array(coded.vocabulary, pa.string()),
        "start": pa.array(word_starts[:-1]),
        "n_places": pa.array(np.diff(word_starts)),
    }
    write_table(index / "words.parquet", pa.table(words))


def _sizes(lists: Lists, in_sample: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the sentences of each list, and those of them that belong to the sample."""
    padded = np.append(in_sample, False)  # row -1 is no sentence
    within = np.array([np.count_nonzero(padded[rows]) for rows in lists.rows], dtype=np.int64)
    return np.stack([lists.sizes, within], axis=1)


def _text(column: pa.LargeStringArray) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Give the bytes of all texts, one after the other, and where each starts."""
    _, starts, characters = column.buffers()
    first = column.offset
    offsets = np.frombuffer(starts, dtype=np.int64)[first : first + len(column) + 1]
    all_of_it = np.frombuffer(characters, dtype=np.uint8) if characters else np.empty(0, dtype=np.uint8)
    return offsets - offsets[0], all_of_it[offsets[0] : offsets[-1]]


def place_words(words: NDArray[np.int32], *, n_words: int) -> tuple[NDArray[np.int64], NDArray[np.unsignedinteger]]:
    """Turn a text of word codes into the places of every word.

    ``words``: int32, shape (n_places,). Code of the word at each place.
    Returns: starts: int64, shape (n_words + 1,). Where each word's places start.
    Returns: places: uint32 or uint64, shape (n_places,). Places, word by word, ascending within a word.
    """
    starts = np.concatenate([[0], np.cumsum(np.bincount(words, minlength=n_words))]).astype(np.int64)
    places = np.empty(len(words), dtype=smallest_type(len(words), at_least=np.uint32))
    _fill_places(words, starts[:-1].copy(), places)
    return starts, places


def invert_lists(
    rows: NDArray[np.int32], *, n_sentences: int
) -> tuple[NDArray[np.int64], NDArray[np.unsignedinteger]]:
    """Turn lists of sentences into sentences' lists.

    ``rows``: int32, shape (n_lists, N). Sentences of each list; -1 where it has fewer.
    Returns: starts: int64, shape (n_sentences + 1,). Where each sentence's lists start.
    Returns: numbers: uint16, uint32 or uint64. Numbers of lists, sentence by sentence, ascending within a sentence.
    """
    counts = np.zeros(n_sentences + 1, dtype=np.int64)
    _count_rows(rows, counts)
    starts = np.cumsum(counts)
    numbers = np.empty(int(starts[-1]), dtype=smallest_type(len(rows), at_least=np.uint16))
    _fill_lists(rows, starts[:-1].copy(), numbers)
    return starts, numbers


def smallest_type(n: int, *, at_least: type[np.unsignedinteger]) -> type[np.unsignedinteger]:
    """Choose an unsigned type that numbers ``n`` things from 0.

    Examples
    --------
    >>> smallest_type(65_537, at_least=np.uint16).__name__
    'uint32'
    """
    wider = (each for each in (np.uint16, np.uint32, np.uint64) if np.dtype(each) >= np.dtype(at_least))
    return next(each for each in wider if n - 1 <= np.iinfo(each).max)


@njit(cache=True, nogil=True)
def _count_rows(rows: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
    """Count at place s + 1 the lists that sentence s is in."""
    for each in range(rows.shape[0]):
        for row in rows[each]:
            if row >= 0:
                counts[row + 1] += 1


@njit(cache=True, nogil=True)
def _fill_lists(rows: NDArray[np.int32], free: NDArray[np.int64], numbers: NDArray[np.unsignedinteger]) -> None:
    for each in range(rows.shape[0]):
        for row in rows[each]:
            if row >= 0:
                numbers[free[row]] = each
                free[row] += 1


@njit(cache=True, nogil=True)
def _fill_places(words: NDArray[np.int32], free: NDArray[np.int64], places: NDArray[np.unsignedinteger]) -> None:
    for place in range(len(words)):
        places[free[words[place]]] = place
        free[words[place]] += 1
