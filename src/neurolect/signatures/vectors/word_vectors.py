"""Word vectors: trained on the kept sentences, or read from a file; and sentence vectors made of them."""

import importlib.util
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import DescribeError, require_extra
from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.vectors.typical_sentences import sums_of_rows

SKIP_GRAM = {"sg": 1, "alpha": 0.1, "negative": 5, "window": 5, "sample": 1e-3, "min_count": 2}
"""gensim's defaults leave all words alike on a small corpus; fastText's own, faster learning rate does not."""
SUBWORDS = {"min_n": 5, "max_n": 5, "bucket": 50_000}


def check_vectors(choice: str) -> None:
    """Refuse vectors that cannot be had, before the long work of tagging."""
    if choice == "none":
        return
    if choice != "train" and not Path(choice).is_file():
        what = f"There is no file of word vectors {choice}."
        expected = "train, none, or a .vec, .txt or .bin file"
        raise DescribeError(what, expected=expected, hint="--set describe.vectors=train")
    if (choice == "train" or choice.endswith(".bin")) and not _gensim_is_installed():
        require_extra("gensim", extra="describe", purpose="for word vectors (or --set describe.vectors=none)")


def _gensim_is_installed() -> bool:
    # not imported: that takes seconds
    return importlib.util.find_spec("gensim") is not None


def train_vectors(coded: CodedSentences, *, options: DescribeOptions) -> NDArray[np.float32]:
    """Train fastText word vectors on sentences.

    ``options``: Size, epochs, seed and the largest number of sentences (a seeded choice of them).
    Returns: float32, shape (n_words, vector_size). A vector for every word of the vocabulary; zeros for
        punctuation. One thread trains, so the same input gives the same vectors.

    Reference: P. Bojanowski et al. (2017), Enriching Word Vectors with Subword Information, TACL 5.
    """
    models = require_extra(
        "gensim.models", extra="describe", purpose="for word vectors (or --set describe.vectors=none)"
    )
    rows = np.arange(coded.n_sentences)
    if len(rows) > options.vector_sentences:
        chosen = np.random.default_rng(options.seed).choice(rows, size=options.vector_sentences, replace=False)
        rows = np.sort(chosen)
    sentences = []
    for row in rows:
        codes = coded.words[coded.offsets[row] : coded.offsets[row + 1]]
        sentences.append([coded.vocabulary[code] for code in codes[coded.counts_as_word[codes]]])
    vectors = np.zeros((len(coded.vocabulary), options.vector_size), dtype=np.float32)
    size = {"vector_size": options.vector_size, "epochs": options.vector_epochs}
    model = models.FastText(workers=1, seed=options.seed, **SKIP_GRAM, **SUBWORDS, **size)
    model.build_vocab(sentences)
    if len(model.wv) == 0:  # no word occurs twice: nothing to learn from
        return vectors
    model.train(sentences, total_examples=len(sentences), epochs=options.vector_epochs)
    for code in np.flatnonzero(coded.counts_as_word).tolist():
        word = coded.vocabulary[code]
        # A word seen once is made of its subwords; fastText marks both ends of a word by a sign.
        if word in model.wv.key_to_index or len(word) + 2 >= SUBWORDS["min_n"]:
            vectors[code] = model.wv[word]
    return vectors


def read_vectors(path: Path, *, coded: CodedSentences) -> NDArray[np.float32]:
    """Read the vectors of a vocabulary from a file.

    ``path``: ``.bin`` of fastText, or a text file with a word and its numbers on each line.
    ``coded``: Whose vocabulary; a word that the file lacks is looked up in its most common spelling.
    Returns: float32, shape (n_words, dimensions). Zeros for words that the file lacks, and for punctuation.
    """
    check_vectors(str(path))
    wanted: dict[str, list[int]] = {}
    for code in np.flatnonzero(coded.counts_as_word).tolist():
        wanted.setdefault(coded.vocabulary[code], []).append(code)
        if coded.display[code] != coded.vocabulary[code]:
            wanted.setdefault(coded.display[code], []).append(code)
    found = _read_binary(path, wanted) if path.suffix == ".bin" else _read_text(path, wanted)
    if not found:
        what = f"The word vectors {path} have none of the corpus's {len(coded.vocabulary):,} words."
        raise DescribeError(what, hint="Is it a file for this language?")
    vectors = np.zeros((len(coded.vocabulary), len(next(iter(found.values())))), dtype=np.float32)
    for word in sorted(found, key=lambda each: each == each.lower()):  # lower case last: it wins
        vectors[wanted[word]] = found[word]
    return vectors


def _read_text(path: Path, wanted: dict[str, list[int]]) -> dict[str, NDArray[np.float32]]:
    """Read line by line and keep only wanted words: files of gigabytes stay on the disk."""
    found: dict[str, NDArray[np.float32]] = {}
    size = 0
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            word, _, rest = line.rstrip().partition(" ")
            if word not in wanted or word in found or (number == 1 and " " not in rest):
                continue
            try:
                vector = np.array(rest.split(" "), dtype=np.float32)
            except ValueError as error:
                what = f"Line {number} of {path} is not a word and its vector: {line[:60]!r}."
                raise DescribeError(what, expected="a word and numbers, separated by single spaces") from error
            if size and len(vector) != size:
                what = f"Line {number} of {path} has {len(vector)} numbers; lines before it have {size}."
                raise DescribeError(what, hint="The file may be cut off; get it again.")
            size = len(vector)
            found[word] = vector
    return found


def _read_binary(path: Path, wanted: dict[str, list[int]]) -> dict[str, NDArray[np.float32]]:
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
            what, expected="a .bin file written by fastText, or a text file (.vec, .txt)"
        ) from error
    return {word: model[word] for word in wanted if word.islower() or word in model}


def sentence_vectors(
    coded: CodedSentences, word_vectors: NDArray[np.float32], *, middle: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Average the word vectors of every sentence.

    ``word_vectors``: float32, shape (n_words, dimensions). Vector of each word code; zeros where there is none.
    ``middle``: float32, shape (dimensions,). What is taken off every mean; the mean of these sentences when not
        given.
    Returns: float32, shape (n_sentences, dimensions). Unit length; zeros for a sentence without any vector.

    Words are brought to unit length first, so that frequent words (whose trained vectors are
    long or short, by method) count as one each. The mean over all sentences is then subtracted:
    it holds what all sentences share, which would make every cosine near 1.
    """
    sums, has = _means_of_words(coded, word_vectors)
    if has.any():
        sums[has] -= sums[has].mean(axis=0) if middle is None else middle
    sums[~has] = 0.0
    return unit_rows(sums)


def vector_of_all(coded: CodedSentences, word_vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the vectors of all sentences, before anything is taken off.

    ``word_vectors``: float32, shape (n_words, dimensions). Vector of each word code; zeros where there is none.
    Returns: float32, shape (dimensions,). What :func:`sentence_vectors` takes off; zeros without any vector.
    """
    means, has = _means_of_words(coded, word_vectors)
    return means[has].mean(axis=0) if has.any() else np.zeros(word_vectors.shape[1], np.float32)


def _means_of_words(
    coded: CodedSentences, word_vectors: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Average the unit vectors of every sentence's words; tell which sentences have any."""
    unit = unit_rows(word_vectors)
    sums = sums_of_rows(unit, coded.words, coded.offsets)
    n_known = np.diff(np.concatenate([[0], np.cumsum(np.asarray(unit.any(axis=1))[coded.words])])[coded.offsets])
    has = n_known > 0
    sums[has] /= n_known[has, None]
    return sums, has


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring every row to unit length.

    ``vectors``: float32, shape (n, dimensions). Any vectors.
    Returns: float32, shape (n, dimensions). Zeros where the row is (nearly) zero.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-6)
    return unit
