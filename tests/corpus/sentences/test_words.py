import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.corpus import is_word, split_words
from neurolect.corpus.sentences.folding import fold
from neurolect.corpus.sentences.words import count_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't, she'll; cannot", "I|do|n't|,|she|'ll|;|cannot"),
        ("can\u2019t it\u2019s", "ca|n't|it|'s"),
        ("the dogs' o'clock O'Brien 'tis", "the|dogs|'|o'clock|O'Brien|'tis"),
        ("Dr. Who, U.S. Army at 5 p.m., e.g. Inc.'s", "Dr.|Who|,|U.S.|Army|at|5|p.m.|,|e.g.|Inc.|'s"),
        ("J. R. R. Tolkien has a plan B.", "J.|R.|R.|Tolkien|has|a|plan|B|."),
        ("3.5% of $1,000.50 at 10:30 on 1/2/2003", "3.5|%|of|$|1,000.50|at|10:30|on|1/2/2003"),
        ("a 50-year-old well-known 10th", "a|50-year-old|well-known|10th"),
        (
            "see http://x.org/a_b?c=1, www.y.org. Mail a.b@c.org!",
            "see|http://x.org/a_b?c=1|,|www.y.org|.|Mail|a.b@c.org|!",
        ),
        ("@user loves #this :) <3", "@user|loves|#this|:)|<3"),
        ('("Hello," she said.)', '(|"|Hello|,|"|she|said|.|)'),
        ("and/or \u201cna\u00efve\u201d", 'and|/|or|"|na\u00efve|"'),
        ("", ""),
    ],
)
def test_splits_like_the_treebank(text: str, words: str) -> None:
    assert split_words(text) == (words.split("|") if words else [])


@given(st.text(max_size=60))
def test_loses_nothing_but_white_space(text: str) -> None:
    words = split_words(text)
    assert "".join(words) == "".join(map(fold, text.split()))
    assert all(words)


@given(st.text(alphabet="ab1.,'-@:/ !nt", max_size=40))
def test_counts_what_it_splits(text: str) -> None:
    assert count_words(text) == sum(map(is_word, split_words(text)))


@pytest.mark.parametrize(
    "piece",
    [
        *("a" * 50_000, "a." * 5_000, "a-" * 5_000, "." * 50_000, "a@" * 5_000, "1," * 5_000, "'" * 50_000),
        *("\u00e9" * 50_000, "\u00e9." * 5_000, "\u0915-" * 5_000, "\u0915\u094d@" * 5_000, "\u0661," * 5_000),
        *("\u0e33" * 50_000, "\u6771\u3067" * 9_000, '\u05d0"' * 5_000, "\u094d\u0301" * 5_000, "\u0301" * 9_000),
    ],
)
@pytest.mark.timeout(5)
def test_hostile_pieces_take_no_time(piece: str) -> None:
    assert "".join(split_words(piece)) == fold(piece)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # "In Tokyo one likes music, 123."
        (
            "\u6771\u4eac\u3067\u306f\u97f3\u697d\u304c\u597d\u304d\u3002",
            "\u6771\u4eac \u3067\u306f \u97f3\u697d \u304c \u597d \u304d \u3002",
        ),
        # loan words and Latin letters amid kana
        ("GPT-4\u306e\u30c6\u30b9\u30c8123", "GPT-4 \u306e \u30c6\u30b9\u30c8 123"),
        # Chinese: each character by itself
        ("\u4eca\u5929\u5f88\u597d\uff01", "\u4eca \u5929 \u5f88 \u597d \uff01"),
        # Korean has spaces
        ("\ud55c\uad6d\uc5b4 \ubb38\uc7a5", "\ud55c\uad6d\uc5b4 \ubb38\uc7a5"),
        ("caf\u00e9 \u6771\u4eac", "caf\u00e9 \u6771 \u4eac"),
    ],
)  # fmt: skip
def test_what_is_written_without_spaces(text: str, words: str) -> None:
    assert split_words(text) == words.split()
    assert count_words(text) == sum(map(is_word, split_words(text)))
