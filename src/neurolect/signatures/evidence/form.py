"""The form of a sentence: how it ends and begins, and what marks it holds, whatever its words are."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from neurolect.signatures.evidence.collected import Annotated
from neurolect.signatures.evidence.of_sentences import kind_of_sentences

_CLOSING = "\"')]}\u2019\u201d\u00bb\u300d"
_ENDS = {
    "question (?)": "?\uff1f\u061f\u037e",
    "exclamation (!)": "!\uff01",
    "ends in an ellipsis": "\u2026",
    "ends in a colon": ":\uff1a",
}
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


def _labels(sentences: Annotated) -> list[list[str]]:
    coded = sentences.coded
    texts = sentences.table.column("text").to_pylist()
    vocabulary, codes, offsets = coded.vocabulary, coded.words.tolist(), coded.offsets.tolist()
    return [
        form_of(text, [vocabulary[code] for code in codes[start:stop]])
        for text, (start, stop) in zip(texts, pairwise(offsets), strict=True)
    ]


FORM = kind_of_sentences("form", "form", labels=_labels, alone=True)
