"""Says whether a written text is of a concept: a classifier of bags of words, or a list of words.

Dims: T texts, V words.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from neurolect.interventions.steering.concept_texts import Part

_WORD = re.compile(r"\w+")
_PENALTY = 1e-4
"""Of the sum of squared weights, against the mean loss of a text."""


class TextJudge(Protocol):
    """What says how far texts are of a concept."""

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Give a number from 0 to 1 for each text."""
        ...


class WordList:
    """A text is of the concept when it has one of some words, whole, in any case."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = {each.casefold() for each in words}

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Give 1 or 0 for each text."""
        return np.array([float(not self.words.isdisjoint(words_of(each))) for each in texts])


class WordClassifier:
    """Logistic regression on the words of a text: logarithms of counts, of unit length."""

    def __init__(self, words: dict[str, int], weights: NDArray[np.float64], bias: float) -> None:
        self._words, self._weights, self._bias = words, weights, bias

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Give the probability of the concept for each text."""
        scores = bags(texts, self._words) @ self._weights + self._bias
        return np.asarray(1.0 / (1.0 + np.exp(-scores)))


def fit_words(part: Part) -> WordClassifier:
    """Fit a classifier on the words that two texts or more have."""
    counts = Counter(word for text in part.texts for word in set(words_of(text)))
    words = {word: place for place, word in enumerate(sorted(word for word, n in counts.items() if n > 1))}
    features = bags(part.texts, words)
    signs = np.where(part.is_of, 1.0, -1.0)

    def loss(given: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = signs * (features @ given[:-1] + given[-1])
        value = np.logaddexp(0.0, -margins).mean() + _PENALTY * given[:-1] @ given[:-1]
        slope = -signs / (1.0 + np.exp(margins)) / len(signs)
        return float(value), np.append(features.T @ slope + 2 * _PENALTY * given[:-1], slope.sum())

    made: Any = minimize(loss, np.zeros(len(words) + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return WordClassifier(words, made.x[:-1], float(made.x[-1]))


def words_of(text: str) -> list[str]:
    """Cut a text into words, in one case."""
    return [each.casefold() for each in _WORD.findall(text)]


def bags(texts: Sequence[str], words: dict[str, int]) -> Any:  # noqa: ANN401 - scipy's sparse matrix, shape (T, V)
    """Count the known words of each text: 1 + log of the count, each text of unit length."""
    rows, columns, values = [], [], []
    for row, text in enumerate(texts):
        counts = Counter(words[each] for each in words_of(text) if each in words)
        sizes = np.array([1.0 + np.log(n) for n in counts.values()])
        rows += [row] * len(counts)
        columns += list(counts)
        values += (sizes / max(float(np.linalg.norm(sizes)), 1e-12)).tolist()
    return csr_matrix((values, (rows, columns)), shape=(len(texts), len(words)))
