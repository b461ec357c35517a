"""Names: the most specific strong evidence first."""

import math

import pytest

from neurolect.signatures.counting.candidates import Candidate
from neurolect.signatures.counting.names import ListEvidence, Name, Stated, name_list
from neurolect.signatures.evidence.length import stated_length
from neurolect.signatures.evidence.tags import stated_tag

NO_LENGTH = Candidate("short", 12.0, 12.0, 0.0, 0.0, ())


def candidate(label: str, share: float, expected: float, bits: float, *items: int, z: float = 10.0) -> Candidate:
    return Candidate(label, share, expected, z, bits, items)


def stated(length: Candidate, *tags: Candidate) -> list[list[Stated]]:
    return [[stated_tag(tag) for tag in tags], [stated_length(length)]]


def name(
    *,
    words: list[Candidate] | None = None,
    phrases: list[Candidate] | None = None,
    tags: list[Candidate] | None = None,
    metadata: list[tuple[str, Candidate]] | None = None,
    length: Candidate = NO_LENGTH,
    explained: float = 0.0,
) -> Name:
    evidence = ListEvidence(words or [], phrases or [], metadata or [], stated(length, *tags or []))
    return name_list(evidence, explained=lambda field, value, term: explained)


OLYMPICS = candidate("Olympics", 0.5, 0.01, 2.3, 1, z=25.0)
SUMMER = candidate("summer", 0.4, 0.02, 1.3, 2)
SPORT = candidate("sport", 0.9, 0.1, 2.6)
AUSTEN = candidate("Jane Austen", 0.62, 0.07, 1.47, z=33.0)


def test_words_lead_and_their_setting_follows_them() -> None:
    made = name(words=[OLYMPICS, SUMMER], metadata=[("topic", SPORT)])
    assert made == Name('"Olympics", "summer" in topic sport', "word", 25.0)


def test_metadata_alone_gives_share_and_lift() -> None:
    assert name(metadata=[("author", AUSTEN)]) == Name(
        "author = Jane Austen (62%, lift 8.9)", "metadata:author", 33.0
    )


def test_words_that_metadata_explain_do_not_join_the_name() -> None:
    stir = candidate("stir", 0.3, 0.03, 0.5, 3)
    recipe = candidate("recipe", 0.95, 0.1, 3.0)
    assert name(words=[stir], metadata=[("domain", recipe)], explained=0.29).text.startswith("domain = recipe (95%")
    assert name(words=[stir], metadata=[("domain", recipe)], explained=0.05).text == 'domain = recipe (95%): "stir"'


def test_words_of_a_mixed_list_are_not_claimed_for_the_value() -> None:
    some = candidate("encyclopedia", 0.43, 0.15, 0.4)
    stir = candidate("Python", 0.1, 0.01, 0.2, 3)
    assert name(words=[stir], metadata=[("domain", some)]).text == 'domain = encyclopedia (43%), "Python"'


def test_two_values_are_named_where_neither_holds_for_most() -> None:
    values = [("domain", candidate("dictionary", 0.4, 0.1, 0.5)), ("domain", candidate("technical", 0.3, 0.1, 0.3))]
    assert name(metadata=values).text == "domain = dictionary or technical (70%, lift 3.5)"


def test_a_phrase_stands_for_its_words() -> None:
    words = [candidate("United", 0.3, 0.02, 0.9, 1), candidate("States", 0.3, 0.02, 0.85, 2)]
    made = name(words=words, phrases=[candidate("United States", 0.29, 0.015, 0.88, 1, 2)])
    assert (made.text, made.kind) == ('"United States"', "phrase")


def test_one_stem_is_named_once() -> None:
    olympic = candidate("Olympic", 0.45, 0.01, 2.0, 7)
    assert name(words=[OLYMPICS, olympic, SUMMER]).text == '"Olympics", "summer"'


def test_parts_of_speech_have_plain_names() -> None:
    made = name(tags=[candidate("VBD", 0.12, 0.05, 0.6, z=40.0)])
    assert made == Name("past-tense verbs (VBD)", "part of speech", 40.0)


def test_lengths_are_reported_with_the_mean() -> None:
    short = Candidate("short", 5.2, 18.0, -30.0, 1.4, ())
    assert name(length=short) == Name("short sentences (mean 5.2 words)", "length", -30.0)


@pytest.mark.parametrize(
    "words", [[], [candidate("rare", 0.02, 0.0001, 0.15, 4)], [candidate("weak", 0.3, 0.25, 0.01, 4)]]
)
def test_nothing_distinctive_is_said_so(words: list[Candidate]) -> None:
    made = name(words=words)
    assert (made.text, made.kind) == ("no clear theme", "none")
    assert math.isnan(made.z)


def test_words_of_few_sentences_tell_their_share_and_setting() -> None:
    cook = candidate("cook", 0.076, 0.005, 0.22, 5)
    recipe = candidate("recipe", 0.43, 0.3, 0.1)
    made = name(words=[cook], metadata=[("domain", recipe)])
    assert (made.text, made.kind) == ('"cook" (8%) in domain recipe (43%)', "word")


def test_words_lead_over_stronger_metadata_only_where_enough_sentences_hold_them() -> None:
    recipe = candidate("recipe", 0.43, 0.07, 0.4)
    assert name(words=[candidate("cook", 0.12, 0.001, 0.3, 5)], metadata=[("domain", recipe)]).kind == "word"
    made = name(words=[candidate("cook", 0.08, 0.001, 0.3, 5)], metadata=[("domain", recipe)], explained=0.001)
    assert made.text == 'domain = recipe (43%), "cook" (8%)'


def test_words_of_few_sentences_are_not_named_next_to_a_length() -> None:
    short = Candidate("short", 5.2, 18.0, -30.0, 1.4, ())
    assert '"mixture"' not in name(words=[candidate("mixture", 0.05, 0.001, 0.2, 5)], length=short).text
    assert '"mixture"' in name(words=[candidate("mixture", 0.2, 0.001, 0.7, 5)], length=short).text


def test_details_say_what_the_name_does_not_say_yet() -> None:
    evidence = ListEvidence(
        words=[OLYMPICS],
        phrases=[],
        metadata=[("topic", SPORT), ("author", candidate("Reuters", 0.35, 0.1, 0.3))],
        stated=stated(Candidate("short", 9.0, 18.0, -9.0, 0.2, ()), candidate("CD", 0.1, 0.02, 0.4)),
    )

    def text(n_details: int) -> str:
        return name_list(evidence, explained=lambda *_: 0.0, n_details=n_details).text

    assert text(0) == '"Olympics" in topic sport'
    assert text(2) == '"Olympics" in topic sport \u00b7 numbers (CD) \u00b7 short sentences'
    assert text(9) == text(2)


def test_details_name_metadata_where_the_name_has_none() -> None:
    short = Candidate("short", 5.2, 18.0, -30.0, 1.4, ())
    evidence = ListEvidence([], [], [("author", candidate("Reuters", 0.35, 0.1, 0.2))], stated(short))
    made = name_list(evidence, explained=lambda *_: 0.0, n_details=1)
    assert made.text == "short sentences (mean 5.2 words) \u00b7 author Reuters (35%)"


def test_lists_of_a_constant_neuron_have_no_theme() -> None:
    evidence = ListEvidence([OLYMPICS], [], [], stated(NO_LENGTH), constant=True)
    assert name_list(evidence, explained=lambda *_: 0.0, n_details=1).kind == "constant"
