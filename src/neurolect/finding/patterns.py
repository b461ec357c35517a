"""Patterns to search for: ``united * states``, ``<DT> <JJ> house``; how they are written, where they occur."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.sentences.words import split_words
from neurolect.errors import OptionError
from neurolect.store.sentence_index import SentenceIndex

STAR = re.compile(r"\*(\*|\d{1,4})?")
TAG = re.compile(r"<([^<>\s]+)>")
GLUED = re.compile(r"(?<=>)(?=[*<])|(?<=\*)(?=<)|(?<=\*\d)(?=<)")
"""Where a tag in brackets touches what is next to it, as in ``<DT>*<NN>``."""
ANY_GAP = 1 << 30
"""Longer than any sentence."""
LOOKED_AT = 16
"""With up to so many places between, what follows a tag is looked up at each of them."""
FEW_MOVES, MANY = 4, 64
"""Tags so near to each other, the first at one place of so many, are followed at all places at once."""


class Step(NamedTuple):
    """One item of a pattern."""

    item: str
    """A word, lower case, or a tag."""
    is_tag: bool
    gap: int
    """Most places skipped before it; of the first item 0."""


Pattern = tuple[Step, ...]


def parse_pattern(
    text: str, *, word_gap: int, tag_gap: int, is_word: Callable[[str], bool] = lambda _word: False
) -> Pattern:
    """Read a pattern.

    ``text``: Words and tags in angle brackets, in order. What is side by side is side by side in the sentence;
        ``*`` lets some words be skipped, ``*2`` up to two, ``**`` any number.
    ``word_gap, tag_gap``: Words that ``*`` may skip, and how many between two tags; -1 for any number.
    ``is_word``: Whether a piece in small letters is one word as it is; others are split as sentences are.

    Examples
    --------
    >>> [tuple(step) for step in parse_pattern("United * <NNS>", word_gap=4, tag_gap=1)]
    [('united', False, 0), ('NNS', True, 4)]
    """
    steps: list[Step] = []
    star: str | None = None
    for piece in GLUED.sub(" ", text).split():
        found = STAR.fullmatch(piece)
        if found:
            if not steps or star is not None:
                raise _no_pattern(text)
            star = found[1] or ""
            continue
        tag = TAG.fullmatch(piece)
        items = [tag[1].upper()] if tag else _words(piece, is_word)
        for item in items:
            between_tags = tag is not None and bool(steps) and steps[-1].is_tag
            usual = tag_gap if between_tags else word_gap
            steps.append(Step(item, tag is not None, _gap(star, usual)))
            star = None
    if not steps or star is not None:
        raise _no_pattern(text)
    return tuple(steps)


def _words(piece: str, is_word: Callable[[str], bool]) -> list[str]:
    return [piece.lower()] if is_word(piece.lower()) else [word.lower() for word in split_words(piece)]


def _gap(star: str | None, usual: int) -> int:
    if star is None:
        return 0
    if star == "":
        return usual if usual >= 0 else ANY_GAP
    return ANY_GAP if star == "*" else int(star)


def _no_pattern(text: str) -> OptionError:
    what = f"{text!r} is no pattern."
    expected = "words and <TAGS> with * between them where words may be skipped, e.g. 'united * states'"
    return OptionError(what, expected=expected)


def sentences_with(pattern: Sequence[Step], index: SentenceIndex) -> NDArray[np.int64]:
    """Find the kept sentences that hold a pattern.

    Returns: int64, ascending, distinct. Numbers of the sentences among the kept ones.
    """
    ends, n_done = _leading_tags(pattern, index) if pattern[0].is_tag else (_places(pattern[0], index), 1)
    for step in pattern[n_done:]:
        if not len(ends):
            break
        ends = _tagged_next(step, ends, index) if step.is_tag and step.gap < LOOKED_AT else _next(step, ends, index)
    if len(ends) > index.n_sentences:  # rather look up where each sentence is than where each place is
        return np.flatnonzero(np.diff(np.searchsorted(ends, index.sentence_starts)))
    rows = index.sentences_of(ends)
    return rows[np.append(True, np.diff(rows) > 0)] if len(rows) else rows


def _leading_tags(pattern: Sequence[Step], index: SentenceIndex) -> tuple[NDArray[np.int64], int]:
    """Follow the first tags in a bit for every place there is, as long as they occur in many.

    Gives the places of the last one and how many of the pattern's items were followed.
    """
    found = _occurs(pattern[0], index)
    inside: NDArray[np.bool_] | None = None
    n_done = 1
    for step in pattern[1:]:
        if not step.is_tag or step.gap >= FEW_MOVES or MANY * np.count_nonzero(found) < len(found):
            break
        if inside is None:  # places with one before them in the same sentence
            inside = np.ones(len(found) + 1, dtype=np.bool_)
            inside[index.sentence_starts] = False
        reached, moved = np.zeros_like(found), found
        for _ in range(step.gap + 1):
            further = np.zeros_like(found)
            np.logical_and(moved[:-1], inside[1:-1], out=further[1:])
            reached |= further
            moved = further
        found = reached & _occurs(step, index)
        n_done += 1
    return np.flatnonzero(found), n_done


def _occurs(step: Step, index: SentenceIndex) -> NDArray[np.bool_]:
    """Tell for every place whether it has a tag."""
    if step.item not in index.tags:
        return np.zeros(len(index.tag_codes), dtype=np.bool_)
    return np.asarray(index.tag_codes == index.tags.index(step.item), dtype=np.bool_)


def _places(step: Step, index: SentenceIndex) -> NDArray[np.int64]:
    return index.places_of_tag(step.item) if step.is_tag else index.places_of_word(step.item)


def _next(step: Step, ends: NDArray[np.int64], index: SentenceIndex) -> NDArray[np.int64]:
    """Keep the places of an item that the places so far reach: the nearest one before tells."""
    places = _places(step, index)
    before = np.searchsorted(ends, places) - 1
    nearest = ends[np.maximum(before, 0)]
    reached = (before >= 0) & (places - nearest - 1 <= step.gap)
    places, nearest = places[reached], nearest[reached]
    return places[index.sentence_starts[index.sentences_of(places)] <= nearest]


def _tagged_next(step: Step, ends: NDArray[np.int64], index: SentenceIndex) -> NDArray[np.int64]:
    """Do the same for a tag by looking at the places that come next: tags occur everywhere."""
    if step.item not in index.tags:
        return np.empty(0, dtype=np.int64)
    code, codes = index.tags.index(step.item), index.tag_codes
    begins = np.zeros(len(codes) + 1, dtype=np.bool_)  # places where a sentence begins
    begins[index.sentence_starts] = True
    found = np.zeros(len(codes), dtype=np.bool_)
    for distance in range(1, step.gap + 2):
        places = ends + distance
        same_sentence = ~begins[places]
        ends, places = ends[same_sentence], places[same_sentence]
        found[places[codes[places] == code]] = True
    return np.flatnonzero(found)
