"""Label the words of a sentence by rule: word sets, suffixes, quotes and brackets, tags, patterns."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise

import numpy as np
import regex

from neurolect.errors import OptionError, ProbingError
from neurolect.probing.concepts import word_lists

Found = list[str | None]
"""A label for each word; None leaves it out."""
WordRule = Callable[[Sequence[str]], Found]
TagRule = Callable[[Sequence[str], Sequence[str]], Found]
OTHER = "other"
_MIN_STEM = 3
_SECONDS = 0.5
"""Time that an expression has for a word."""
_LONGEST_EXPRESSION = 500
_NUMBER = re.compile(r"[+-]?\d[\d.,:/]*(?:st|nd|rd|th|%|s)?\Z", re.IGNORECASE)
_QUOTES = {"``": "''", "\u201c": "\u201d", "\u201e": "\u201c", "\u00ab": "\u00bb", "\u300c": "\u300d", '"': '"'}
_BRACKETS = {"(": ")", "[": "]", "{": "}", "-LRB-": "-RRB-", "-LSB-": "-RSB-", "\uff08": "\uff09"}
_PAST = frozenset(["vbd", "bed", "bedz", "dod", "hvd"])
_PRESENT = frozenset(["vbz", "vbp", "bez", "bem", "ber", "doz", "hvz"])
_SINGULAR = frozenset(["nn", "nnp", "np", "nr"])
_PLURAL = frozenset(["nns", "nnps", "nps", "nrs"])


def one_of(words: Collection[str], name: str) -> WordRule:
    """Tell the words of a set from others, whatever their case."""
    lowered = {each.lower() for each in words}

    def rule(sentence: Sequence[str]) -> Found:
        return [name if each.lower().replace("\u2019", "'") in lowered else OTHER for each in sentence]

    return rule


def negation(sentence: Sequence[str]) -> Found:
    """Tell negations, with contractions such as `didn't`."""
    lowered = [each.lower().replace("\u2019", "'") for each in sentence]
    held = [each in word_lists.NEGATION or each.endswith("n't") for each in lowered]
    return ["negation" if each else OTHER for each in held]


def punctuation(sentence: Sequence[str]) -> Found:
    """Tell what has neither letter nor digit."""
    return [OTHER if any(map(str.isalnum, each)) else "punctuation" for each in sentence]


def numbers(sentence: Sequence[str]) -> Found:
    """Tell numbers in digits and in words."""
    return [
        "numbers" if _NUMBER.match(each) or each.lower() in word_lists.NUMBER_WORDS else OTHER for each in sentence
    ]


def gendered(sentence: Sequence[str]) -> Found:
    """Label words of women and of men."""
    return [
        "feminine" if each in word_lists.FEMININE else "masculine" if each in word_lists.MASCULINE else None
        for each in map(str.lower, sentence)
    ]


def in_quotes(sentence: Sequence[str]) -> Found:
    """Tell words inside of quotes that open and close in the sentence; the marks are left out."""
    return _inside(sentence, _QUOTES, "inside quotes")


def in_brackets(sentence: Sequence[str]) -> Found:
    """Tell words inside of brackets that open and close in the sentence; the marks are left out."""
    return _inside(sentence, _BRACKETS, "inside brackets")


def _inside(sentence: Sequence[str], pairs: dict[str, str], name: str) -> Found:
    found: Found = [OTHER] * len(sentence)
    opened: list[tuple[str, int]] = []
    closing = set(pairs.values())
    for place, word in enumerate(sentence):
        if opened and word == opened[-1][0]:
            _, start = opened.pop()
            found[start + 1 : place] = [None if each is None else name for each in found[start + 1 : place]]
            found[start] = found[place] = None
        elif word in pairs:
            opened.append((pairs[word], place))
            found[place] = None
        elif word in closing:
            found[place] = None
    return found


def suffix(suffixes: Sequence[str]) -> WordRule:
    """Label words by the longest suffix that leaves a stem of three letters or more; others are left out."""
    longest_first = sorted(suffixes, key=lambda each: (-len(each), each))

    def rule(sentence: Sequence[str]) -> Found:
        return [
            next((end for end in longest_first if word.endswith(end) and len(word) - len(end) >= _MIN_STEM), None)
            if word.isalpha()
            else None
            for word in map(str.lower, sentence)
        ]

    return rule


def matching(expression: str) -> WordRule:
    """Tell words that a regular expression matches as a whole; one that takes too long is refused."""
    if len(expression) > _LONGEST_EXPRESSION:
        what = f"The expression has {len(expression):,} characters."
        raise OptionError(what, expected=f"at most {_LONGEST_EXPRESSION}")
    try:
        compiled = regex.compile(expression)
    except regex.error as error:
        what = f"The expression {expression!r} cannot be read: {error}."
        raise OptionError(what, expected="a regular expression") from error
    known: dict[str, bool] = {}

    def matches(word: str) -> bool:
        if word not in known:
            try:
                known[word] = compiled.fullmatch(word, timeout=_SECONDS) is not None
            except TimeoutError as error:
                what = f"The expression {expression!r} takes over {_SECONDS} s for {word[:40]!r}."
                raise ProbingError(what, hint="Write it without repeats inside of repeats.") from error
        return known[word]

    return lambda sentence: ["match" if matches(each) else OTHER for each in sentence]


def tag_pattern(pattern: str) -> TagRule:
    """Tell words inside of a sequence of tags such as ``at jj* nn``; ``*`` stands for any characters."""
    parts = pattern.split()
    if not parts:
        what = "The pattern of tags is empty."
        raise OptionError(what, expected="tags with spaces between them, e.g. pattern=at jj* nn")

    def rule(_: Sequence[str], tags: Sequence[str]) -> Found:
        found: Found = [OTHER] * len(tags)
        for start in range(len(tags) - len(parts) + 1):
            if all(fnmatchcase(tags[start + n], part) for n, part in enumerate(parts)):
                found[start : start + len(parts)] = ["match"] * len(parts)
        return found

    return rule


def plain_tag(tag: str) -> str:
    """Reduce a tag of Penn or Brown to what both have: lower case, no title or headline mark, no possessive.

    Examples
    --------
    >>> [plain_tag(each) for each in ("NN-TL", "nns$-hl", "DOD*", "ppss+bem")]
    ['nn', 'nns', 'dod', 'ppss']
    """
    return re.split(r"[-+]", tag.lower(), maxsplit=1)[0].rstrip("*$")


def _by_tags(classes: dict[str, frozenset[str]]) -> TagRule:
    names = {tag: name for name, tags in classes.items() for tag in tags}
    return lambda _, tags: [names.get(plain_tag(each)) for each in tags]


TAG_SETS: dict[str, TagRule] = {
    "verb-tense": _by_tags({"past": _PAST, "present": _PRESENT}),
    "noun-number": _by_tags({"singular": _SINGULAR, "plural": _PLURAL}),
}
"""Ready sets that need tags of Penn or Brown."""
WORD_SETS: dict[str, WordRule] = {
    "articles": one_of(word_lists.ARTICLES, "articles"),
    "months": one_of(word_lists.MONTHS, "months"),
    "negation": negation,
    "intensifiers": one_of(word_lists.INTENSIFIERS, "intensifiers"),
    "conjunctions": one_of(word_lists.CONJUNCTIONS, "conjunctions"),
    "punctuation": punctuation,
    "numbers": numbers,
    "gendered": gendered,
    "in-quotes": in_quotes,
    "in-brackets": in_brackets,
}
"""Ready sets that need words alone."""
N_BINS = 5


def frequency_bins(counts: Counter[str]) -> dict[str, str]:
    """Part words into bins of about equally many occurrences, rarest first; equally frequent words share a bin."""
    total = sum(counts.values())
    of_count: Counter[int] = Counter()
    for n in counts.values():
        of_count[n] += n
    ends = np.cumsum([0, *(of_count[n] for n in sorted(of_count))])
    bins = {
        n: min(N_BINS - 1, int(N_BINS * (low + high) / 2 / total))
        for n, (low, high) in zip(sorted(of_count), pairwise(ends.tolist()), strict=True)
    }
    return {word: f"{bins[n] + 1} of {N_BINS}" for word, n in counts.items()}
