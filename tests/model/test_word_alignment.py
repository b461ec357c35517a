"""The tokens of a word are those that spell it, and no others, in every family of tokenizers."""

import unicodedata
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.model.tokens import tokenize
from neurolect.model.word_alignment import WordTokens, word_tokens
from tests.tiny_tokenizers import FAMILIES, SPACE, tokenizer_of

# Words as a treebank gives them; they are joined with spaces. ~ is a space inside of a word.
CASES = """
The quick brown fox .
do n't
don't
I 'm sure it 's n't he 'll 'd 've
can not cannot gonna gon na
'Tis o'clock rock'n'roll
don\u2019t it\u2019s \u2018quoted\u2019 \u201cdouble\u201d
http://a.org/x?y=1&z=%20#frag
see https://example.com/a_b/c-d.html , please
www.example.com example.com:8080
someone@example.com user.name+tag@sub.example.co.uk
@user #topic #\u6771\u4eac RT :
C:\\Users\\x /usr/lib/python3 ~/.bashrc
U.S. e.g. i.e. Ph.D. a.m.
3.5 1,000.50 10:30 1/2/2003 -5 +7 5% $3 \u00a31 \u20ac2
1st 2nd 20th 1990s '90s
well-known state-of-the-art twenty-one
x86-64 c++ c# f() a[i] {k:v} <tag> </tag>
... -- --- !? ?! !!! .. \u2026
`` quoted '' ( round ) [ square ] { curly }
* ** *** _under_ __init__ ~ ^ | \\ /
AT&T R&D Q&A Johnson&Johnson
:) :-) :( ;-) :D <3 ^_^
\U0001f600
hi \U0001f600 there
\U0001f600\U0001f601 \U0001f602
\U0001f469\u200d\U0001f4bb codes
\U0001f469\U0001f3fd\u200d\U0001f4bb \U0001f44d\U0001f3fd
\U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea flags
\u2764\ufe0f \u2764 I\u2764you
\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family
\u4eca\u5929\u5f88\u597d
\u4eca\u5929 \u5f88 \u597d \uff01
\u6771\u4eac \u3067\u306f \u97f3\u697d \u304c \u597d\u304d \u3002
\u30b8\u30e7\u30f3\u30fb\u30b9\u30df\u30b9
\ud55c\uad6d\uc5b4 \ubb38\uc7a5\uc744
\u1112\u1161\u11ab\uae00
\U00020000\U0002a6a5 rare
caf\u00e9 na\u00efve
cafe\u0301 nai\u0308ve
e\u0301 e\u0301\u0323 a\u030a
Tie\u0302\u0301ng Vie\u0323\u0302t
Z\u0351\u036b\u0343a\u0311\u0302l\u034dg\u0321o\u0322
\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0643\u0650\u062a\u064e\u0627\u0628\u064c
\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u05e6\u05d4\u05f4\u05dc
\u0939\u093f\u0928\u094d\u0926\u0940 \u092b\u093c\u093f\u0932\u094d\u092e
\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u0e19\u0e49\u0e33
\u041f\u0440\u0438\u0432\u0435\u0442 , \u043c\u0438\u0440 !
\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac \u03c3\u03bf\u03c6\u03cc\u03c2
\u0130stanbul'da I\u0131i\u0130
Stra\u00dfe STRASSE \u017ft
\ufb01t \ufb03x \u00bd \u00b2 \u2460 \u33a1
\uff21\uff22\uff23 \uff11\uff12 \uff76\uff9e
co\u00adoperate
zero\u200bwidth
join\u200der non\u200cjoiner
\u200eleft\u200f right
10\u00a0000 no\u00a0break
thin\u2009space em\u2003space
\ufefffirst word
soft\u00ad hyphen\u00ad
\u2581 low\u2581line \u0120 a\u0120b
## ##ing [UNK] [SEP] [CLS] <s> </s> <unk> <0x41>
a
a b c d e f
aaaaaaaaaaaaaaaaaaaa bbbbbbbbbb
A B C I
word
the the the the
HELLO hElLo
\u00b5 \u03bc \u00c5 \u212b
x\u0302 y\u0304 \u2260 =\u0338
10\u207b\u2076 H\u2082O m\u00b2 E=mc\u00b2
\u2192 \u21d2 \u2264 \u221e \u2211
\u266b \u2605 \u2713 \u25a0
\u2013 \u2014 \u2212 \u2011
\u201e\u00ab \u00bb\u201c \u300c\u3042\u300d
mother-in-law's children's James'
l'homme qu'il aujourd'hui
dell'arte c'\u00e8
col\u00b7legi
EU:s S:t
\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645
\u0f56\u0f7c\u0f51\u0f0b\u0f66\u0f90\u0f51\u0f0b
\u12a0\u121b\u122d\u129b\u1361
""".strip().splitlines()


def byte_of_letter() -> dict[str, int]:
    """Invert the letters in which byte-level tokenizers write bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [each for each in range(256) if each not in printable]
    return {chr(each): each for each in printable} | {chr(256 + n): each for n, each in enumerate(others)}


LETTERS = byte_of_letter()


def model_of(family: str, *, max_tokens: int = 400) -> Any:
    tokenizer = tokenizer_of(family)
    return SimpleNamespace(
        n_prepended=0,
        name=family,
        tokenizer=tokenizer,
        tokenize=lambda texts: tokenize(tokenizer, texts, max_tokens=max_tokens),
    )


def joined(words: list[str]) -> tuple[str, list[tuple[int, int]]]:
    spans, at = [], 0
    for word in words:
        spans.append((at, at + len(word)))
        at += len(word) + 1
    return " ".join(words), spans


def spelled(family: str, pieces: list[str]) -> bytes | str | None:
    """Put the pieces of a word together; None where one is unknown."""
    if family == "word piece":
        return None if "[UNK]" in pieces else "".join(each.removeprefix("##") for each in pieces)
    if family.startswith("byte-level"):
        return bytes(LETTERS[letter] for each in pieces for letter in each).strip(b" ")
    if family == "unigram":
        return None if any(each == "<unk>" for each in pieces) else "".join(pieces).replace(SPACE, "")
    found = b""
    for each in pieces:
        if each.startswith("<0x") and len(each) == 6:
            found += bytes([int(each[3:5], 16)])
        else:
            found += each.replace(SPACE, " ").encode()
    return found.strip(b" ")


def expected(family: str, word: str) -> bytes | str:
    if family == "word piece":
        if word in tokenizer_of(family).all_special_tokens:
            return word
        normal = str(tokenizer_of(family).backend_tokenizer.normalizer.normalize_str(word))
        return "".join(normal.split())
    if family == "unigram":
        return "".join(unicodedata.normalize("NFKC", word).split()).replace(SPACE, "")
    return word.replace(SPACE, " ").strip(" ").encode() if family == "byte fallback" else word.encode()


def check(family: str, words: list[str]) -> tuple[WordTokens, int]:
    """Check a sentence; say what was found, and of how many words the spelling could be compared."""
    text, spans = joined(words)
    model = model_of(family)
    [found] = word_tokens(model, [text], [spans])
    encoded = model.tokenizer.backend_tokenizer.encode(text)
    first = int(model.tokenize([text]).first[0])
    pieces = encoded.tokens[first:]
    n_compared = 0
    taken: set[int] = set()
    for word, low, high in zip(words, found.first.tolist(), found.last.tolist(), strict=True):
        own = pieces[low : high + 1] if low >= 0 else []
        wanted, said = expected(family, word), spelled(family, own)
        if said is not None:
            assert said == wanted, (word, own)
            n_compared += 1
        assert (low < 0) == (not own)
        assert low >= 0 or not wanted, word  # only what a normaliser takes away has no token
        assert not taken & set(range(low, high + 1)) - {-1}
        taken |= set(range(low, high + 1))
    rest = [piece for at, piece in enumerate(pieces[: found.n_tokens]) if at not in taken]
    assert not [each for each in rest if each.strip(SPACE + "\u0120")], rest
    return found, n_compared


def test_there_are_as_many_cases_as_neurox_has_tests() -> None:
    assert len(CASES) >= 72
    assert len(set(CASES)) == len(CASES)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES, ids=[ascii(each) for each in CASES])
def test_a_words_tokens_spell_it(case: str, family: str) -> None:
    _, n_compared = check(family, case.split(" "))
    if family.startswith("byte"):
        assert n_compared == len(case.split(" "))


@settings(max_examples=200)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=6), min_size=1, max_size=8),
    st.sampled_from(FAMILIES),
)
def test_any_words_are_spelled_by_their_tokens(words: list[str], family: str) -> None:
    check(family, words)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES[:40], ids=[ascii(each) for each in CASES[:40]])
def test_words_are_cut_where_the_model_stops(case: str, family: str) -> None:
    """A word is cut where one of its tokens is, and the tokens before the limit are those without a limit."""
    words = case.split(" ")
    text, spans = joined(words)
    [whole] = word_tokens(model_of(family), [text], [spans])
    assert not whole.cut.any()
    n_special = 2 if family == "word piece" else 0
    for limit in range(n_special + 1, n_special + whole.n_tokens + 2):
        [found] = word_tokens(model_of(family, max_tokens=limit), [text], [spans])
        assert found.n_tokens == min(limit - n_special, whole.n_tokens)
        np.testing.assert_array_equal(found.last, whole.last)
        np.testing.assert_array_equal(found.cut, whole.last >= found.n_tokens)


def test_a_token_of_two_words_is_said_to_be_shared() -> None:
    text = "don't"
    [found] = word_tokens(model_of("byte-level"), [text], [[(0, 2), (2, 5)]])
    pieces = model_of("byte-level").tokenizer.backend_tokenizer.encode(text).tokens
    assert found.shared.any() == any("n'" in each for each in pieces)
    [apart] = word_tokens(model_of("word piece"), ["don't"], [[(0, 1), (1, 5)]])
    assert apart.shared.tolist() == [True, True]  # "don" is one piece
    assert apart.first.tolist() == [0, 0]


def test_the_mark_of_a_space_is_of_no_word() -> None:
    for family in ("unigram", "byte fallback", "byte-level, prefixed"):
        [found] = word_tokens(model_of(family), ["zq zq"], [[(0, 2), (3, 5)]])
        pieces = model_of(family).tokenizer.backend_tokenizer.encode("zq zq").tokens
        assert pieces[0] in (SPACE, "\u0120")
        assert found.first[0] == 1
        assert found.last[0] - found.first[0] == found.last[1] - found.first[1]


def test_no_sentences_and_no_words() -> None:
    assert word_tokens(model_of("word piece"), [], []) == []
    [found] = word_tokens(model_of("word piece"), ["a b"], [[]])
    assert (len(found.first), found.n_tokens) == (0, 2)
