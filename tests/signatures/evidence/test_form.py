"""What a reader sees of a sentence without reading its words."""

import pytest

from neurolect.corpus.sentences.words import split_words
from neurolect.signatures.evidence.form import first_word_of, form_of, place_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat sat on the mat.", []),
        ("Is it?", ["question (?)"]),
        ('"Is it?" ', ["question (?)", "with quotes"]),
        ("No!", ["exclamation (!)"]),
        ("And then ...", ["ends in an ellipsis"]),
        ("And then\u2026", ["ends in an ellipsis"]),
        ("Add these:", ["ends in a colon"]),
        ("Terms and conditions", ["without a full stop"]),
        ("\u0908\u0938 \u0926\u093f\u0928\u0964", []),
        ("\u6771\u4eac\u3067\u3059\u304b\uff1f", ["question (?)"]),
        ("He (who came in 1990) left.", ["with brackets", "with digits"]),
        ("See https://example.org.", ["with a web address"]),
        ("Good \U0001f600.", ["with emoji"]),
        ("STOP NOW.", ["in capitals"]),
        ("The NATO meeting.", ["with a word in capitals"]),
        ("I am here.", []),
        ("It is very very good.", ["with a word twice in a row"]),
        ("no, no, no.", ["with a word twice in a row", "with a word three times"]),
        ("", []),
    ],
)
def test_forms(text: str, expected: list[str]) -> None:
    assert form_of(text, [word.lower() for word in split_words(text)]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("And so it is.", "and"), ('"No, no."', "no"), ("I don't.", "i"), ("(see 3)", "see"), ("3 men", ""), ("", "")],
)
def test_first_words(text: str, expected: str) -> None:
    found = first_word_of([word.lower() for word in split_words(text)])
    assert found == ([f'begins with "{expected}"'] if expected else [])


def test_places_in_a_document() -> None:
    def labels(n: int) -> list[list[str]]:
        return [[each.removesuffix(" of its document") for each in place_of(place, n)] for place in range(n)]

    assert labels(1) == [[]]
    assert labels(2) == [["first"], ["last"]]
    assert labels(7) == [["first"], [], [], [], [], [], ["last"]]
    first, last = "in the first quarter", "in the last quarter"
    assert labels(8) == [["first", first], [first], [], [], [], [], [last], ["last", last]]
