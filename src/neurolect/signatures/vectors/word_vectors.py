"""Word vectors trained on the kept sentences, and sentence vectors made of word vectors."""

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import require_extra
from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.vectors.typical_sentences import sums_of_rows, unit_rows

SKIP_GRAM = {"sg": 1, "alpha": 0.1, "negative": 5, "window": 5, "sample": 1e-3, "min_count": 2}
"""gensim's defaults leave all words alike on a small corpus; fastText's own, faster learning rate does not."""
SUBWORDS = {"min_n": 5, "max_n": 5, "bucket": 50_000}


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
    sums, has = _means_of_words(coded, unit_rows(word_vectors))
    if has.any():
        sums[has] -= sums[has].mean(axis=0) if middle is None else middle
    sums[~has] = 0.0
    return unit_rows(sums)


def plain_sentence_vectors(coded: CodedSentences, word_vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the word vectors of every sentence as they are, as in [E] section 4.1.

    ``word_vectors``: float32, shape (n_words, dimensions). Vector of each word code; zeros where there is none.
    Returns: float32, shape (n_sentences, dimensions). Zeros for a sentence without any vector.
    """
    return _means_of_words(coded, word_vectors)[0]


def vector_of_all(coded: CodedSentences, word_vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the vectors of all sentences, before anything is taken off.

    ``word_vectors``: float32, shape (n_words, dimensions). Vector of each word code; zeros where there is none.
    Returns: float32, shape (dimensions,). What :func:`sentence_vectors` takes off; zeros without any vector.
    """
    means, has = _means_of_words(coded, unit_rows(word_vectors))
    return means[has].mean(axis=0) if has.any() else np.zeros(word_vectors.shape[1], np.float32)


def _means_of_words(
    coded: CodedSentences, vectors: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Average the vectors of every sentence's words that have one; tell which sentences have any."""
    sums = sums_of_rows(vectors, coded.words, coded.offsets)
    known = np.asarray(vectors.any(axis=1))[coded.words]
    n_known = np.diff(np.concatenate([[0], np.cumsum(known)])[coded.offsets])
    has = n_known > 0
    sums[has] /= n_known[has, None]
    return sums, has
