import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.corpus import split_sentences
from neurolect.corpus.options import Newlines


@pytest.mark.parametrize(
    "sentences",
    [
        ["Mr. Smith met Dr. J. R. R. Tolkien.", "They left."],
        ["The U.S. Army came at 5 a.m. on Friday.", "It went."],
        ["He lives in the U.S.", "He likes it."],
        ["Acme Inc. and Foo Co. Ltd. merged.", "Shares rose 3.5 pct."],
        ['"Why?" she asked.', '"No."', "He shrugged."],
        ['He said "Stop it!" and left.', "(She had gone.)", "They met."],
        ["She moved on Aug. 31 to No. 5 St. James St. in Boston.", "See Fig. 3 on p. 12."],
        ["Vitamin C.", "The end."],
        ["1. Heat the oil.", "2. Fry it."],
        ["Was it I?", "Yes!", "Well\u2026", "Perhaps."],
        ["It is 5 p.m.", "We should go, e.g. Tom."],
        ["\u4f60\u597d\u3002", "\u518d\u89c1\uff01"],
        ["\u4f60\u597d\uff08\u662f\u3002\uff09", "\u518d\u89c1\uff01"],
        ["\u0939\u093e\u0901\u0964", "\u0928\u0939\u0940\u0902\u0965", "\u0939\u093e\u0901?"],  # danda
        ["\u06c1\u06d2\u06d4", "\u06a9\u06cc\u0627\u061f", "\u06c1\u06d2\u06d4"],  # Urdu
        ["\u0535\u057d \u0565\u0574\u0589", "\u0534\u0578\u0582 \u0565\u057d\u0589"],  # Armenian
        ["\u1230\u120b\u121d\u1362", "\u12a5\u1295\u12f4\u1275\u1367", "\u12f0\u1205\u1293\u1362"],  # Ethiopic
        ["\u1019\u102c\u104b", "\u1000\u103b\u104b"],  # Burmese
        ["\u1797\u17b6\u17d4", "\u179f\u17b6\u17d5"],  # Khmer
        ["\u03a4\u03b9 \u03b5\u03af\u03bd\u03b1\u03b9;", "\u039d\u03b1\u03b9."],  # Greek
        ["\u0b85\u0bb4\u0b95\u0bbf\u0baf.", "\u0bae\u0bca\u0bb4\u0bbf."],  # Tamil: a mark, a letter, a full stop
    ],
)
def test_finds_the_sentences(sentences: list[str]) -> None:
    wide = "\u3002" in "".join(sentences)
    assert split_sentences(("" if wide else " ").join(sentences)) == sentences


@pytest.mark.parametrize("stop", ["\u0964", "\u06d4", "\u1362", "\u104b", "\u17d4", "\u3002", "\uff01"])
def test_stops_of_one_meaning_need_no_space(stop: str) -> None:
    letter = "\u0939"
    assert split_sentences(f"{letter}{stop}{letter}") == [letter + stop, letter]
    verse = f"{letter}{stop}{stop}1{stop}{stop}"
    assert split_sentences(verse) == ([verse] if stop < "\u3000" else [f"{letter}{stop}{stop}", f"1{stop}{stop}"])


def test_a_lone_quote_stays_with_its_sentence() -> None:
    assert split_sentences('He said " go . " Then he left .') == ['He said " go . "', "Then he left ."]


def test_wrapped_lines_are_joined() -> None:
    text = "The first sentence goes\nover two lines. The second\nends here.\n\nA new paragraph\nwithout end"
    assert split_sentences(text) == [
        "The first sentence goes over two lines.",
        "The second ends here.",
        "A new paragraph without end",
    ]


def test_lines_that_end_in_marks_are_kept_apart() -> None:
    assert split_sentences("Add salt:\nstir well.\nServe (hot).\nenjoy") == [
        "Add salt:",
        "stir well.",
        "Serve (hot).",
        "enjoy",
    ]


def test_list_items_begin_again() -> None:
    assert split_sentences("We need\n- flour\n- two eggs\nand salt") == [
        "We need",
        "- flour",
        "- two eggs and salt",
    ]


@pytest.mark.parametrize(
    ("newlines", "expected"), [("paragraphs", ["One. two three"]), ("lines", ["One.", "two", "three"])]
)
def test_the_meaning_of_line_breaks_can_be_given(newlines: Newlines, expected: list[str]) -> None:
    assert split_sentences("One.\ntwo\nthree", newlines=newlines) == expected


@given(st.text(alphabet="aB1.!?\"') \n\u3002U", max_size=80))
def test_loses_nothing_but_white_space(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence and sentence == sentence.strip() for sentence in sentences)


@pytest.mark.parametrize("piece", ["a", "a. ", ". ", ".", "A. B", "!)", '. "', "\u3002"])
@pytest.mark.timeout(5)
def test_long_texts_of_anything_take_linear_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert sum(len(sentence.replace(" ", "")) for sentence in split_sentences(text)) == len(text.replace(" ", ""))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("How is it?I think it is fine.", ["How is it?", "I think it is fine."]),
        ("is it?I think it's fine", ["is it?", "I think it's fine"]),
        ("It was great!We loved it.", ["It was great!", "We loved it."]),
        ("really?!No way", ["really?!", "No way"]),
        ("See a.org/page?Id=3 and index.php?Name now.", ["See a.org/page?Id=3 and index.php?Name now."]),
        ("Ask Yahoo!Finance or yahoo!Mail today", ["Ask Yahoo!Finance or yahoo!Mail today"]),
        ("the mark?ABC is a code", ["the mark?ABC is a code"]),
        ("Big cities incl. London and Paris grew.", ["Big cities incl. London and Paris grew."]),
        ("It took approx. 2.1 b. years.", ["It took approx. 2.1 b. years."]),
    ],
)
def test_ends_without_a_space_and_abbreviations(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences
