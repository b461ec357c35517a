"""Names: what most of the strongest sentences hold and few others do, content first."""

import math

import pytest

from neurolect.signatures.counting.candidates import Candidate
from neurolect.signatures.counting.names import (
    Condition,
    ListEvidence,
    Name,
    Stated,
    bits_of,
    gather,
    name_of,
    same_but_for_spelling,
)
from neurolect.signatures.evidence.length import stated_length
from neurolect.signatures.evidence.patterns import stated_tag_pattern
from neurolect.signatures.evidence.tags import stated_tag


def candidate(
    label: str,
    places: range | set[int],
    usual: float,
    *items: int,
    kind: str = "words",
    z: float = 10.0,
    passes: bool = True,
    n_documents: int = 9,
) -> Candidate:
    """Evidence that the sentences of some ranks hold; bits follow from that."""
    held = sum(1 << place for place in places)
    at_10, at_100 = sum(place < 10 for place in places) / 10, len(places) / 100
    return Candidate(
        label=label,
        share=at_100,
        expected=usual,
        z=z,
        bits=bits_of(at_10, usual) + bits_of(at_100, usual),
        items=items,
        places=held,
        usual=usual,
        passes=passes,
        n_documents=n_documents,
        condition=(kind, label),
    )


def tag(label: str, places: range | set[int], usual: float) -> Stated:
    return stated_tag(candidate(label, places, usual, kind="tags"))


def name(
    words: list[Candidate] | None = None,
    *,
    phrases: list[Candidate] | None = None,
    metadata: list[tuple[str, Candidate]] | None = None,
    stated: list[Stated] | None = None,
    origin: str = "after",
    n_details: int = 0,
) -> Name:
    evidence = ListEvidence(words or [], phrases or [], metadata or [], [[each] for each in stated or []])
    return name_of(evidence, gather(evidence, origin=origin), n_details=n_details)


OLYMPICS = candidate("Olympics", range(8), 0.01, 1, z=25.0)
SPORT = ("topic", candidate("sport", range(9), 0.1, kind="metadata"))


def test_what_is_in_the_sentences_leads_and_their_origin_follows() -> None:
    made = name([OLYMPICS], metadata=[SPORT])
    assert (made.text, made.kind, made.z) == ('"Olympics" \u00b7 topic sport', "word", 25.0)
    assert (made.share_10, made.share_100) == (0.8, 0.08)
    assert made.conditions == (Condition(0, "words", "Olympics"), Condition(1, "metadata", "sport"))
    assert name([OLYMPICS], metadata=[SPORT], origin="off").text == '"Olympics"'


def test_where_they_come_from_leads_where_nothing_in_them_covers_enough() -> None:
    few = candidate("judo", range(3), 0.001, 2)
    made = name([few], metadata=[SPORT])
    assert (made.text, made.kind) == ("topic = sport", "metadata:topic")
    assert (
        name([few], metadata=[SPORT], origin="off").text == 'no clear theme \u00b7 "judo" (3 of the strongest 10)'
    )


def test_several_words_of_which_each_sentence_has_one_are_named_together() -> None:
    words = [
        candidate("oil", {0, 1, 2, 30}, 0.01, 1),
        candidate("crude", {2, 3, 4, 31}, 0.01, 2),
        candidate("barrels", {5, 6, 32}, 0.01, 3),
        candidate("barrel", {5, 6, 33}, 0.01, 4),
    ]
    made = name(words)
    assert made.text == '"oil", "crude" or "barrels"'
    assert (made.share_10, made.kind) == (0.7, "word")
    assert {each.part for each in made.conditions} == {0}


def test_what_half_of_all_sentences_hold_does_not_lead() -> None:
    common = tag("NNP >= 10 %", range(10), 0.45)
    rare = tag("NNP >= 40 %", range(7), 0.05)
    assert name(stated=[common, rare]).text == "many proper names (NNP): at least 40% of the words"


def test_what_does_not_pass_is_not_named() -> None:
    made = name([candidate("chance", range(8), 0.01, 1, passes=False)])
    assert (made.text, made.kind, made.conditions) == ("no clear theme", "none", ())
    assert math.isnan(made.z)
    assert math.isnan(made.share_10)


def test_a_phrase_stands_for_its_words() -> None:
    words = [candidate("United", range(8), 0.02, 1), candidate("States", range(8), 0.02, 2)]
    made = name(words, phrases=[candidate("United States", range(8), 0.015, 1, 2, kind="phrases")])
    assert (made.text, made.kind) == ('"United States"', "phrase")


@pytest.mark.parametrize(
    ("stated", "text"),
    [
        (tag("VBD >= 20 %", range(9), 0.1), "many past-tense verbs (VBD): at least 20% of the words"),
        (tag("noun >= 50 %", range(9), 0.1), "many nouns: at least 50% of the words"),
        (stated_length(candidate("<= 5 words", range(9), 0.1)), "short sentences (at most 5 words)"),
        (stated_length(candidate(">= 40 words", range(9), 0.1)), "long sentences (at least 40 words)"),
        (stated_tag_pattern(candidate("PRP MD", range(9), 0.1)), "pronoun + modal verb (PRP MD)"),
    ],
)
def test_kinds_say_their_candidates(stated: Stated, text: str) -> None:
    assert name(stated=[stated]).text == text


def test_a_single_document_is_named_as_such_and_last() -> None:
    alkane = ("title", candidate("Alkane", range(9), 0.001, kind="metadata", passes=False, n_documents=1))
    assert name(metadata=[alkane]).text == "one document: title = Alkane"
    assert name(metadata=[alkane, SPORT]).text == "topic = sport"


def of_layer(label: str, places: range | set[int], usual: float) -> Stated:
    return stated_length(candidate(label, places, usual, passes=False)._replace(of_layer=True))


def test_what_most_of_the_layer_has_leads_only_where_nothing_else_covers_enough() -> None:
    short = of_layer("<= 8 words", range(9), 0.1)
    few = candidate("judo", range(3), 0.001, 2)
    made = name([few], stated=[short])
    assert (
        made.text == 'short sentences (at most 8 words), as most of its layer \u00b7 "judo" (3 of the strongest 10)'
    )
    assert name([OLYMPICS], stated=[short]).text == '"Olympics"'
    assert name(metadata=[SPORT], stated=[short]).text == "topic = sport"


def test_what_most_of_the_layer_has_leads_before_what_few_of_the_strongest_hold() -> None:
    short = of_layer("<= 8 words", range(8), 0.25)
    assert name(stated=[short, tag("VBZ >= 10 %", range(6), 0.1)]).text.startswith("many third-person")
    made = name(stated=[short, tag("VBZ >= 10 %", range(5), 0.1)])
    assert made.text.startswith("short sentences (at most 8 words), as most of its layer \u00b7 many third-person")
    assert made.share_10 == 0.8
    assert name(stated=[of_layer("<= 12 words", range(8), 0.35)]).text == "no clear theme"


def test_two_values_of_a_field_are_joined_where_one_does_not_cover_enough() -> None:
    values = [
        ("domain", candidate("dictionary", {0, 1, 2, 3}, 0.05, kind="metadata")),
        ("domain", candidate("manual", {4, 5, 6, 7}, 0.05, kind="metadata")),
    ]
    assert name(metadata=values).text == "domain = dictionary or manual"


def test_details_say_what_the_name_does_not_say_yet() -> None:
    stated = [
        tag("CD >= 20 %", range(7), 0.1),
        stated_length(candidate("<= 5 words", range(7), 0.1)),
    ]
    texts = [name([OLYMPICS], metadata=[SPORT], stated=stated, n_details=n).text for n in (0, 1, 9)]
    assert texts[0] == '"Olympics" \u00b7 many numbers (CD) \u00b7 topic sport'
    assert texts[1] == texts[0].replace("topic", "short sentences (at most 5 words) \u00b7 topic")
    assert texts[2] == texts[1]


def form(label: str, places: range | set[int], usual: float, *, is_origin: bool = False) -> Stated:
    return Stated(candidate(label, places, usual, kind="form"), "form", label, label, is_origin=is_origin)


def test_two_spellings_are_one_word() -> None:
    words = [candidate("color", range(7), 0.002, 1), candidate("colour", {7, 8, 9}, 0.001, 2)]
    made = name(words)
    assert made.text == '"color" or "colour"'
    assert made.share_10 == 1.0
    assert {each.part for each in made.conditions} == {0}
    others = [candidate("king", range(7), 0.002, 1), candidate("kings", {7, 8, 9}, 0.001, 2)]
    assert name(others).text == '"king"'


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("centre", "center", True),
        ("defense", "defence", True),
        ("realise", "realize", True),
        ("colour", "colours", False),
        ("house", "mouse", False),
        ("labour", "laborer", False),
        ("gray", "grey", False),
    ],
)
def test_what_is_another_spelling(one: str, other: str, *, same: bool) -> None:
    assert same_but_for_spelling(one, other) == same_but_for_spelling(other, one) == same


def test_two_themes_lead_together_where_neither_covers_most() -> None:
    question, salt = form("question (?)", range(5), 0.03), candidate("salt", range(5, 10), 0.02, 1)
    made = name([salt], stated=[question])
    assert made.text in ('question (?), or "salt"', '"salt", or question (?)')
    assert made.share_10 == 1.0
    assert {each.part for each in made.conditions} == {0}
    numbers = tag("CD >= 20 %", range(5), 0.02)
    salty = name([salt], stated=[numbers, tag("NN >= 20 %", range(10), 0.25)])
    assert salty.text.count("many ") == 1  # a kind that one of the two is of is not said again
    more = form("question (?)", range(7), 0.03)
    assert name([salt], stated=[more]).text == "question (?)"
    common = form("question (?)", range(5), 0.3)
    assert ", or " not in name([salt], stated=[common]).text


def test_the_place_in_a_document_is_said_after_what_is_in_sentences() -> None:
    place = form("first of its document", range(10), 0.1, is_origin=True)
    assert name(stated=[place]).text == "first of its document"
    assert name([OLYMPICS], stated=[place]).text == '"Olympics" \u00b7 first of its document'
    weaker = tag("CD >= 20 %", range(6), 0.1)
    assert name(stated=[place, weaker]).text.startswith("many numbers")
    assert name([OLYMPICS], stated=[place], origin="off").text == '"Olympics"'


def test_what_covers_hardly_any_of_the_strongest_is_not_said() -> None:
    assert name([candidate("judo", {0, 1, 20}, 0.001, 1)]).text == "no clear theme"
    assert name([candidate("judo", {0, 1, 2}, 0.001, 1)]).text.startswith('no clear theme \u00b7 "judo"')


def test_a_word_that_the_name_says_is_not_said_again() -> None:
    begins = form('begins with "and"', range(10), 0.05)
    assert name([candidate("And", range(10), 0.2, 1)], stated=[begins]).text == 'begins with "and"'


def test_a_list_of_a_silent_neuron_gets_the_reason_for_a_name() -> None:
    evidence = ListEvidence([OLYMPICS], [], [], [], silent="constant: the same for all")
    made = name_of(evidence, gather(evidence, origin="after"))
    assert (made.text, made.kind) == ("constant: the same for all", "constant")
