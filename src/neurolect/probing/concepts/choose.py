"""From a concept's name to the labels of units: columns, fields, arcs, numbers, rules."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.reading.fields import is_null, to_number
from neurolect.errors import OptionError, ProbingError, nearest
from neurolect.probing.concepts import word_rules
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.probing.concepts.sentences import SOURCE, Sentences
from neurolect.probing.concepts.word_lists import SUFFIXES

TAG_COLUMNS = ("tags", "xpos", "pos", "tag", "upos", "tags_universal")
HEAD_COLUMNS = ("head", "heads")
RELATION_COLUMNS = ("deprel", "deprels", "relation", "relations")
NO_RELATION = frozenset({"root", "punct"})
MOST_WHOLE = 20
Rule = Callable[[Sequence[str]], Sequence[str | float | None]]
"""Labels the words of a sentence; None leaves one out."""
Concept = str | Rule
PLAIN = ("suffix", "position", "length", "frequency", "frequency-bins", "arcs", "senses")
GIVEN = ("words", "regex", "pattern", "suffix", "senses", "column")


class Labels(NamedTuple):
    """What units there are, and their labels."""

    unit: str
    """``word``, ``pair`` (a word and its head) or ``sentence``."""
    sentences: NDArray[np.int64]
    words: NDArray[np.int64]
    """Place in the sentence; -1 for sentences."""
    heads: NDArray[np.int64]
    """Place of the head; -1 where there is none."""
    values: NDArray[np.object_]
    """Texts, or floats where ``numeric``."""
    numeric: bool
    opposed: bool
    """Whether one class is opposed to all else."""
    skipped: dict[str, str]


class _Units:
    """Units as they are found."""

    def __init__(self, sentences: Sentences, *, unit: str) -> None:
        self.unit, self._of = unit, sentences
        self.places: list[tuple[int, int, int]] = []
        self.values: list[object] = []
        self.skipped: dict[str, str] = {}

    def add(self, sentence: int, value: object, *, word: int = -1, head: int = -1) -> None:
        if not is_null(value):
            self.places.append((sentence, word, head))
            self.values.append(value)

    def skip(self, sentence: int, why: str) -> None:
        self.skipped[self._of.names[sentence]] = why

    def labels(self, *, labels: str = "auto", opposed: bool = False) -> Labels:
        places = np.array(self.places, np.int64).reshape(-1, 3)
        numeric = _are_numbers(self.values, labels)
        values = np.empty(len(self.values), object)
        values[:] = [to_number(each) for each in self.values] if numeric else [_name(each) for each in self.values]
        sentences, words, heads = (np.ascontiguousarray(each) for each in places.T)
        return Labels(self.unit, sentences, words, heads, values, numeric, opposed, self.skipped)


def labels_of(sentences: Sentences, concept: Concept, *, options: ActivationsOptions) -> Labels:
    """Label the units of sentences by a concept; see ``docs/probing.md`` for the names."""
    if callable(concept):
        return _by_rule(sentences, concept, opposed=False, labels=options.labels)
    name, equals, value = (each.strip() for each in concept.partition("="))
    if equals and name in GIVEN and not value:
        what = f"The concept {concept!r} has nothing after the equals sign."
        raise OptionError(what, expected=f"{name}=VALUE")
    if name == "column" or (not equals and name not in PLAIN and not _is_set(name)):
        return _of_column(sentences, value or name, options=options)
    if equals and name not in GIVEN:
        return _of_value(sentences, name, value, options=options)
    if name == "arcs":
        return _arcs(sentences)
    if name == "senses":
        return _senses(sentences, value)
    if name in ("position", "length", "frequency"):
        return _numbers(sentences, name)
    return _rule(sentences, name, value, options=options)


def _is_set(name: str) -> bool:
    return name in word_rules.WORD_SETS or name in word_rules.TAG_SETS


def _rule(sentences: Sentences, name: str, value: str, *, options: ActivationsOptions) -> Labels:
    """Label words by a rule that has a name."""
    if name == "pattern" or name in word_rules.TAG_SETS:
        of_tags = word_rules.tag_pattern(value) if name == "pattern" else word_rules.TAG_SETS[name]
        return _by_tags(sentences, of_tags, opposed=name == "pattern", options=options)
    if name == "frequency-bins":
        counts = _counts(sentences)
        bins = word_rules.frequency_bins(counts)
        return _by_rule(sentences, lambda words: [bins[each.lower()] for each in words], opposed=False)
    given = tuple(each.strip() for each in value.split(",") if each.strip())
    if name == "suffix":
        return _by_rule(sentences, word_rules.suffix(given or SUFFIXES), opposed=False)
    if name == "words":
        return _by_rule(sentences, word_rules.one_of(given, "match"), opposed=True)
    if name == "regex":
        return _by_rule(sentences, word_rules.matching(value), opposed=True)
    return _by_rule(sentences, word_rules.WORD_SETS[name], opposed=name != "gendered")


def _by_rule(sentences: Sentences, rule: Rule, *, opposed: bool, labels: str = "classes") -> Labels:
    units = _Units(sentences, unit="word")
    for number, words in enumerate(sentences.words):
        found = rule(words)
        if len(found) != len(words):
            what = f"The rule gave {len(found)} labels for the {len(words)} words of {sentences.names[number]}."
            raise ProbingError(what, expected="a label, or None, for each word")
        for place, value in enumerate(found):
            units.add(number, value, word=place)
    return units.labels(labels=labels, opposed=opposed)


def _by_tags(
    sentences: Sentences, rule: word_rules.TagRule, *, opposed: bool, options: ActivationsOptions
) -> Labels:
    column = _tag_column(sentences, options)
    if column is None:
        what = "The concept looks at tags, and the sentences have no column of tags."
        listed = ", ".join(map(repr, sentences.columns)) or "none"
        raise ProbingError(
            what,
            expected=f"one of {', '.join(TAG_COLUMNS)}; there are {listed}",
            hint="activations.tag_column=NAME",
        )
    units = _Units(sentences, unit="word")
    for number, (words, tags) in enumerate(zip(sentences.words, sentences.columns[column], strict=True)):
        if len(tags) != len(words):
            units.skip(number, _differing(words, tags, column))
            continue
        for place, value in enumerate(rule(words, ["" if is_null(each) else str(each) for each in tags])):
            units.add(number, value, word=place)
    return units.labels(labels="classes", opposed=opposed)


def _tag_column(sentences: Sentences, options: ActivationsOptions) -> str | None:
    wanted = (options.tag_column,) if options.tag_column else TAG_COLUMNS
    return next((each for each in wanted if each in sentences.columns), None)


def _differing(words: Sequence[str], values: Sequence[object], column: str) -> str:
    return f"{len(words)} words and {len(values)} values of {column!r}"


def _of_column(sentences: Sentences, name: str, *, options: ActivationsOptions, value: str | None = None) -> Labels:
    """Label words or sentences by a column; with a value, by whether it has that one."""

    def label(given: object) -> object:
        if is_null(given) or value is None:
            return given
        return value if _name(given) == value else word_rules.OTHER

    how = options.labels if value is None else "classes"
    if name in sentences.columns:
        units = _Units(sentences, unit="word")
        for number, (words, values) in enumerate(zip(sentences.words, sentences.columns[name], strict=True)):
            if len(values) != len(words):
                units.skip(number, _differing(words, values, name) if values else f"no {name!r}")
                continue
            for place, each in enumerate(values):
                units.add(number, label(each), word=place)
        return units.labels(labels=how, opposed=value is not None)
    if name in sentences.fields:
        units = _Units(sentences, unit="sentence")
        for number, each in enumerate(sentences.fields[name]):
            units.add(number, label(each))
        return units.labels(labels=how, opposed=value is not None)
    column = _tag_column(sentences, options)
    if value is None and column is not None and any(name in tags for tags in sentences.columns[column]):
        return _of_column(sentences, column, options=options, value=name)
    raise _unknown(sentences, name)


def _of_value(sentences: Sentences, name: str, value: str, *, options: ActivationsOptions) -> Labels:
    labels = _of_column(sentences, name, options=options, value=value)
    if value not in set(labels.values.tolist()):
        there = Counter(map(_name, _values(sentences, name)))
        known = [each for each, _ in there.most_common(200)]
        what = f"No unit has the value {value!r} of {name!r}."
        raise ProbingError(what, expected="a value of the column", hint=f"The nearest: {nearest(value, known)}.")
    return labels


def _values(sentences: Sentences, name: str) -> list[object]:
    if name in sentences.columns:
        return [each for values in sentences.columns[name] for each in values if not is_null(each)]
    return [each for each in sentences.fields[name] if not is_null(each)]


def _unknown(sentences: Sentences, name: str) -> OptionError:
    known = [*sentences.columns, *sentences.fields, *PLAIN, *word_rules.WORD_SETS, *word_rules.TAG_SETS]
    what = f"There is no concept {name!r}, nor a column of the data with that name."
    columns = ", ".join([*sentences.columns, *sentences.fields]) or "none"
    rules = ", ".join([*PLAIN, *word_rules.WORD_SETS, *word_rules.TAG_SETS, "words=", "regex=", "pattern="])
    expected = f"a column ({columns}), COLUMN=VALUE, or one of {rules}"
    hint = f"The nearest: {nearest(name, known)}."
    for column in (*sentences.columns, *sentences.fields):
        values = Counter(map(_name, _values(sentences, column)))
        if same := [each for each, _ in values.most_common() if each.casefold() == name.casefold()]:
            hint = f"It is a value of a column: {column}={same[0]}."
            break
    return OptionError(what, expected=expected, hint=hint)


def _arcs(sentences: Sentences) -> Labels:
    """Label pairs of a word and its head by their relation; roots and punctuation are left out."""
    head_column = next((each for each in HEAD_COLUMNS if each in sentences.columns), None)
    column = next((each for each in RELATION_COLUMNS if each in sentences.columns), None)
    if head_column is None or column is None:
        what = "The data have no arcs."
        listed = ", ".join(map(repr, sentences.columns)) or "none"
        expected = f"columns of heads ({', '.join(HEAD_COLUMNS)}) and of relations ({', '.join(RELATION_COLUMNS)})"
        raise ProbingError(what, expected=f"{expected}; there are {listed}")
    units = _Units(sentences, unit="pair")
    for number, words in enumerate(sentences.words):
        heads, relations = sentences.columns[head_column][number], sentences.columns[column][number]
        if len(heads) != len(words) or len(relations) != len(words):
            units.skip(number, f"{len(words)} words, {len(heads)} heads and {len(relations)} relations")
            continue
        places = [_head(each) for each in heads]
        if any(place is None or not -1 <= place < len(words) for place in places):
            units.skip(number, "a head that is no word of the sentence")
            continue
        for place, (head, relation) in enumerate(zip(places, relations, strict=True)):
            plain = str(relation).lower().partition(":")[0]
            if head is not None and head >= 0 and head != place and plain not in NO_RELATION:
                units.add(number, relation, word=place, head=head)
    return units.labels(labels="classes")


def _head(value: object) -> int | None:
    """Read the place of a head; -1 for the root, which is 0 in the data."""
    number = to_number(value)
    return None if number is None or number % 1 else int(number) - 1


def _senses(sentences: Sentences, word: str) -> Labels:
    """Label the occurrences of a word, or whole sentences, by the file they are in."""
    files = list(dict.fromkeys(sentences.fields.get(SOURCE, [])))
    if len(files) < 2:
        what = f"Senses are distinguished by files, and all sentences are in {files[0]!r}."
        raise ProbingError(what, expected="a file of sentences for each sense")
    units = _Units(sentences, unit="word" if word else "sentence")
    for number, source in enumerate(sentences.fields[SOURCE]):
        if not word:
            units.add(number, source)
            continue
        places = [place for place, each in enumerate(sentences.words[number]) if each.lower() == word.lower()]
        if not places:
            units.skip(number, f"no {word!r}")
        for place in places:
            units.add(number, source, word=place)
    return units.labels(labels="classes")


def _numbers(sentences: Sentences, name: str) -> Labels:
    """Give words their relative place or the logarithm of their frequency, sentences their length."""
    units = _Units(sentences, unit="sentence" if name == "length" else "word")
    counts = _counts(sentences) if name == "frequency" else Counter()
    for number, words in enumerate(sentences.words):
        if name == "length":
            units.add(number, float(len(words)))
            continue
        for place, word in enumerate(words):
            if name == "frequency":
                units.add(number, math.log10(counts[word.lower()]), word=place)
            elif len(words) > 1:
                units.add(number, place / (len(words) - 1), word=place)
    return units.labels(labels="numbers")


def _counts(sentences: Sentences) -> Counter[str]:
    return Counter(word.lower() for words in sentences.words for word in words)


def _are_numbers(values: Sequence[object], labels: str) -> bool:
    """Tell numbers from classes; whole numbers that are few are classes."""
    if labels == "classes":
        return False
    read = [to_number(each) for each in values]
    if None in read or not read:
        if labels == "numbers":
            odd = next((each for each, number in zip(values, read, strict=True) if number is None), "none")
            what = f"Labels are to be numbers, and one is {str(odd)[:60]!r}."
            raise ProbingError(what, expected="numbers", hint="activations.labels=classes")
        return False
    whole = all(each is not None and each % 1 == 0 for each in read)
    return labels == "numbers" or not whole or len(set(read)) > MOST_WHOLE


def _name(value: object) -> str:
    """Name a class; whole numbers are written alike whether a file holds them as 4 or 4.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
