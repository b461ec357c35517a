"""A short name for a list, made from its strongest and most specific evidence.

The kinds of evidence compete in bits (see ``divergence.py``). Where metadata leads, words join the
name only if the list has more of them than its metadata explain; where words lead, a metadata value
that most of the list shares is named next to them.
"""

import math
import re
from collections.abc import Callable
from typing import NamedTuple

from neurolect.signatures.counting.candidates import COMMON_WORD, Candidate

MIN_BITS = 0.06
"""Evidence below this does not make a name."""
MIN_BEYOND = 0.025
"""Bits that a word must have beyond what the metadata explain."""
MIN_SHARE = 0.04
"""Words, patterns and values held by less of the list than this are not named."""
WORD_DISCOUNT = (1.0, 0.5, 0.33)
"""A second and third word add to a name's strength, but they mostly say what the first says."""
SPECIFIC = 1.5
"""Words say more than the metadata they come with: they may lead with fewer bits."""
SPECIFIC_SHARE = 0.1
"""Only those that at least this share of the list holds have this advantage; others tell their share."""
EXTRA_SHARE = 0.08
"""Words are named next to a part of speech or a length if at least this share of the list holds them."""
SECOND_VALUE = 0.4
"""Bits of a field's second value, of the first's, from which both are named."""
CONTEXT_SHARE = 0.5
"""A metadata value is the setting of words if at least this share of the list has it."""
PART_SHARE = 0.3
"""A value that at least this share has is named with its share next to words that few sentences hold."""
DOT = " \u00b7 "


class Name(NamedTuple):
    """A name and what it rests on."""

    text: str
    kind: str
    """``word``, ``phrase``, ``part of speech``, ``metadata:<field>``, ``length``, ``constant`` or ``none``."""
    z: float
    """Log-odds z (of a length: z) of the leading evidence; NaN where there is none."""


class Stated(NamedTuple):
    """A candidate that is neither a term nor a value of a field, and how names say it."""

    candidate: Candidate
    kind: str
    """What the name's kind is where it leads."""
    text: str
    """The name where it leads."""
    detail: str
    """What it is called behind a name that another leads."""
    mark: str
    """A name that has this says it already."""


class ListEvidence(NamedTuple):
    """What is known of one list; candidates by bits, most first."""

    words: list[Candidate]
    phrases: list[Candidate]
    metadata: list[tuple[str, Candidate]]
    """With the field of each."""
    stated: list[list[Stated]]
    """Of every other kind."""
    constant: bool = False
    """Whether the neuron's activation is the same for every sentence."""


Explained = Callable[[str, Candidate, Candidate], float]
"""Share of a list expected to hold a word (last) given the share that has a value (of field, value)."""


def name_list(evidence: ListEvidence, *, explained: Explained, n_details: int = 0) -> Name:
    """Name a list.

    ``explained``: From a field, a value's candidate and a word's: the share of the list that would hold the word if
        it were a draw from the background with as many sentences of that value.
    ``n_details``: So many further pieces of evidence follow the name, to distinguish it from others like it.
    Returns: ``no clear theme`` where nothing is distinctive.
    """
    if evidence.constant:
        return Name("constant: the same activation for every sentence", "constant", float("nan"))
    name = _main_name(evidence, explained)
    if n_details == 0 or name.kind == "none":
        return name
    details = _details(evidence, name.text)[:n_details]
    return name._replace(text=DOT.join([name.text, *details]))


def _main_name(evidence: ListEvidence, explained: Explained) -> Name:
    """Name a list after the kind of evidence that has most bits."""
    metadata = [(field, each) for field, each in evidence.metadata if each.share >= MIN_SHARE]
    terms = _terms(evidence)
    advantage = SPECIFIC if terms and terms[0].share >= SPECIFIC_SHARE else 1.0
    term_bits = advantage * sum(each.bits * part for each, part in zip(terms, WORD_DISCOUNT, strict=False))
    value_bits = metadata[0][1].bits if metadata else 0.0
    stated = max((each[0] for each in evidence.stated if each), key=lambda each: each.candidate.bits, default=None)
    stated_bits = stated.candidate.bits if stated is not None else 0.0
    if max(term_bits, value_bits, stated_bits) < MIN_BITS:
        return Name("no clear theme", "none", float("nan"))
    if term_bits >= max(value_bits, stated_bits):
        return _term_name(terms, metadata)
    if stated is None or value_bits > stated_bits:
        return _metadata_name(metadata, terms, explained)
    return Name(stated.text + _setting(terms, metadata), stated.kind, stated.candidate.z)


def _terms(evidence: ListEvidence) -> list[Candidate]:
    """Join words and phrases: a phrase stands for its words if it is nearly as strong as they are."""
    words = [each for each in evidence.words if each.share >= MIN_SHARE]
    best = words[0].bits if words else 0.0
    phrases = [each for each in evidence.phrases if each.share >= MIN_SHARE and each.bits >= 0.7 * best][:1]
    within = {item for phrase in phrases for item in phrase.items}
    terms = phrases + [word for word in words if not within.intersection(word.items)]
    chosen: list[Candidate] = []
    for term in terms:
        if not any(_same_stem(term.label, other.label) for other in chosen):
            chosen.append(term)
    return chosen


def _same_stem(first: str, second: str) -> bool:
    """Tell whether one word is the other with an ending, as in Olympic and Olympics."""
    short, long = sorted((first.casefold(), second.casefold()), key=len)
    return short == long or (len(short) >= 3 and long.startswith(short) and len(long) - len(short) <= 3)


def _term_name(terms: list[Candidate], metadata: list[tuple[str, Candidate]]) -> Name:
    first = terms[0]
    shown = [each for each in terms[:3] if each.bits >= 0.3 * first.bits]
    is_rare = first.share < SPECIFIC_SHARE
    text = _quoted(shown)
    least = PART_SHARE if is_rare else CONTEXT_SHARE
    setting = next(((field, value) for field, value in metadata if value.share >= least), None)
    if setting is not None and setting[1].bits >= max(MIN_BITS, 0.25 * first.bits):
        field, value = setting
        text += f" in {field} {value.label}" + (f" ({value.share:.0%})" if value.share < CONTEXT_SHARE else "")
    return Name(text, "phrase" if len(first.items) > 1 else "word", first.z)


def _metadata_name(metadata: list[tuple[str, Candidate]], terms: list[Candidate], explained: Explained) -> Name:
    field, value = _with_second(metadata)
    text = f"{field} = {value.label}"
    beyond = _beyond(terms, field, metadata[0][1], explained)
    if beyond and value.share >= CONTEXT_SHARE:
        text += f" ({value.share:.0%}): {_quoted(beyond)}"
    elif beyond:  # the words may be those of other values' sentences
        text += f" ({value.share:.0%}), {_quoted(beyond)}"
    else:
        text += f" ({value.share:.0%}, {_lift(value)})"
    return Name(text, f"metadata:{field}", value.z)


def _with_second(metadata: list[tuple[str, Candidate]]) -> tuple[str, Candidate]:
    """Join the second value of the leading field where one does not hold for most of the list."""
    field, first = metadata[0]
    others = [each for name, each in metadata[1:] if name == field and each.bits >= SECOND_VALUE * first.bits]
    if first.share >= CONTEXT_SHARE or not others:
        return field, first
    second = others[0]
    return field, first._replace(
        label=f"{first.label} or {second.label}",
        share=first.share + second.share,
        expected=first.expected + second.expected,
    )


def _beyond(terms: list[Candidate], field: str, value: Candidate, explained: Explained) -> list[Candidate]:
    """Find the words of which the list has more than its metadata explain."""
    found = []
    for term in terms:
        expected = max(term.expected, explained(field, value, term))
        full = _bits(term.share, term.expected)
        weight = min(term.bits / full, 1.0) if full > 0 else 0.0
        bits = weight * _bits(term.share, expected)
        if bits >= MIN_BEYOND and term.share >= 1.5 * expected and term.expected <= COMMON_WORD:
            found.append((bits, term))
    found.sort(key=lambda each: -each[0])
    return [term for bits, term in found[:2] if bits >= 0.3 * found[0][0]]


def _bits(share: float, background: float) -> float:
    """Give what :func:`~neurolect.statistics.scores.share_bits` gives, of one pair of shares."""
    p, q = (min(max(each, 1e-6), 1 - 1e-6) for each in (share, background))
    return p * math.log2(p / q) + (1 - p) * math.log2((1 - p) / (1 - q)) if p > q else 0.0


def _setting(terms: list[Candidate], metadata: list[tuple[str, Candidate]]) -> str:
    """Say what else is strong next to a part of speech or a length."""
    if metadata and metadata[0][1].share >= CONTEXT_SHARE and metadata[0][1].bits >= 2 * MIN_BITS:
        field, value = metadata[0]
        return f" in {field} {value.label}"
    strong = [term for term in terms[:2] if term.bits >= 2 * MIN_BITS and term.share >= EXTRA_SHARE]
    return f"{DOT}{_quoted(strong)}" if strong else ""


def _details(evidence: ListEvidence, text: str) -> list[str]:
    """Say what else sets a list apart, most bits first, leaving out what the name says already."""
    named = [word for quoted in re.findall(r'"([^"]*)"', text) for word in quoted.split()]
    found = [
        (term.bits, _quoted([term]))
        for term in _terms(evidence)
        if not any(_same_stem(word, other) for word in term.label.split() for other in named)
    ]
    # A second field mostly follows from the first: who wrote a tweet says that it is a tweet.
    strong = [(field, value) for field, value in evidence.metadata if value.share >= PART_SHARE][:1]
    if strong and not any(f"{field} " in text for field, _ in evidence.metadata):
        field, value = strong[0]
        found.append((value.bits, f"{field} {value.label} ({value.share:.0%})"))
    found += [
        (each.candidate.bits, each.detail)
        for of_kind in evidence.stated
        for each in of_kind
        if each.mark not in text
    ]
    found.sort(key=lambda pair: -pair[0])
    return [detail for bits, detail in found if bits >= MIN_BEYOND]


def _quoted(terms: list[Candidate]) -> str:
    return ", ".join(map(_quoted_one, terms))


def _quoted_one(term: Candidate) -> str:
    """Quote a word; one that few sentences hold tells how many, so that no name promises more."""
    return f'"{term.label}"' + (f" ({term.share:.0%})" if term.share < SPECIFIC_SHARE else "")


def _lift(value: Candidate) -> str:
    times = value.share / max(value.expected, 1e-9)
    return f"lift {times:.0f}" if times >= 9.5 else f"lift {times:.1f}"
