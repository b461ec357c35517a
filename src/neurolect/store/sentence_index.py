"""The index of a described run: which kept sentences hold a word, and which lists a sentence is in.

Arrays that are mapped into memory and touched only where a search needs them; see ``docs/run_folder.md``.
"""

from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.errors import RunFolderError


def has_index(folder: Path) -> bool:
    """Tell whether a run has an index.

    Returns: True when it is whole: its table of words is written last.
    """
    return (folder / "index" / "words.parquet").is_file()


class SentenceIndex:
    """The index of a run, read lazily."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "index"
        if not has_index(folder):
            what = f"The run folder {folder} has no index to search."
            raise RunFolderError(what, hint=f"Make it with: neurolect describe {folder}")

    def _array(self, name: str) -> NDArray[np.generic]:
        # .view: a memmap of its own class makes every slice several times as slow
        mapped: NDArray[np.generic] = np.load(self._folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return mapped.view(np.ndarray)

    @cached_property
    def sentence_starts(self) -> NDArray[np.int64]:
        """Place of each kept sentence's first word, shape (n_sentences + 1,)."""
        return self._array("sentence_starts").astype(np.int64, copy=False)

    @cached_property
    def list_starts(self) -> NDArray[np.int64]:
        """Where each kept sentence's lists start in `list_numbers`, shape (n_sentences + 1,)."""
        return self._array("list_starts").astype(np.int64, copy=False)

    @cached_property
    def list_numbers(self) -> NDArray[np.generic]:
        """Numbers of the lists that each kept sentence is in, ascending within a sentence; unsigned."""
        return self._array("list_numbers")

    @cached_property
    def list_sizes(self) -> NDArray[np.int64]:
        """Sentences of each list, and how many of them belong to the sample, shape (n_lists, 2)."""
        return self._array("list_sizes").astype(np.int64, copy=False)

    @cached_property
    def common_members(self) -> NDArray[np.uint8]:
        """Sentences of the common sets, a bit each, lowest first, shape (n_sets, n_bytes)."""
        return self._array("common_members").astype(np.uint8, copy=False)

    @property
    def has_common_sets(self) -> bool:
        """Whether there are any; an index of an earlier version has none, which costs time alone."""
        return (self._folder / "common_members.npy").is_file() and len(self.common_members) > 0

    @cached_property
    def common_counts(self) -> NDArray[np.generic]:
        """How many sentences of each common set each list holds, shape (n_sets, n_lists); unsigned."""
        return self._array("common_counts")

    @cached_property
    def in_sample(self) -> NDArray[np.bool_]:
        """Whether a kept sentence belongs to the sample, shape (n_sentences,)."""
        return self._array("in_sample").astype(np.bool_, copy=False)

    @cached_property
    def tag_codes(self) -> NDArray[np.uint8]:
        """Tag of the word at every place, shape (n_places,); empty when no tagger ran."""
        return self._array("tag_codes").astype(np.uint8, copy=False)

    @cached_property
    def _word_places(self) -> NDArray[np.generic]:
        return self._array("word_places")

    @cached_property
    def _words(self) -> pa.Table:
        return pq.ParquetFile(self._folder / "words.parquet", memory_map=True).read()

    @cached_property
    def words(self) -> pa.Array:
        """All words of the kept sentences, lower case, ascending."""
        return self._words.column("word").combine_chunks()

    @cached_property
    def tags(self) -> list[str]:
        """Tag of each code."""
        names: list[str] = pq.ParquetFile(self._folder / "tags.parquet").read().column("tag").to_pylist()
        return names

    @property
    def n_sentences(self) -> int:
        """Number of kept sentences."""
        return len(self.sentence_starts) - 1

    @property
    def n_lists(self) -> int:
        """Number of lists: neurons times sides."""
        return len(self.list_sizes)

    def has_word(self, word: str) -> bool:
        """Tell whether a kept sentence holds a word, in lower case."""
        return bool(pc.index(self.words, word).as_py() >= 0)

    def places_of_word(self, word: str) -> NDArray[np.int64]:
        """Find a word.

        Returns: int64, ascending. Places of the kept sentences where it occurs; none for an unknown word.
        """
        code = pc.index(self.words, word).as_py()
        if code < 0:
            return np.empty(0, dtype=np.int64)
        start = self._words.column("start")[code].as_py()
        n_places = self._words.column("n_places")[code].as_py()
        return self._word_places[start : start + n_places].astype(np.int64)

    def places_of_tag(self, tag: str) -> NDArray[np.int64]:
        """Find a part of speech.

        Returns: int64, ascending. Places of the kept sentences that have it; none for an unknown tag.
        """
        if tag not in self.tags:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(self.tag_codes == self.tags.index(tag))

    def sentences_of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tell whose places these are.

        ``places``: int64, shape (n,), ascending. Places of words.
        Returns: int64, shape (n,), ascending. Number of each place's sentence among the kept ones.
        """
        return np.searchsorted(self.sentence_starts, places, side="right") - 1

    @cached_property
    def texts(self) -> pa.Array:
        """Texts of the kept sentences, without a copy."""
        starts, text = self._array("text_starts"), self._array("text")
        buffers = [None, pa.py_buffer(starts), pa.py_buffer(text)]
        return pa.Array.from_buffers(pa.large_string(), self.n_sentences, buffers)
