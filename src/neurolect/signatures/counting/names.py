"""A short name for a list: what most of its strongest sentences hold and few others do.

A name's first part is one condition, or a few words of which each sentence has one; candidates of all kinds compete
by how many of the strongest 10 sentences they cover and how much they diverge from the background at the peak.
What is in the sentences goes before where they come from.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from neurolect.signatures.counting.candidates import Candidate

GRADES = ((0.7, 0.12), (0.7, 0.2), (0.6, 0.2), (0.7, 0.3))
"""Shares of the strongest 10 sentences that a first part covers at least, and of the background's at most."""
LEAST = 0.4
"""Share of the strongest 10 below which what covers most is no theme."""
MAX_WORDS = 5
"""Words of a first part of which every sentence has one."""
WORDS_DISCOUNT = 0.7
"""Several words say less than one condition that covers as much."""
PHRASE_STRENGTH = 0.7
"""Bits of a phrase, of its strongest word's, from which it stands for its words."""
MIN_OWN = 0.1
"""Share of the strongest 100 that a word among several has at least, or twice that of the strongest 10."""
SETTING = 0.6
"""A further part holds for at least this share of the strongest 10."""
EACH_OF_TWO, OF_BOTH = 0.3, 0.8
"""Two themes lead together where each adds so much to the strongest 10 and both cover so much."""
WEAK = 0.3
"""What covers less of the strongest 10 is not worth saying."""
SHORTEST_SPELT = 5
"""Letters of a word from which another spelling is looked for."""
AT = "at "
"""Before the words at which the neuron is strongest."""
NO_THEME = "no clear theme"
OF_LAYER = ", as most of its layer"
DOT = " \u00b7 "


class Condition(NamedTuple):
    """What a sentence has to hold, as data."""

    part: int
    """Part of the name, from 0; conditions of one part are alternatives."""
    kind: str
    """Kind of evidence."""
    label: str


class Name(NamedTuple):
    """A name and what it rests on."""

    text: str
    kind: str
    """``word``, ``phrase``, ``part of speech``, ``metadata:<field>``, ``length``, ``constant``, ``none``, ..."""
    z: float
    """Log-odds z of the leading evidence; NaN where there is none."""
    conditions: tuple[Condition, ...] = ()
    share_10: float = float("nan")
    """Share of the strongest 10 sentences that hold the first part; NaN where there is none."""
    share_100: float = float("nan")
    share: float = float("nan")
    """Share of the whole list; NaN where several alternatives lead."""


class Stated(NamedTuple):
    """A candidate that is neither a term nor a value of a field, and how names say it."""

    candidate: Candidate
    kind: str
    """What the name's kind is where it leads."""
    text: str
    """The name where it leads."""
    detail: str
    """What it is called behind a name that another leads."""
    is_origin: bool = False
    """Whether it says where sentences come from."""


class ListEvidence(NamedTuple):
    """What is known of one list; candidates by bits, most first."""

    words: list[Candidate]
    phrases: list[Candidate]
    metadata: list[tuple[str, Candidate]]
    """With the field of each."""
    stated: list[list[Stated]]
    """Of every other kind."""
    firing: Sequence[Candidate] = ()
    """Words at which it fires."""
    n_sentences: int = 100
    """Sentences of the list."""
    silent: str | None = None
    """Why the list has no theme: the name it gets instead."""


class Part(NamedTuple):
    """One part of a name."""

    candidates: tuple[Candidate, ...]
    """Alternatives."""
    kind: str
    text: str
    detail: str
    """The same behind another part."""
    is_origin: bool = False
    """Whether it says where sentences come from."""
    is_one_document: bool = False
    is_place: bool = False
    """Whether it says where in their documents they are."""
    other_kind: str = ""
    """Of the second of two themes."""


class _Scored(NamedTuple):
    part: Part
    share_10: float
    share_100: float
    bits: float
    usual: float
    """Share of the background's sentences that hold it."""

    def is_good(self, grade: int) -> bool:
        """Tell whether it covers enough of the strongest 10 and is rare enough elsewhere."""
        covered, rare = GRADES[grade]
        return self.share_10 >= covered - 1e-9 and self.usual <= rare


def name_of(evidence: ListEvidence, gathered: "_Gathered", *, n_details: int = 0) -> Name:
    """Put a name together.

    ``n_details``: So many further pieces of evidence follow the name, to distinguish it from others like it.
    Returns: ``no clear theme`` where nothing passes, or nothing that passes covers 4 of the strongest 10: then the
        best of it follows, with what it covers.
    """
    if evidence.silent is not None:
        return Name(evidence.silent, evidence.silent.partition(":")[0], float("nan"))
    first = _first(gathered, evidence.n_sentences)
    if first is None or first.share_10 < LEAST - 1e-9:
        says = first is not None and first.share_10 >= WEAK - 1e-9
        weak = [first.part.detail + _coverage(first, evidence.n_sentences)] if first is not None and says else []
        return Name(DOT.join([NO_THEME, *weak]), "none", float("nan"))
    parts = [first, *_further(first, gathered, n_content=1 + n_details)]
    texts = [first.part.text, *(each.part.detail for each in parts[1:])]
    said = zip(texts, parts, strict=True)
    return Name(
        DOT.join(text + _coverage(each, evidence.n_sentences) for text, each in said),
        first.part.kind,
        max(each.z for each in first.part.candidates),
        tuple(
            Condition(number, *candidate.condition)
            for number, each in enumerate(parts)
            for candidate in each.part.candidates
        ),
        first.share_10,
        first.share_100,
        first.part.candidates[0].share if len(first.part.candidates) == 1 else float("nan"),
    )


class _Gathered(NamedTuple):
    """What may be said of a list."""

    content: list[_Scored]
    """What is in the sentences, most bits first."""
    origins: list[_Scored]
    """Where they come from, most bits first; single documents last."""
    of_layer: list[_Scored]
    """What is in the sentences as in those of most lists of the layer, most bits first."""


def gather(evidence: ListEvidence, *, origin: str = "after") -> _Gathered:
    """Prepare the parts of a name.

    ``origin``: ``after`` says where the sentences come from after what is in them; ``off`` does not.
    """
    origins = _origins(evidence) if origin == "after" else []
    return _Gathered(_content(evidence), origins, _of_layer(evidence))


def _content(evidence: ListEvidence) -> list[_Scored]:
    terms = _terms(evidence)
    parts = [_term_part(each) for each in terms]
    firing = [each for each in evidence.firing if each.passes]
    parts += [Part((each,), "firing word", _quoted([each], AT), _quoted([each], AT)) for each in firing]
    parts += [
        Part((each.candidate,), each.kind, each.text, each.detail)
        for of_kind in evidence.stated
        for each in of_kind
        if each.candidate.passes and not each.is_origin
    ]
    scored = [_scored(part, evidence.n_sentences) for part in parts]
    scored += _spellings(terms, evidence.n_sentences)
    several = (
        _several(terms, evidence.n_sentences),
        _several(firing, evidence.n_sentences, kind="firing word", before=AT),
    )
    scored += [each for each in several if each is not None]
    return sorted(scored, key=lambda each: -each.bits)


def _of_layer(evidence: ListEvidence) -> list[_Scored]:
    """Give the lengths that pooling alone may give."""
    every = [each for of_kind in evidence.stated for each in of_kind if each.candidate.of_layer]
    parts = [Part((each.candidate,), each.kind, each.text + OF_LAYER, each.detail) for each in every]
    return sorted((_scored(part, evidence.n_sentences) for part in parts), key=lambda each: -each.bits)


def _term_part(term: Candidate) -> Part:
    return Part((term,), "phrase" if len(term.items) > 1 else "word", _quoted([term]), _quoted([term]))


def _scored(part: Part, n_sentences: int) -> _Scored:
    (one,) = part.candidates
    return _Scored(part, *_shares(one.places, n_sentences), one.bits, one.usual)


def _shares(places: int, n_sentences: int) -> tuple[float, float]:
    at_10 = (places & _FIRST_10).bit_count() / max(min(10, n_sentences), 1)
    return at_10, places.bit_count() / max(min(100, n_sentences), 1)


_FIRST_10 = (1 << 10) - 1


def _several(
    terms: Sequence[Candidate], n_sentences: int, *, kind: str = "word", before: str = ""
) -> _Scored | None:
    """Join words, those first that add most: each sentence of the theme has one of them.

    ``before``: What the name says before them.
    """
    words = [each for each in terms if len(each.items) == 1 and _is_common_here(each, n_sentences)]
    chosen: list[Candidate] = []
    best = _Scored(Part((), kind, "", ""), 0.0, 0.0, 0.0, 0.0)
    held, without, without_here = 0, 1.0, 1.0  # what is covered; shares of sentences without any of the words
    while len(chosen) < MAX_WORDS and (best.share_10 < GRADES[0][0] or len(chosen) < 2):
        steps = []
        for word in words:
            usual = 1.0 - without * (1.0 - word.usual)
            if usual <= GRADES[1][1] and word not in chosen:
                shares = _shares(held | word.places, n_sentences)
                expected = 1.0 - without_here * (1.0 - word.expected)
                bits = WORDS_DISCOUNT * sum(bits_of(share, expected) for share in shares)
                steps.append((bits, word, _Scored(best.part, *shares, bits, usual)))
        if not steps:
            break
        bits, word, step = max(steps, key=lambda each: each[0])
        if bits <= best.bits or (chosen and step.share_10 <= best.share_10):
            break
        chosen, best, held = [*chosen, word], step, held | word.places
        without, without_here = without * (1.0 - word.usual), without_here * (1.0 - word.expected)
        words = [each for each in words if not _same_stem(each.label, word.label)]
    if len(chosen) < 2:
        return None
    text = _quoted(chosen, before)
    return best._replace(part=Part(tuple(chosen), kind, text, text))


def _spellings(terms: Sequence[Candidate], n_sentences: int) -> list[_Scored]:
    """Join the two spellings of a word, as in color and colour; they are one word, and lose nothing by it."""
    words = [each for each in terms if len(each.items) == 1 and len(each.label) >= SHORTEST_SPELT]
    pairs = ((one, other) for one, other in combinations(words, 2) if same_but_for_spelling(one.label, other.label))
    return [_joined(Part(pair, "word", _quoted(pair), _quoted(pair)), n_sentences) for pair in pairs]


def _joined(part: Part, n_sentences: int, *, discount: float = 1.0) -> _Scored:
    """Score a part of which each sentence has one alternative."""
    held, expected, usual = 0, 1.0, 1.0
    for each in part.candidates:
        held, expected, usual = held | each.places, expected * (1 - each.expected), usual * (1 - each.usual)
    shares = _shares(held, n_sentences)
    bits = discount * sum(bits_of(share, 1 - expected) for share in shares)
    return _Scored(part, *shares, bits, 1 - usual)


def _either(content: Sequence[_Scored], n_sentences: int) -> _Scored | None:
    """Join two themes of different kinds in a list in which nearly every sentence has one, and neither has most."""
    best: _Scored | None = None
    for pair in combinations([each for each in content if each.share_10 >= EACH_OF_TWO - 1e-9], 2):
        one, other = (each.part for each in sorted(pair, key=lambda each: -each.share_10))
        least = max(OF_BOTH, max(each.share_10 for each in pair) + EACH_OF_TWO) - 1e-9
        if one.kind == other.kind or _shares(_places(one) | _places(other), n_sentences)[0] < least:
            continue
        text = f"{one.text}, or {other.text}"
        part = Part(one.candidates + other.candidates, one.kind, text, text, other_kind=other.kind)
        found = _joined(part, n_sentences, discount=WORDS_DISCOUNT)
        if found.usual <= GRADES[1][1] and (best is None or found.bits > best.bits):
            best = found
    return best


def _places(part: Part) -> int:
    places = 0
    for each in part.candidates:
        places |= each.places
    return places


def bits_of(share: float, background: float) -> float:
    """Give what :func:`~neurolect.statistics.scores.share_bits` gives, of one pair of shares."""
    p, q = min(max(share, 1e-6), 1 - 1e-6), min(max(background, 1e-6), 1 - 1e-6)
    return p * math.log2(p / q) + (1 - p) * math.log2((1 - p) / (1 - q)) if p > q else 0.0


def _is_common_here(term: Candidate, n_sentences: int) -> bool:
    at_10, at_100 = _shares(term.places, n_sentences)
    return at_10 >= 2 * MIN_OWN or at_100 >= MIN_OWN


def _origins(evidence: ListEvidence) -> list[_Scored]:
    """Give the parts that say where sentences come from, most bits first; single documents last."""
    found = []
    for field, value in evidence.metadata:
        alone = value.n_documents == 1
        if value.passes or alone:
            text = f"{field} = {value.label}"
            part = Part(
                (value,),
                f"metadata:{field}",
                f"one document: {text}" if alone else text,
                f"one document: {text}" if alone else f"{field} {value.label}",
                is_origin=True,
                is_one_document=alone,
            )
            found.append(_scored(part, evidence.n_sentences))
    found += _two_values([each for each in found if not each.part.is_one_document], evidence.n_sentences)
    stated = [each for of_kind in evidence.stated for each in of_kind if each.is_origin and each.candidate.passes]
    parts = [
        Part((each.candidate,), each.kind, each.text, each.detail, is_origin=True, is_place=True) for each in stated
    ]
    found += [_scored(part, evidence.n_sentences) for part in parts]
    return sorted(found, key=lambda each: (each.part.is_one_document, -each.bits))


def _two_values(values: Sequence[_Scored], n_sentences: int) -> list[_Scored]:
    """Join the two strongest values of each field."""
    by_field: dict[str, list[_Scored]] = {}
    for each in values:
        by_field.setdefault(each.part.kind, []).append(each)
    found = []
    for kind, of_field in by_field.items():
        if len(of_field) > 1:
            one, other = (each.part.candidates[0] for each in of_field[:2])
            labels = f"{one.label} or {other.label}"
            field = kind.partition(":")[2]
            part = Part((one, other), kind, f"{field} = {labels}", f"{field} {labels}", is_origin=True)
            shares, expected = _shares(one.places | other.places, n_sentences), one.expected + other.expected
            bits = WORDS_DISCOUNT * sum(bits_of(share, expected) for share in shares)
            found.append(_Scored(part, *shares, bits, one.usual + other.usual))
    return found


def _first(gathered: _Gathered, n_sentences: int) -> _Scored | None:
    """Choose what leads: the most telling of those that cover most of the strongest sentences."""
    content, origins, of_layer = gathered
    several = [each for each in origins if not each.part.is_one_document and not each.part.is_place]
    places = [each for each in origins if each.part.is_place]
    own = [(grade, parts) for grades in ((0, 1), (3, 2)) for parts in (content, several) for grade in grades]
    for place, (grade, parts) in enumerate((*own, (1, places), (1, of_layer), (3, of_layer))):
        found = next((each for each in parts if each.is_good(grade)), None)
        if found is None and place == len(own) // 2 - 1:  # no theme alone covers enough, and is rare enough
            found = _either(content, n_sentences)
        if found is not None:
            return found
    rest = [*content, *several, *places]
    if rest:
        return max(rest, key=lambda each: each.share_10 * (1.0 - each.usual) ** 4)
    return next((each for each in origins if each.share_10 >= SETTING), None)


def _further(first: _Scored, gathered: _Gathered, *, n_content: int) -> list[_Scored]:
    """Choose what is said besides: of another kind, true of most of the strongest sentences, not said yet.

    What is in the sentences goes before where they come from. Behind what most lists of the layer have, the
    strongest piece of the list's own is said, whatever it covers.
    """
    content, origins = gathered.content, gathered.origins
    found = content[:1] if first.part.candidates[0].of_layer else []
    for parts, most in ((content, n_content), (_settings(origins, first), n_content + 1)):
        for each in parts:
            covers = len(found) < most and each.share_10 >= SETTING - 1e-9
            if covers and all(_is_new(each.part, one.part) for one in (first, *found)):
                found.append(each)
    return found


def _settings(origins: Sequence[_Scored], first: _Scored) -> list[_Scored]:
    return [] if first.part.is_origin else [each for each in origins if not each.part.is_one_document][:1]


def _is_new(part: Part, said: Part) -> bool:
    if part.is_origin and said.is_origin:
        return part.kind != said.kind
    if any(f'"{one.label}"'.casefold() in said.text.casefold() for one in part.candidates):
        return False
    words = {candidate.label.casefold() for candidate in said.candidates for _ in candidate.items}
    if any(_same_stem(one.label, other) for one in part.candidates if one.items for other in words):
        return False
    return part.kind not in (said.kind, said.other_kind) or bool(part.candidates[0].items)


def _terms(evidence: ListEvidence) -> list[Candidate]:
    """Join the words and phrases that pass: a phrase stands for its words if it is nearly as strong as they are."""
    words = [each for each in evidence.words if each.passes]
    best = words[0].bits if words else 0.0
    phrases = [each for each in evidence.phrases if each.passes and each.bits >= PHRASE_STRENGTH * best][:1]
    within = {item for phrase in phrases for item in phrase.items}
    return phrases + [word for word in words if not within.intersection(word.items)]


def _same_stem(first: str, second: str) -> bool:
    """Tell whether one word is the other with an ending, as in Olympic and Olympics."""
    short, long = sorted((first.casefold(), second.casefold()), key=len)
    return short == long or (len(short) >= 3 and long.startswith(short) and len(long) - len(short) <= 3)


def same_but_for_spelling(first: str, second: str) -> bool:
    """Tell whether words of five letters or more differ by one letter, or by two that changed places.

    Examples
    --------
    >>> [same_but_for_spelling(*each) for each in (("colour", "color"), ("centre", "center"), ("king", "kings"))]
    [True, True, False]
    """
    if first[0].casefold() != second[0].casefold() or abs(len(first) - len(second)) > 1:
        return False
    one, other = sorted((first.casefold(), second.casefold()), key=len)
    if len(one) < SHORTEST_SPELT or _same_stem(one, other):
        return False
    start = next((place for place, letter in enumerate(one) if letter != other[place]), len(one))
    rest = one[start:], other[start:]
    swapped = len(one) == len(other) and rest[0][:2] == rest[1][1::-1] and rest[0][2:] == rest[1][2:]
    return swapped or rest[0][len(one) == len(other) :] == rest[1][1:]


def _quoted(terms: Sequence[Candidate], before: str = "") -> str:
    """Quote alternatives."""
    quoted = [f'"{each.label}"' for each in terms]
    return before + quoted[0] if len(quoted) == 1 else f"{before}{', '.join(quoted[:-1])} or {quoted[-1]}"


def _coverage(part: _Scored, n_sentences: int) -> str:
    """Say how many of the strongest sentences hold a part that not 7 of 10 hold."""
    if part.share_10 >= GRADES[0][0] - 1e-9:
        return ""
    n = min(10, n_sentences)
    return f" ({round(part.share_10 * n)} of the strongest {n})"
