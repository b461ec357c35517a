"""Words of all scripts: the table of docs/words.md, and what holds for any text."""

import re
import unicodedata
from itertools import accumulate
from pathlib import Path

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from neurolect.corpus.sentences.folding import fold, positions
from neurolect.corpus.sentences.words import count_words, is_word, split_words, word_spans

TABLE = Path(__file__).parents[3] / "docs" / "words.md"


def rows() -> list[tuple[str, ...]]:
    lines = TABLE.read_text(encoding="utf-8").split("\n| kind | text | words | count |\n")[1].splitlines()[1:]
    escaped = re.compile(r"\\u([0-9a-f]{4})")
    plain = (escaped.sub(lambda match: chr(int(match[1], 16)), line) for line in lines)
    return [tuple(line.strip("| ").split(" | ")) for line in plain]


@pytest.mark.parametrize(("kind", "text", "words", "count"), rows(), ids=[row[0] for row in rows()])
def test_the_table_of_scripts(kind: str, text: str, words: str, count: str) -> None:
    assert split_words(text) == words.split(), kind
    assert count_words(text) == int(count), kind
    assert [fold(text[start:end]) for start, end in word_spans(text, split_words(text))] == words.split()
    for form in ("NFD", "NFC"):
        assert split_words(unicodedata.normalize(form, text)) == words.split(), form


# A little of everything that could go wrong together.
ODD = "a\u00e9\u0301\u0308 .'\u2019\u201c\u00ad\u200b\u200c\u200d"
ODD += "\ufe0f\ufeff1\u0661-@#:n\u0915\u094d\u093e\u0e33\u0e19\u0e40"
ODD += '\u1019\u1039\u17d2\u1781\u1112\u1161\u11a8\u6771\u3067\u30fc\u30d0\u0634\u0627\u05d0\u05b0"\U0001f469'
ODD += "\U0001f3fd\U0001f1eb\u2764\u0600\u055e\u0f0b\u1885\u20e3"


@given(st.text(alphabet=ODD, max_size=30))
@example("a \u0301b")
@example("\u200d\u0301")
def test_any_text_is_split_at_whole_characters(text: str) -> None:
    words = split_words(text)
    assert "".join(words) == "".join(map(fold, text.split()))
    assert count_words(text) == sum(map(is_word, words))
    for piece in text.split():
        folded = fold(piece)
        whole = {0, *accumulate(map(len, regex.findall(r"\X", folded)))}
        assert set(accumulate(map(len, split_words(piece)))) <= whole
        assert fold(folded) == folded
        assert positions(piece)[0] == folded


@given(st.text(alphabet=ODD, max_size=30))
def test_any_word_is_found_in_the_text_as_written(text: str) -> None:
    words = split_words(text)
    spans = word_spans(text, words)
    at = 0
    for word, (start, end) in zip(words, spans, strict=True):
        assert at <= start < end <= len(text), word
        assert not any(map(str.isspace, text[start:end].strip()))
        at = end


@given(st.text(alphabet="do nt'\u2019i\u201c\".", max_size=30))
def test_curly_and_straight_are_one(text: str) -> None:
    straight = text.replace("\u2019", "'").replace("\u201c", '"')
    assert split_words(text) == split_words(straight)


def test_words_of_an_earlier_rule_are_found_too() -> None:
    text = "He doesn\u2019t say \u0928\u092e\u0938\u094d\u0924\u0947."
    earlier = ["He", "does", "n\u2019t", "say", "\u0928\u092e\u0938", "\u094d", "\u0924", "\u0947", "."]
    assert [text[start:end] for start, end in word_spans(text, earlier)] == earlier
