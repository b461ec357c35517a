"""Is a corpus English? A tagger of another language would give tags that mean nothing."""

from collections.abc import Sequence

import numpy as np

from neurolect.corpus.words import is_word, split_words

# Frequent English words that are not frequent elsewhere, as "in", "die", "was", "of", "is", "we", "on", "at" are.
_COMMON = """
    the and to that it with his not this but from you which their they are have has been would were who there when
    your said what if or
"""
COMMON = frozenset(_COMMON.split())
MIN_SHARE = 0.06
"""Of all words. English texts of twelve kinds have 17 to 26 %, other languages up to 3 %."""
MIN_WORDS = 200
"""Of fewer words nothing is said."""
SENTENCES = 2_000
"""So many, evenly spread, are looked at."""


def share_of_english_words(texts: Sequence[str]) -> float:
    """Count frequent English words.

    Returns: Their share of all words; NaN where there are too few words to tell.

    Examples
    --------
    >>> round(share_of_english_words(["It was the best of times", "Es war die beste aller Zeiten"] * 50), 2)
    0.17
    """
    rows = np.linspace(0, len(texts) - 1, num=min(len(texts), SENTENCES), dtype=np.int64).tolist()
    words = [word.lower() for row in rows for word in split_words(texts[row]) if is_word(word)]
    return sum(word in COMMON for word in words) / len(words) if len(words) >= MIN_WORDS else float("nan")


def looks_english(texts: Sequence[str]) -> bool:
    """Tell whether sentences are English.

    Returns: False if few of their words are frequent English ones; True where there are too few words to tell.
    """
    return not share_of_english_words(texts) < MIN_SHARE
