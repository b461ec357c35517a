import pytest

from neurolect.corpus import PrepareOptions
from neurolect.corpus.sentences.of_documents import near_key, sentences_of


def texts(document: str, options: PrepareOptions | None = None) -> list[str]:
    return [text for _, _, text in sentences_of(document, options=options or PrepareOptions())[0]]


def test_short_sentences_are_dropped_and_keep_their_place() -> None:
    document = "One two three. Short one! Four -- five / six seven."
    kept, n_short, n_cut = sentences_of(document, options=PrepareOptions())
    assert kept == [(0, 3, "One two three."), (2, 4, "Four - five / six seven.")]
    assert (n_short, n_cut) == (1, 0)


def test_a_document_of_symbols_gives_nothing() -> None:
    assert sentences_of("!!! ??? *** ... --- . . . $ $", options=PrepareOptions())[0] == []
    assert texts("\n\n \n") == []


@pytest.mark.parametrize("piece", ["word ", "word", "a. "])
def test_a_megabyte_without_an_end_does_not_survive(piece: str) -> None:
    options = PrepareOptions(max_characters=100)
    kept, _, n_cut = sentences_of(piece * (1_000_000 // len(piece)), options=options)
    assert all(len(text) <= 100 for _, _, text in kept)
    assert len(kept) == n_cut == (piece in ("word ", "a. "))


def test_long_sentences_are_cut_at_a_space() -> None:
    assert texts("alpha beta gamma delta epsilon", PrepareOptions(max_characters=20)) == ["alpha beta gamma"]
    assert texts("alpha beta gamma del", PrepareOptions(max_characters=20)) == ["alpha beta gamma del"]


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
