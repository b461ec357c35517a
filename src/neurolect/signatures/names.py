"""A short name for a list, made from its strongest and most specific evidence.

The kinds of evidence compete in bits (see ``divergence.py``). Where metadata leads, words join the
name only if the list has more of them than its metadata explain; where words lead, a metadata value
that most of the list shares is named beside them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from neurolect.signatures.divergence import share_bits
from neurolect.signatures.naming_evidence import COMMON_WORD, Candidate

__all__ = ["ListEvidence", "Name", "name_list"]


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
SECOND_VALUE = 0.4
"""Bits of a field's second value, of the first's, from which both are named."""
CONTEXT_SHARE = 0.5
"""A metadata value is the setting of words if at least this share of the list has it."""
DOT = " \u00b7 "

TAG_NAMES = {
    "CC": "conjunctions", "CD": "numbers", "DT": "determiners", "EX": "existential 'there'", "FW": "foreign words",
    "IN": "prepositions", "JJ": "adjectives", "JJR": "comparatives", "JJS": "superlatives", "MD": "modal verbs",
    "NN": "singular nouns", "NNP": "proper names", "NNPS": "plural proper names", "NNS": "plural nouns",
    "PDT": "predeterminers", "POS": "possessives", "PRP": "personal pronouns", "PRP$": "possessive pronouns",
    "RB": "adverbs", "RBR": "comparative adverbs", "RBS": "superlative adverbs", "RP": "particles",
    "TO": "infinitive 'to'", "UH": "interjections", "VB": "base-form verbs", "VBD": "past-tense verbs",
    "VBG": "-ing verbs", "VBN": "past participles", "VBP": "present-tense verbs",
    "VBZ": "third-person verbs", "WDT": "wh-determiners", "WP": "wh-pronouns", "WP$": "possessive wh-pronouns",
    "WRB": "wh-adverbs",
}  # fmt: skip


class Name(NamedTuple):
    """A name and what it rests on."""

    text: str
    kind: str
    """``word``, ``phrase``, ``part of speech``, ``metadata:<field>``, ``length``, ``constant`` or ``none``."""
    z: float
    """Log-odds z (of a length: z) of the leading evidence; NaN where there is none."""


class ListEvidence(NamedTuple):
    """What is known of one list; candidates by bits, most first."""

    words: list[Candidate]
    phrases: list[Candidate]
    tags: list[Candidate]
    metadata: list[tuple[str, Candidate]]
    """With the field of each."""
    length: Candidate
    """``label`` says long or short; ``share`` is the mean length."""


Explained = Callable[[str, Candidate, Candidate], float]
"""Share of a list expected to hold a word (last) given the share that has a value (of field, value)."""


def name_list(evidence: ListEvidence, *, explained: Explained) -> Name:
    """Name a list.

    Parameters
    ----------
    evidence : ListEvidence
        Its candidates.
    explained : callable
        Told a field, a value's candidate and a word's: the share of the list that would hold the
        word if it were a draw from the background with as many sentences of that value.

    Returns
    -------
    Name
        ``no clear theme`` where nothing stands out.
    """
    metadata = [(field, each) for field, each in evidence.metadata if each.share >= MIN_SHARE]
    terms = _terms(evidence)
    strengths = {
        "term": SPECIFIC * sum(each.bits * part for each, part in zip(terms, WORD_DISCOUNT, strict=False)),
        "tag": evidence.tags[0].bits if evidence.tags else 0.0,
        "metadata": metadata[0][1].bits if metadata else 0.0,
        "length": evidence.length.bits,
    }
    leader = max(strengths, key=lambda kind: strengths[kind])
    if strengths[leader] < MIN_BITS:
        return Name("no clear theme", "none", float("nan"))
    if leader == "metadata":
        return _metadata_name(metadata, terms, explained)
    if leader == "term":
        return _term_name(terms, metadata, explained)
    beside = _beside(terms, metadata, explained)
    if leader == "tag":
        tag = evidence.tags[0]
        return Name(f"{TAG_NAMES.get(tag.label, 'tag')} ({tag.label}){beside}", "part of speech", tag.z)
    length = evidence.length
    return Name(f"{length.label} sentences (mean {length.share:.1f} words){beside}", "length", length.z)


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
    return len(short) >= 3 and long.startswith(short) and len(long) - len(short) <= 3


def _term_name(terms: list[Candidate], metadata: list[tuple[str, Candidate]], explained: Explained) -> Name:
    first = terms[0]
    shown = [each for each in terms[:3] if each.bits >= 0.3 * first.bits]
    text = _quoted(shown)
    setting = next(((field, value) for field, value in metadata if value.share >= CONTEXT_SHARE), None)
    if setting is not None and setting[1].bits >= max(MIN_BITS, 0.25 * first.bits):
        text += f" in {setting[0]} {setting[1].label}"
    return Name(text, "phrase" if len(first.items) > 1 else "word", first.z)


def _metadata_name(metadata: list[tuple[str, Candidate]], terms: list[Candidate], explained: Explained) -> Name:
    field, value = _with_second(metadata)
    text = f"{field} = {value.label}"
    beyond = _beyond(terms, field, metadata[0][1], explained)
    if beyond and value.share >= CONTEXT_SHARE:
        text += f": {_quoted(beyond)}"
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
        bits = float(share_bits(np.array([term.share]), np.array([expected]))[0])
        if bits >= MIN_BEYOND and term.share >= 1.5 * expected and term.expected <= COMMON_WORD:
            found.append((bits, term))
    found.sort(key=lambda each: -each[0])
    return [term for bits, term in found[:2] if bits >= 0.3 * found[0][0]]


def _beside(terms: list[Candidate], metadata: list[tuple[str, Candidate]], explained: Explained) -> str:
    """Say what else is strong beside a part of speech or a length."""
    if metadata and metadata[0][1].share >= CONTEXT_SHARE and metadata[0][1].bits >= 2 * MIN_BITS:
        field, value = metadata[0]
        return f" in {field} {value.label}"
    strong = [term for term in terms[:2] if term.bits >= 2 * MIN_BITS]
    return f"{DOT}{_quoted(strong)}" if strong else ""


def _quoted(terms: list[Candidate]) -> str:
    return ", ".join(f'"{term.label}"' for term in terms)


def _lift(value: Candidate) -> str:
    times = value.share / max(value.expected, 1e-9)
    return f"lift {times:.0f}" if times >= 9.5 else f"lift {times:.1f}"
