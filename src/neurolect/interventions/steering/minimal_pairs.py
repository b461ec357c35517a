"""Minimal pairs: beginnings that differ in one value, and the form of the next word that each asks for."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurolect.corpus import PrepareOptions
from neurolect.corpus.reading.rows import RowReader
from neurolect.corpus.reading.sources import find_sources
from neurolect.errors import OptionError, nearest


class Pair(NamedTuple):
    """Two beginnings and the next word of each; which of the two is first is the same for all pairs of a kind."""

    contexts: tuple[str, str]
    forms: tuple[str, str]
    template: str


class _Rule(NamedTuple):
    """How pairs of one kind are made."""

    values: tuple[str, str]
    templates: tuple[tuple[str, str, str], ...]
    """With ``N`` for the word that differs and perhaps ``S``; the two forms that follow."""
    held_out: tuple[tuple[str, str, str], ...]
    words: tuple[tuple[str, str], ...]
    subjects: tuple[str, ...] = ("",)


_RULES = {
    "number": _Rule(
        ("singular", "plural"),
        (
            ("The N", "is", "are"), ("The old N", "was", "were"), ("I think that the N", "has", "have"),
            ("Yesterday the N", "was", "were"), ("My friend said that the N", "is", "are"),
            ("At the end of the day the N", "has", "have"), ("We all know that your N", "is", "are"),
        ),
        (
            ("In this picture the N", "is", "are"), ("Nobody believed that the new N", "was", "were"),
            ("The N near the door", "is", "are"), ("For many years our N", "has", "have"),
        ),
        (
            ("dog", "dogs"), ("house", "houses"), ("teacher", "teachers"), ("car", "cars"), ("book", "books"),
            ("friend", "friends"), ("child", "children"), ("city", "cities"), ("king", "kings"), ("man", "men"),
            ("letter", "letters"), ("window", "windows"), ("doctor", "doctors"), ("ship", "ships"),
            ("tree", "trees"), ("machine", "machines"), ("woman", "women"), ("horse", "horses"), ("plan", "plans"),
            ("farmer", "farmers"), ("story", "stories"), ("river", "rivers"), ("student", "students"),
            ("game", "games"), ("town", "towns"), ("soldier", "soldiers"), ("door", "doors"), ("idea", "ideas"),
        ),
    ),
    "gender": _Rule(
        ("male", "female"),
        (
            ("The N said that", "he", "she"), ("The N was tired because", "he", "she"),
            ("The N lost", "his", "her"),
            ("Everyone liked the N because", "he", "she"), ("The old N opened", "his", "her"),
            ("When the N came home,", "he", "she"), ("The N went to the market with", "his", "her"),
        ),
        (
            ("The N was late since", "he", "she"), ("The young N put on", "his", "her"),
            ("Before the N left,", "he", "she"), ("I met the N and", "his", "her"),
        ),
        (
            ("man", "woman"), ("boy", "girl"), ("father", "mother"), ("king", "queen"), ("brother", "sister"),
            ("uncle", "aunt"), ("husband", "wife"), ("actor", "actress"), ("prince", "princess"),
            ("grandfather", "grandmother"), ("son", "daughter"), ("lord", "lady"), ("waiter", "waitress"),
            ("nephew", "niece"), ("gentleman", "lady"), ("monk", "nun"), ("groom", "bride"), ("wizard", "witch"),
            ("policeman", "policewoman"), ("businessman", "businesswoman"), ("hero", "heroine"),
            ("host", "hostess"),
            ("emperor", "empress"), ("duke", "duchess"), ("widower", "widow"), ("god", "goddess"),
            ("grandson", "granddaughter"), ("salesman", "saleswoman"),
        ),
    ),
    "tense": _Rule(
        ("past", "present"),
        (
            ("N the S", "was", "is"), ("N, the S", "was", "is"), ("N our S", "had", "has"),
            ("People say that N the S", "was", "is"), ("N the whole S", "was", "is"),
        ),
        (("N every S", "was", "is"), ("It is known that N the S", "had", "has"), ("N, our old S", "was", "is")),
        (
            ("yesterday", "today"), ("last year", "this year"), ("in those days", "these days"),
            ("last week", "this week"), ("a century ago", "nowadays"), ("long ago", "right now"),
            ("back then", "now"), ("in 1850", "currently"),
        ),
        (
            "city", "school", "family", "weather", "market", "road", "church", "house", "farm", "village", "garden",
            "river", "company", "king", "team", "food",
        ),
    ),
}  # fmt: skip
KINDS = tuple(_RULES)
_COLUMNS = ("context_a", "context_b", "form_a", "form_b")


def minimal_pairs(kind: str | Path, *, n: int, seed: int) -> tuple[list[Pair], list[Pair], tuple[str, str]]:
    """Make pairs to look with and held-out pairs, of other templates and other words; or read them from a file.

    ``kind``: ``number``, ``gender``, ``tense``, or a file with ``context_a``, ``context_b``, ``form_a``, ``form_b``
    and perhaps ``template``. ``n``: of each part at most, drawn by the seed. Returns: also the names of
    the two values.
    """
    if str(kind) in _RULES:
        rule = _RULES[str(kind)]
        parts, values = [_made(rule, held_out=each) for each in (False, True)], rule.values
    elif Path(kind).is_file():
        parts, values = _read(Path(kind)), ("a", "b")
    else:
        what = f"There is no kind of minimal pairs {str(kind)!r}, and no such file."
        hint = f"The nearest: {nearest(str(kind), KINDS)}."
        raise OptionError(
            what, expected=f"one of {', '.join(KINDS)}, or a file with {', '.join(_COLUMNS)}", hint=hint
        )
    random = np.random.default_rng([seed, 30])
    chosen = [[own[each] for each in np.sort(random.permutation(len(own))[:n]).tolist()] for own in parts]
    return chosen[0], chosen[1], values


def _made(rule: _Rule, *, held_out: bool) -> list[Pair]:
    """Put words into templates; every second word and subject is held out."""
    templates = rule.held_out if held_out else rule.templates
    words = rule.words[1::2] if held_out else rule.words[::2]
    subjects = rule.subjects if len(rule.subjects) == 1 else rule.subjects[1::2] if held_out else rule.subjects[::2]
    found = []
    for (text, *forms), pair, subject in product(templates, words, subjects):
        contexts = [_filled(text, word, subject) for word in pair]
        found.append(Pair((contexts[0], contexts[1]), (forms[0], forms[1]), text))
    return found


def _filled(template: str, word: str, subject: str) -> str:
    words = {"N": word, "S": subject}
    text = " ".join(
        words.get(each.rstrip(","), each.rstrip(",")) + each[len(each.rstrip(",")) :] for each in template.split()
    )
    return text[:1].upper() + text[1:]


def _read(path: Path) -> list[list[Pair]]:
    """Read pairs; those of every second template are held out, or every second one where no template is named."""
    reader, found = RowReader(PrepareOptions()), list[Pair]()
    for source in find_sources([path]):
        for row in reader.rows(source):
            given = [row.get(name) for name in _COLUMNS]
            if any(not isinstance(each, str) or not each.strip() for each in given):
                what = f"Row {len(found) + 1} of {path} has {dict(zip(_COLUMNS, given, strict=True))}."
                raise OptionError(what, expected=f"a text in each of {', '.join(_COLUMNS)}")
            one, other, form, other_form = (str(each).strip() for each in given)
            found.append(Pair((one, other), (form, other_form), str(row.get("template", len(found)))))
    names = list(dict.fromkeys(each.template for each in found))
    if len(names) < 2:
        what = f"{path} has {len(found):,} pairs of {len(names):,} templates."
        raise OptionError(what, expected="pairs of two templates at least: one is held out")
    held = set(names[1::2])
    return [[each for each in found if (each.template in held) == own] for own in (False, True)]


def count_templates(pairs: Sequence[Pair]) -> int:
    """Count the templates of pairs."""
    return len({each.template for each in pairs})
