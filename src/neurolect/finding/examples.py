"""The kept sentences most like some examples, by the rare words they share."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.words import is_word, split_words
from neurolect.errors import OptionError
from neurolect.store.sentence_index import SentenceIndex

SHARE = 0.01
"""So much of the kept sentences is taken, the most alike."""
FEWEST = 20
COMMON = 0.1
"""Words of a larger share of the kept sentences say nothing of a sentence's matter."""


def sentences_like(examples: Sequence[str], index: SentenceIndex) -> NDArray[np.int64]:
    """Find the kept sentences most like any of the examples.

    Returns: int64, ascending. Numbers of the sentences among the kept ones: a hundredth of them (20 at least),
        fewer where fewer share a word with an example.

    Of a pair, each word that both hold counts the square of its rarity, the logarithm of how many times fewer
    sentences hold it than there are; the sum is divided by the root of the kept sentence's number of words. A kept
    sentence is as like the examples as it is like the nearest of them.
    """
    told = [each for each in examples if each.strip()]
    if not told:
        what = "There is no example sentence."
        raise OptionError(what, expected="a file with one sentence or more, one a line")
    best = np.zeros(index.n_sentences, dtype=np.float32)
    rarity: dict[str, tuple[NDArray[np.int64], float]] = {}
    for example in told:
        alike = np.zeros(index.n_sentences, dtype=np.float32)
        for word in sorted({word.lower() for word in split_words(example) if is_word(word)}):
            if word not in rarity:
                rarity[word] = _holders(word, index)
            rows, weight = rarity[word]
            alike[rows] += weight
        np.maximum(best, alike, out=best)
    best /= np.sqrt(np.maximum(np.diff(index.sentence_starts), 1))
    n_taken = min(max(FEWEST, int(SHARE * index.n_sentences)), int(np.count_nonzero(best)))
    if not n_taken:
        what = f"No kept sentence shares a rare word with the {len(told)} example sentences."
        raise OptionError(what, expected="sentences of the kind and language of the run's corpus")
    return np.sort(np.argsort(-best, kind="stable")[:n_taken])


def _holders(word: str, index: SentenceIndex) -> tuple[NDArray[np.int64], float]:
    """Find the sentences with a word, and what the word counts; none for a common word."""
    rows = np.unique(index.sentences_of(index.places_of_word(word)))
    if not 0 < len(rows) <= max(COMMON * index.n_sentences, 1.0):
        return rows[:0], 0.0
    return rows, float(np.log(index.n_sentences / len(rows)) ** 2)
