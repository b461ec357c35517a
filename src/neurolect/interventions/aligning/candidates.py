"""Candidate phrases of a sentence: its words, and the constituents of its tree or, without one, its n-grams.

Places of words are counted from 0; a span is its first place and one past its last.
"""

from collections.abc import Sequence
from typing import NamedTuple

from neurolect.corpus.sentences.words import word_spans
from neurolect.errors import DescribeError
from neurolect.signatures.annotation.coding import counts_as_word
from neurolect.signatures.trees.forest import BRACKETS

Span = tuple[int, int]
_ESCAPED = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}


class Phrase(NamedTuple):
    """A phrase of a sentence."""

    text: str
    """As written there."""
    words: tuple[str, ...]
    """Lower case."""


def ngram_spans(words: Sequence[str], longest: int) -> list[Span]:
    """Give every word and mark, and the n-grams of words that no mark is between.

    Examples
    --------
    >>> ngram_spans(["no", ",", "not", "now"], 2)
    [(0, 1), (1, 2), (2, 3), (2, 4), (3, 4)]
    """
    is_word = [counts_as_word(word) for word in words]
    return [
        (start, end)
        for start in range(len(words))
        for end in range(start + 1, min(start + longest, len(words)) + 1)
        if end == start + 1 or all(is_word[start:end])
    ]


def subtree_spans(words: Sequence[str], heads: Sequence[int], longest: int) -> list[Span]:
    """Give every word and mark, and the constituents of a tree of dependencies.

    A constituent is a word with all that depends on it, where these are next to each other, without marks at its
    ends.

    Examples
    --------
    >>> subtree_spans(["the", "dog", "barks", "."], [1, 2, -1, 2], 2)
    [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4)]
    """
    below: list[set[int]] = [{place} for place in range(len(words))]
    for place in range(len(words)):
        above, passed = heads[place], {place}
        while above >= 0 and above not in passed:  # a cycle has no root: it is left
            below[above].add(place)
            passed.add(above)
            above = heads[above]
    spans = {(place, place + 1) for place in range(len(words))}
    for own in below:
        start, end = min(own), max(own) + 1
        if end - start != len(own):
            continue
        while end - start > 1 and not counts_as_word(words[start]):
            start += 1
        while end - start > 1 and not counts_as_word(words[end - 1]):
            end -= 1
        if end - start <= longest:
            spans.add((start, end))
    return sorted(spans)


def bracket_phrases(trees: str, longest: int) -> list[tuple[str, ...]]:
    """Give the constituents of trees in brackets, as words, in the order in which they end.

    Examples
    --------
    >>> bracket_phrases("(S (NP (DT the) (NN dog)) (VP (VBZ barks)))", 2)
    [('the',), ('dog',), ('the', 'dog'), ('barks',)]
    """
    starts: list[int] = []
    leaves: list[str] = []
    found: list[tuple[str, ...]] = []
    opened = False
    for token in BRACKETS.findall(trees):
        if token == "(":
            starts.append(len(leaves))
        elif token == ")" and starts:
            found.append(tuple(leaves[starts.pop() :]))
        elif token == ")":
            what = f"The brackets of a tree do not match: {trees[:60]!r}."
            raise DescribeError(what, expected="trees like (S (NP (DT the) (NN dog)) (VP (VBZ barks)))")
        elif not opened:
            leaves.append(_ESCAPED.get(token, token))
        opened = token == "("
    return list(dict.fromkeys(each for each in found if 0 < len(each) <= longest))


def phrases_of(
    text: str,
    words: Sequence[str],
    *,
    longest: int,
    heads: Sequence[int] | None = None,
    trees: str | None = None,
) -> list[Phrase]:
    """Give the distinct candidate phrases of a sentence, in its order.

    ``words``: Its words and marks, in order.
    ``heads``: Place of each word's head, -1 for a root, where it was parsed.
    ``trees``: Its trees in brackets, where there are any.
    """
    if trees:
        found = [Phrase(" ".join(each), tuple(map(str.lower, each))) for each in bracket_phrases(trees, longest)]
        return list(dict.fromkeys(found))
    parsed = heads is not None and len(heads) == len(words)
    spans = subtree_spans(words, heads or [], longest) if parsed else ngram_spans(words, longest)
    places = word_spans(text, words)
    written = [
        Phrase(text[places[start][0] : places[end - 1][1]], tuple(map(str.lower, words[start:end])))
        for start, end in spans
    ]
    return list(dict.fromkeys(each for each in written if each.text.strip()))
