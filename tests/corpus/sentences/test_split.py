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
    ],
)
def test_finds_the_sentences(sentences: list[str]) -> None:
    glue = "" if sentences[0].endswith("\u3002") else " "
    assert split_sentences(glue.join(sentences)) == sentences


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
