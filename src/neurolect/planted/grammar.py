"""A small language: words of a few classes, sentences from a grammar, and what is true of every word.

All random choices come from one generator, so that a document depends on its seed and number alone.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

CLASSES: dict[str, tuple[str, ...]] = {
    "determiner": ("the", "a", "this", "every"),
    "number": ("two", "three", "four", "five", "six", "seven"),
    "colour": ("green", "white", "black", "brown", "blue", "grey", "golden", "pink"),
    "size": ("small", "large", "tiny", "huge", "long", "tall", "wide", "thin"),
    "animal": ("dog", "cat", "fox", "horse", "bear", "wolf", "goat", "rabbit", "duck", "hen"),
    "plural": ("dogs", "cats", "horses", "bears", "goats", "rabbits", "ducks", "hens", "cows", "pigs"),
    "tool": ("hammer", "saw", "ladder", "rope", "nail", "drill", "shovel", "bucket", "brush", "knife"),
    "food": ("bread", "soup", "cheese", "apple", "cake", "butter", "onion", "rice", "pie", "honey"),
    "regular": ("walked", "jumped", "waited", "turned", "rested", "landed", "moved", "looked", "dropped", "stayed"),
    "irregular": ("ran", "fell", "slept", "sat", "went", "lay"),
    "adverb": ("quickly", "slowly", "quietly", "suddenly", "calmly", "gladly", "softly", "boldly"),
    "preposition": ("near", "under", "behind", "with", "over", "above"),
    "name": ("anna", "peter", "maria", "john", "clara", "otto", "rosa", "victor"),
    "conjunction": ("and", "but"),
    "end": (".",),
}
"""Words of every class, most frequent first."""
CLASS_OF = {word: name for name, words in CLASSES.items() for word in words}
WORDS = tuple(CLASS_OF)
TOPICS = {"kitchen": "food", "workshop": "tool", "forest": "animal"}
"""Of documents: the class that nine of ten of their nouns are of."""
_NOUNS = ("animal", "tool", "food")
_SAMPLE = 330
"""Documents that frequencies are measured in."""

Holds = Callable[[Sequence[str], int], bool]


def _of(*classes: str) -> Holds:
    return lambda words, at: CLASS_OF.get(words[at]) in classes


def _after(name: str) -> Holds:
    return lambda words, at: at > 0 and CLASS_OF.get(words[at - 1]) == name


def _food_so_far(words: Sequence[str], at: int) -> bool:
    return any(CLASS_OF.get(each) == "food" for each in words[: at + 1])


def _groups_of(word: str) -> tuple[bool, bool]:
    return groups().get(word, (False, False))


def _is(word: str) -> Holds:
    return lambda words, at: words[at] == word


CONCEPTS: dict[str, tuple[str, Holds]] = {
    **{name: (f"the word is of the class {name}", _of(name)) for name in CLASSES},
    "verb": ("the word is a verb", _of("regular", "irregular")),
    "fox": ("the word is 'fox'", _is("fox")),
    "bread": ("the word is 'bread'", _is("bread")),
    "after_determiner": ("the previous word is a determiner", _after("determiner")),
    "after_number": ("the previous word is a number", _after("number")),
    "after_colour": ("the previous word is a colour", _after("colour")),
    "food_so_far": ("the word or one before it in the sentence is a food", _food_so_far),
    "determiner_after_food": (
        "a determiner in a sentence that had a food before",
        lambda words, at: _of("determiner")(words, at) and _food_so_far(words, at),
    ),
    "coloured_animal": (
        "an animal after a colour",
        lambda words, at: _of("animal")(words, at) and _after("colour")(words, at),
    ),
    "first_two": ("one of the first two words of the sentence", lambda words, at: at < 2),
    "first_group": ("the word is of an arbitrary group", lambda words, at: _groups_of(words[at])[0]),
    "second_group": (
        "the word is of another arbitrary group",
        lambda words, at: _groups_of(words[at])[1],
    ),
    "one_group": (
        "the word is of exactly one of the two groups",
        lambda words, at: len(set(_groups_of(words[at]))) == 2,
    ),
}
"""What is true of a word in its sentence: in plain words, and as a rule on the sentence and the word's place."""


def document(number: int, *, seed: int) -> tuple[str, list[list[str]]]:
    """Make one document: its topic, and its sentences as lists of words."""
    choose = np.random.default_rng([seed, number])
    topic = list(TOPICS)[int(choose.integers(len(TOPICS)))]
    return topic, [_sentence(choose, topic) for _ in range(int(choose.integers(4, 9)))]


def _sentence(choose: np.random.Generator, topic: str) -> list[str]:
    subject = _noun_phrase(choose, topic)
    words = [*subject, *_verb_phrase(choose, topic, subject=subject[-1])]
    if choose.random() < 0.25:
        words += [_word(choose, "conjunction"), *_verb_phrase(choose, topic)]
    return [*words, "."]


def _noun_phrase(choose: np.random.Generator, topic: str) -> list[str]:
    kind = choose.random()
    if kind < 0.2:
        return [_word(choose, "name")]
    if kind < 0.4:
        colour = [_word(choose, "colour")] if choose.random() < 0.3 else []
        return [_word(choose, "number"), *colour, _word(choose, "plural")]
    noun = TOPICS[topic] if choose.random() < 0.85 else _NOUNS[int(choose.integers(len(_NOUNS)))]
    adjective = [_word(choose, "colour" if choose.random() < 0.5 else "size")] if choose.random() < 0.4 else []
    return [_word(choose, "determiner"), *adjective, _word(choose, noun)]


def _verb_phrase(choose: np.random.Generator, topic: str, *, subject: str = "") -> list[str]:
    verb = _word(choose, "regular" if choose.random() < 0.65 else "irregular")
    if subject == "fox" and choose.random() < 0.9:
        verb = "jumped"
    adverb = [_word(choose, "adverb")] if choose.random() < 0.4 else []
    place = [_word(choose, "preposition"), *_noun_phrase(choose, topic)] if choose.random() < 0.6 else []
    return [verb, *adverb, *place]


def _word(choose: np.random.Generator, name: str) -> str:
    words = CLASSES[name]
    share = 1.0 / np.arange(2, len(words) + 2)
    return words[int(choose.choice(len(words), p=share / share.sum()))]


@cache
def frequencies() -> dict[str, float]:
    """Measure the share of every word among the words of a fixed sample; none is 0."""
    counts = dict.fromkeys(WORDS, 1)
    for number in range(_SAMPLE):
        for sentence in document(number, seed=0)[1]:
            for word in sentence:
                counts[word] += 1
    total = sum(counts.values())
    return {word: count / total for word, count in counts.items()}


@cache
def groups() -> dict[str, tuple[bool, bool]]:
    """Put every word into neither, either or both of two groups, so that the four are equally frequent.

    So neither group alone says anything about "of exactly one group".
    """
    cells = {cell: 0.0 for cell in ((False, False), (True, False), (False, True), (True, True))}
    found = {}
    for word, share in sorted(frequencies().items(), key=lambda each: (-each[1], each[0])):
        cell = min(cells, key=lambda each: cells[each])
        cells[cell] += share
        found[word] = cell
    return found
