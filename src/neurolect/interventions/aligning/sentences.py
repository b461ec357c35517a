"""Where phrases are in sentences, and how much higher a neuron is there: arrays only.

Dims: S sentences, T their words and marks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class WordPlaces:
    """The words of sentences, in an order in which phrases are found fast.

    ``sentences``: Lower-cased words of each sentence, in order.
    """

    def __init__(self, sentences: Sequence[Sequence[str]]) -> None:
        self.n_sentences = len(sentences)
        self._number: dict[str, int] = {}
        codes = [self._number.setdefault(word, len(self._number)) for words in sentences for word in words]
        # a place after the last one ends every phrase there
        self._codes = np.array([*codes, -1], np.int32)
        self._owner = np.repeat(np.arange(len(sentences)), [len(words) for words in sentences])
        order = np.argsort(self._codes[:-1], kind="stable")
        self._order, self._sorted = order, self._codes[order]

    def holding(self, phrase: Sequence[str]) -> NDArray[np.int64]:
        """Give the sentences that hold a phrase, word after word; ascending.

        Examples
        --------
        >>> WordPlaces([["a", "b"], ["b", "a"], ["c", "a", "b"]]).holding(["a", "b"]).tolist()
        [0, 2]
        """
        codes = [self._number.get(word, -1) for word in phrase]
        if not codes or -1 in codes:
            return np.empty(0, np.int64)
        low, high = np.searchsorted(self._sorted, [codes[0], codes[0] + 1])
        places = self._order[low:high]
        last = len(self._codes) - 1
        for step, code in enumerate(codes[1:], start=1):
            at = np.minimum(places + step, last)
            places = places[self._codes[at] == code]
        ends = places + len(codes) - 1
        return np.unique(self._owner[places[self._owner[ends] == self._owner[places]]])


def selectivity(
    values: NDArray[np.floating], holding: NDArray[np.bool_], *, sign: int = 1, least: int = 1
) -> float:
    """Say how much higher a neuron is where a phrase is: difference of means over the range of all values.

    ``values``: shape (S,). Activations.
    ``holding``: bool, shape (S,). Which sentences hold it.
    ``sign``: -1 for phrases of a bottom list.
    ``least``: Sentences that must hold it.
    Returns: From -1 to 1; NaN where too few sentences hold it, or all do, or none differ.

    Examples
    --------
    >>> selectivity(np.array([0.0, 1.0, 4.0]), np.array([False, False, True]))
    0.875
    """
    n_holding = int(np.count_nonzero(holding))
    if n_holding < least or n_holding == len(values):
        return float("nan")
    spread = float(values.max() - values.min())
    difference = float(values[holding].mean(dtype=np.float64) - values[~holding].mean(dtype=np.float64))
    return sign * difference / spread if spread > 0 else float("nan")


def replicated_selectivity(
    values: NDArray[np.floating], replicated: NDArray[np.floating], *, sign: int = 1
) -> float:
    """Compare repeated phrases with sentences: difference of means over the range of both.

    Examples
    --------
    >>> replicated_selectivity(np.array([0.0, 1.0]), np.array([2.0]))
    0.75
    """
    everything = np.concatenate([values, replicated])
    return selectivity(everything, np.arange(len(everything)) >= len(values), sign=sign)
