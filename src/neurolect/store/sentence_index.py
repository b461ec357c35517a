"""The index of a described run: which kept sentences hold a word, and which lists a sentence is in.

Arrays that are mapped into memory and touched only where a search needs them; see ``docs/run_folder.md``.
"""

from functools import cached_property
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.store.files import RunFiles, damaged
from neurolect.store.stage_kinds import command_of

_WORDS = "index/words"


def has_index(files: RunFiles) -> bool:
    """Tell whether a run has an index.

    Returns: True when it is whole: its table of words is written last.
    """
    return files.has(f"{_WORDS}.parquet")


class SentenceIndex:
    """The index of a run, read lazily; numbers that lead to other places are checked before they are followed."""

    def __init__(self, files: RunFiles) -> None:
        self._files = files
        if not has_index(files):
            what = f"The run folder {files.folder} has no index to search."
            raise RunFolderError(what, hint=f"Make it with: {command_of('describe', files.folder)}")

    def _array(self, name: str, *, kinds: str, ndim: int = 1, n_rows: int | None = None) -> NDArray[np.generic]:
        # .view: a memmap of its own class makes every slice several times as slow
        array: NDArray[np.generic] = self._files.array(f"index/{name}").view(np.ndarray)
        self._files.check_shape(f"index/{name}", array, ndim=ndim, kinds=kinds, n_rows=n_rows)
        return array

    def _starts(self, name: str, *, of: str, n: int) -> NDArray[np.int64]:
        """Read where the parts of an array of n begin, ascending from 0 to its end."""
        starts = self._array(name, kinds="iu", n_rows=self.n_sentences + 1).astype(np.int64, copy=False)
        if starts[0] != 0 or starts[-1] != n or bool((starts[1:] < starts[:-1]).any()):
            self._refuse(name, f"its numbers are no places in index/{of}")
        return starts

    def _refuse(self, name: str, how: str) -> NoReturn:
        raise damaged(self._files.folder, self._files.manifest, f"index/{name}.npy", how)

    def _below(self, name: str, n: int, *, what: str) -> NDArray[np.generic]:
        """Read numbers from 0 to below n; those of a file whose check sum was compared are taken as they are."""
        numbers = self._array(name, kinds="u")
        if len(numbers) and not self._files.is_proven(f"index/{name}.npy") and int(numbers.max()) >= n:
            self._refuse(name, f"it names {what} that there are not")
        return numbers

    @cached_property
    def sentence_starts(self) -> NDArray[np.int64]:
        """Place of each kept sentence's first word, shape (n_sentences + 1,)."""
        return self._starts("sentence_starts", of="word_places", n=self._n_places)

    @cached_property
    def list_starts(self) -> NDArray[np.int64]:
        """Where each kept sentence's lists start in `list_numbers`, shape (n_sentences + 1,)."""
        return self._starts("list_starts", of="list_numbers", n=len(self.list_numbers))

    @cached_property
    def list_numbers(self) -> NDArray[np.generic]:
        """Numbers of the lists that each kept sentence is in, ascending within a sentence; unsigned."""
        return self._below("list_numbers", self.n_lists, what="lists")

    @cached_property
    def list_sizes(self) -> NDArray[np.int64]:
        """Sentences of each list, and how many of them belong to the sample, shape (n_lists, 2)."""
        sizes = self._array("list_sizes", kinds="iu", ndim=2).astype(np.int64, copy=False)
        if sizes.shape[1] != 2 or (sizes < 0).any():
            self._refuse("list_sizes", f"it has the shape {sizes.shape}, or sizes below 0")
        return sizes

    @cached_property
    def common_members(self) -> NDArray[np.uint8]:
        """Sentences of the common sets, a bit each, lowest first, shape (n_sets, n_bytes)."""
        members = self._array("common_members", kinds="u", ndim=2).astype(np.uint8, copy=False)
        if members.shape[1] < -(-self.n_sentences // 8):
            self._refuse("common_members", f"it has {members.shape[1]:,} bytes a set")
        return members

    @property
    def has_common_sets(self) -> bool:
        """Whether there are any; an index of an earlier version has none, which costs time alone."""
        return self._files.has("index/common_members.npy") and len(self.common_members) > 0

    @cached_property
    def common_counts(self) -> NDArray[np.generic]:
        """How many sentences of each common set each list holds, shape (n_sets, n_lists); unsigned."""
        counts = self._array("common_counts", kinds="u", ndim=2, n_rows=len(self.common_members))
        if counts.shape[1] != self.n_lists:
            self._refuse("common_counts", f"it has {counts.shape[1]:,} lists, not {self.n_lists:,}")
        return counts

    @cached_property
    def in_sample(self) -> NDArray[np.bool_]:
        """Whether a kept sentence belongs to the sample, shape (n_sentences,)."""
        kept = self._files.manifest["stages"].get("collect", {}).get("n_kept")
        return self._array("in_sample", kinds="b", n_rows=kept).astype(np.bool_, copy=False)

    @cached_property
    def tag_codes(self) -> NDArray[np.uint8]:
        """Tag of the word at every place, shape (n_places,); empty when no tagger ran."""
        codes = self._array("tag_codes", kinds="u").astype(np.uint8, copy=False)
        if len(codes) not in (0, self._n_places):
            self._refuse("tag_codes", f"it has {len(codes):,} places, not {self._n_places:,}")
        return codes

    @cached_property
    def _word_places(self) -> NDArray[np.generic]:
        return self._below("word_places", len(self._array("word_places", kinds="u")), what="places")

    @property
    def _n_places(self) -> int:
        return len(self._word_places)

    @cached_property
    def _words(self) -> pa.Table:
        table = self._files.parquet(_WORDS).read(["word", "start", "n_places"])
        starts, counts = (table.column(name).to_numpy() for name in ("start", "n_places"))
        ends = np.append(0, starts + counts)
        if not np.array_equal(ends[:-1], starts) or (counts < 0).any() or ends[-1] > self._n_places:
            how = "its starts are no places in index/word_places"
            raise damaged(self._files.folder, self._files.manifest, f"{_WORDS}.parquet", how)
        return table

    @cached_property
    def words(self) -> pa.Array:
        """All words of the kept sentences, lower case, ascending."""
        return self._words.column("word").combine_chunks()

    @cached_property
    def tags(self) -> list[str]:
        """Tag of each code."""
        names: list[str] = self._files.parquet("index/tags").read(["tag"]).column("tag").to_pylist()
        return names

    @property
    def n_sentences(self) -> int:
        """Number of kept sentences."""
        return len(self.in_sample)

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
        text = self._array("text", kinds="u")
        if text.dtype != np.uint8:
            self._refuse("text", f"it has the type {text.dtype}")
        starts = self._starts("text_starts", of="text", n=len(text))
        buffers = [None, pa.py_buffer(starts), pa.py_buffer(text)]
        texts = pa.Array.from_buffers(pa.large_string(), self.n_sentences, buffers)
        if not self._files.is_proven("index/text.npy"):
            try:
                texts.validate(full=True)
            except pa.ArrowInvalid:
                self._refuse("text", "it is not text")
        return texts
