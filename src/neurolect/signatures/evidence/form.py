"""The form of a sentence: how it ends and begins, what marks it holds, and its place in the document."""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, repeat

from neurolect.corpus.sentences.words import split_words
from neurolect.signatures.evidence.collected import Annotated
from neurolect.signatures.evidence.of_sentences import kind_of_sentences

_CLOSING = "\"')]}\u2019\u201d\u00bb\u300d"
_ENDS = {
    "question (?)": "?\uff1f\u061f\u037e",
    "exclamation (!)": "!\uff01",
    "ends in an ellipsis": "\u2026",
    "ends in a colon": ":\uff1a",
}
OF_DOCUMENT = " of its document"
"""End of the labels that say where in its document a sentence is."""
LONG_DOCUMENT = 8
"""Sentences of a document from which its quarters are distinguished."""
_FULL_STOPS = ".\u3002\uff0e\u0964\u06d4\u0589\u1362"
_PATTERNS = {
    "with quotes": r"[\"\u201c\u201d\u00ab\u00bb\u300c\u300d]",
    "with brackets": r"[(\[{]",
    "with digits": r"\d",
    "with a web address": r"https?://|www\.",
    "with emoji": "[\u2600-\u27bf\U0001f300-\U0001faff]",
}
_HOLDS: dict[str, Callable[[str], object]] = {name: re.compile(text).search for name, text in _PATTERNS.items()}


def form_of(text: str, words: Sequence[str]) -> list[str]:
    """Name what holds for one sentence; ``words`` are its words in lower case.

    Examples
    --------
    >>> form_of("Why, why, WHY?", ["why", ",", "why", ",", "why", "?"])
    ['question (?)', 'with a word in capitals', 'with a word twice in a row', 'with a word three times']
    >>> form_of("NO!", ["no", "!"])
    ['exclamation (!)', 'in capitals']
    """
    body = text.rstrip().rstrip(_CLOSING).rstrip()
    found = [name for name, marks in _ENDS.items() if body[-1:] and body[-1] in marks]
    if body.endswith("..."):
        found.append("ends in an ellipsis")
    if not found and body[-1:] and body[-1] not in _FULL_STOPS:
        found.append("without a full stop")
    found += [name for name, holds in _HOLDS.items() if holds(text)]
    upper = [word for word in re.findall(r"[^\W\d_]{2,}", text) if word.isupper()]
    if text.isupper():
        found.append("in capitals")
    elif upper:
        found.append("with a word in capitals")
    own = [word for word in words if word[:1].isalpha()]
    if any(one == other for one, other in pairwise(own)):
        found.append("with a word twice in a row")
    if own and max(map(own.count, set(own))) >= 3 and len(own) < 12:
        found.append("with a word three times")
    return found


def first_word_of(words: Sequence[str]) -> list[str]:
    """Name the word that a sentence begins with; ``words`` are its words in lower case.

    Examples
    --------
    >>> first_word_of(["(", "and", "then"]), first_word_of(["1", ")"])
    (['begins with "and"'], [])
    """
    first = next((word for word in words if word[:1].isalnum()), "")
    return [f'begins with "{first}"'] if first[:1].isalpha() else []


def forms_of(text: str) -> list[str]:
    """Name all that holds for one sentence but its place."""
    words = [word.lower() for word in split_words(text)]
    return [*form_of(text, words), *first_word_of(words)]


def place_of(position: int, n_in_document: int) -> list[str]:
    """Name the place of a sentence in its document; the only one has none.

    Examples
    --------
    >>> place_of(0, 3), place_of(1, 3), place_of(19, 20), place_of(0, 1)
    (['first of its document'], [], ['last of its document', 'in the last quarter of its document'], [])
    """
    if n_in_document < 2:
        return []
    found = [f"first{OF_DOCUMENT}"] if position == 0 else []
    found += [f"last{OF_DOCUMENT}"] if position == n_in_document - 1 else []
    if n_in_document >= LONG_DOCUMENT:
        quarter = 4 * position // n_in_document
        found += [f"in the first quarter{OF_DOCUMENT}"] if quarter == 0 else []
        found += [f"in the last quarter{OF_DOCUMENT}"] if quarter == 3 else []
    return found


def _labels(sentences: Annotated) -> list[list[str]]:
    coded, table = sentences.coded, sentences.table
    texts = table.column("text").to_pylist()
    vocabulary, codes, offsets = coded.vocabulary, coded.words.tolist(), coded.offsets.tolist()
    places: Iterable[list[str]] = repeat([], len(texts))
    if "n_in_document" in table.column_names:  # not in corpora of before
        places = map(place_of, *(table.column(name).to_pylist() for name in ("position", "n_in_document")))
    found = []
    for text, (start, stop), place in zip(texts, pairwise(offsets), places, strict=True):
        words = [vocabulary[code] for code in codes[start:stop]]
        found.append([*form_of(text, words), *first_word_of(words), *place])
    return found


FORM = kind_of_sentences("form", "form", labels=_labels, alone=True, origins=OF_DOCUMENT, least=10)
