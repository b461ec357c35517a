import pytest

from neurolect.corpus import PrepareOptions
from neurolect.corpus.sentences.of_documents import Cut, near_key, sentences_of


def texts(document: str, options: PrepareOptions | None = None) -> list[str]:
    return [text for *_, text in sentences_of(document, options=options or PrepareOptions())[0]]


def test_short_sentences_are_dropped_and_keep_their_place() -> None:
    document = "One two three. Short one! Four -- five / six seven."
    kept, cut = sentences_of(document, options=PrepareOptions())
    assert kept == [(0, 3, 3, "One two three."), (2, 3, 4, "Four - five / six seven.")]
    assert cut == Cut(1, len("Short one!"), 0, 0, 38, len(document) - 48)


def test_a_document_of_symbols_gives_nothing() -> None:
    assert sentences_of("!!! ??? *** ... --- . . . $ $", options=PrepareOptions())[0] == []
    assert texts("\n\n \n") == []


@pytest.mark.parametrize("piece", ["word ", "word", "a. "])
def test_a_megabyte_without_an_end_is_divided(piece: str) -> None:
    options = PrepareOptions(max_characters=100)
    document = piece * (1_000_000 // len(piece))
    kept, cut = sentences_of(document, options=options)
    assert all(len(text) <= 100 for *_, text in kept)
    assert cut.n_long == 1
    assert cut.n_pieces == cut.n_short + len(kept) > 9_999
    assert len(document) == cut.kept_characters + cut.short_characters + cut.other_characters
    words = "".join(text for *_, text in kept).replace(" ", "")
    assert words == (document.replace(" ", "") if " " in piece else "")


def test_long_sentences_are_divided_at_spaces() -> None:
    options = PrepareOptions(max_characters=20, min_words=1)
    assert texts("alpha beta gamma delta epsilon", options) == ["alpha beta gamma", "delta epsilon"]
    assert texts("alpha beta gamma del", options) == ["alpha beta gamma del"]
    assert texts("a" * 45, options) == ["a" * 15] * 3


def test_letters_keep_their_marks_where_a_word_is_divided() -> None:
    text = "\u0915\u093f\u0902" * 20
    pieces = texts(text, PrepareOptions(max_characters=20, min_words=1))
    assert "".join(pieces) == text
    assert all(piece[0] == "\u0915" for piece in pieces)


def test_lines_are_sentences_where_a_paragraph_has_no_ends() -> None:
    lines = [f"and then number {n} goes on and on" for n in range(100)]
    assert texts("\n".join(lines)) == lines
    assert len(texts("\n".join(lines), PrepareOptions(newlines="paragraphs"))) == 2


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Page 12 of 30!", "PAGE 3, of 40", True),
        ("See http://a.org/x now", "see www.b.org now", True),
        ("Write to a@b.org.", "Write to c@d.org.", True),
        ("The cat sat.", "The cats at.", False),
        ("1 2 3", "1 2 4", False),
    ],
)
def test_near_duplicates(one: str, other: str, alike: bool) -> None:
    assert (near_key(one) == near_key(other)) is alike


def test_sentences_that_differ_in_marks_are_no_near_duplicates() -> None:
    assert near_key("\u0915\u093f \u0939\u0948 1\u0964") == near_key("\u0915\u093f \u0939\u0948 2?")
    assert near_key("\u0915\u093f \u0939\u0948") != near_key("\u0915\u0940 \u0939\u0948")
