"""Word vectors read from a file: text of fastText, word2vec or GloVe, or their binary forms."""

import gzip
import importlib.util
import struct
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import DescribeError, require_extra
from neurolect.signatures.annotation.coding import CodedSentences

_SURVEY = 1000
"""Lines that say how many numbers a line has, where no first line does."""
_FASTTEXT = struct.pack("<i", 793_712_314)
"""The first bytes of a binary file of fastText."""


class FileVectors(NamedTuple):
    """What a file of word vectors gave."""

    vectors: NDArray[np.float32]
    """Of each word of the vocabulary, shape (n_words, dimensions); zeros where the file lacks it."""
    n_odd: int
    """Lines that are not a word and its numbers; they are left out."""
    n_spaces: int
    """Labels with a space in them; no word of a sentence has one."""

    @property
    def notices(self) -> list[str]:
        """What a reader should know."""
        notices = []
        if self.n_odd:
            lines, are = ("line", "is") if self.n_odd == 1 else ("lines", "are")
            shape = f"a word and its {self.vectors.shape[1]:,} numbers"
            notices.append(f"{self.n_odd:,} {lines} of the word vectors {are} not {shape}: left out.")
        if self.n_spaces:
            labels = "label has a space" if self.n_spaces == 1 else "labels have a space"
            notices.append(f"{self.n_spaces:,} {labels} in the word vectors, which no word has: left out.")
        return notices


class _Found(NamedTuple):
    vectors: dict[str, NDArray[np.float32]]
    n_odd: int = 0
    n_spaces: int = 0


def check_vectors(choice: str) -> None:
    """Refuse vectors that cannot be had, before the long work of tagging."""
    if choice == "none":
        return
    if choice != "train" and not Path(choice).is_file():
        what = f"There is no file of word vectors {choice}."
        expected = "train, none, or a .vec, .txt or .bin file (.vec and .txt also as .gz)"
        raise DescribeError(what, expected=expected, hint="--set describe.vectors=train")
    if (choice == "train" or choice.endswith(".bin")) and not _gensim_is_installed():
        require_extra("gensim", extra="describe", purpose="for word vectors (or --set describe.vectors=none)")


def _gensim_is_installed() -> bool:
    # not imported: that takes seconds
    return importlib.util.find_spec("gensim") is not None


def read_vectors(path: Path, *, coded: CodedSentences, punctuation: bool = False) -> FileVectors:
    """Read the vectors of a vocabulary from a file.

    ``path``: ``.bin`` of fastText or word2vec, or a text file with a label and its numbers on each line, separated
        by single spaces or tabs, also packed as ``.gz``; any number of dimensions.
    ``coded``: Whose vocabulary; a word that the file lacks is looked up in its most common spelling.
    ``punctuation``: Whether marks get vectors, too.
    """
    check_vectors(str(path))
    wanted: dict[str, list[int]] = {}
    codes = range(len(coded.vocabulary)) if punctuation else np.flatnonzero(coded.counts_as_word).tolist()
    for code in codes:
        wanted.setdefault(coded.vocabulary[code], []).append(code)
        if coded.display[code] != coded.vocabulary[code]:
            wanted.setdefault(coded.display[code], []).append(code)
    found = _read_binary(path, wanted) if path.suffix == ".bin" else _read_text(path, wanted)
    if not found.vectors:
        what = f"The word vectors {path} have none of the corpus's {len(coded.vocabulary):,} words."
        odd = f" {found.n_odd:,} of its lines are not a label and numbers." if found.n_odd else ""
        raise DescribeError(what, hint=f"Is it a file for this language?{odd}")
    size = len(next(iter(found.vectors.values())))
    vectors = np.zeros((len(coded.vocabulary), size), dtype=np.float32)
    for word in sorted(found.vectors, key=lambda each: each == each.lower()):  # lower case last: it wins
        vectors[wanted[word]] = found.vectors[word]
    return FileVectors(vectors, found.n_odd, found.n_spaces)


def _read_text(path: Path, wanted: dict[str, list[int]]) -> _Found:
    """Read line by line and keep only wanted words: files of gigabytes stay on the disk."""
    found: dict[str, NDArray[np.float32]] = {}
    n_odd = n_spaces = 0
    try:
        with _opened(path) as file:
            lines = (each.rstrip() for each in file if not each.isspace())
            first = list(islice(lines, _SURVEY))
            separator, size, has_head = _shape(path, first)
            for line in chain(first[has_head:], lines):
                n_separators = line.count(separator)
                if n_separators != size:
                    spaces = n_separators > size and _numbers(line.rsplit(separator, size)[1:]) is not None
                    n_spaces, n_odd = n_spaces + spaces, n_odd + (not spaces)
                    continue
                word, _, rest = line.partition(separator)
                if word not in wanted or word in found:
                    continue
                vector = _numbers(rest.split(separator))
                if vector is None:
                    n_odd += 1
                else:
                    found[word] = vector
    except (OSError, EOFError) as error:
        what = f"{path} cannot be read: {error}."
        raise DescribeError(what, expected="text, or text packed by gzip", hint="get the file again") from error
    return _Found(found, n_odd, n_spaces)


def _opened(path: Path) -> TextIO:
    """Open a text file; lines end at line feeds alone, for labels may hold other breaks."""
    how: dict[str, Any] = {"encoding": "utf-8", "errors": "replace", "newline": "\n"}
    return cast("TextIO", gzip.open(path, "rt", **how) if path.suffix == ".gz" else path.open("rt", **how))


def _shape(path: Path, lines: list[str]) -> tuple[str, int, bool]:
    """Find out what separates numbers, how many a line has, and whether the first line says how many."""
    body = lines[1:] or lines
    separator = "\t" if sum("\t" in line for line in body) * 2 > len(body) else " "
    head = lines[0].split() if lines else []
    if len(head) == 2 and all(each.isdecimal() for each in head) and len(lines) > 1:
        return separator, int(head[1]), True
    sizes = Counter(line.count(separator) for line in lines if separator in line)
    if not sizes:
        what = f"The file of word vectors {path} has no line with a word and its vector."
        raise DescribeError(what, expected="a word and numbers, separated by single spaces or tabs")
    return separator, sizes.most_common(1)[0][0], False


def _numbers(fields: list[str]) -> NDArray[np.float32] | None:
    """Read the numbers of a line; None where one is none, or not finite."""
    try:
        vector = np.array(fields, dtype=np.float32)
    except ValueError:
        return None
    return vector if bool(np.isfinite(vector).all()) else None


def _read_binary(path: Path, wanted: dict[str, list[int]]) -> _Found:
    """Read a binary file: of fastText, else of word2vec."""
    with path.open("rb") as file:
        start = file.read(64)
    if start[:4] != _FASTTEXT and all(each.isdigit() for each in start.partition(b"\n")[0].split() or [b"-"]):
        return _Found(dict(_read_word2vec(path, wanted)))
    loader: Any = require_extra("gensim.models.fasttext", extra="describe", purpose="to read word vectors")
    try:
        model = loader.load_facebook_vectors(str(path))
    except (
        struct.error,
        NotImplementedError,
        ValueError,
        EOFError,
        OSError,
        AssertionError,
        UnicodeDecodeError,
    ) as error:
        what = f"{path} cannot be read as a fastText model ({error})."
        raise DescribeError(
            what, expected="a .bin file written by fastText or word2vec, or a text file (.vec, .txt)"
        ) from error
    return _Found({word: model[word] for word in wanted if word.islower() or word in model})


def _read_word2vec(path: Path, wanted: dict[str, list[int]]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Read a binary file of word2vec: a line of two numbers, then label, space, float32 numbers, over and over."""
    seen: set[str] = set()
    with path.open("rb") as file:
        n, size = (int(each) for each in file.readline().split())
        for place in range(n):
            label = bytearray()
            while (byte := file.read(1)) not in (b" ", b""):
                if byte != b"\n":  # some writers end a vector by one
                    label += byte
            numbers = file.read(4 * size)
            if len(numbers) < 4 * size:
                what = f"{path} ends after {place:,} of {n:,} vectors."
                raise DescribeError(what, expected="the whole file", hint="The file may be cut off; get it again.")
            word = label.decode("utf-8", errors="replace")
            if word in wanted and word not in seen:
                seen.add(word)
                yield word, np.frombuffer(numbers, dtype="<f4").astype(np.float32)
