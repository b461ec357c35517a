import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.corpus import normalise


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Wow!!! +++ ((x)) a__b", "Wow! + (x) a_b"),
        ("time--but well...what", "time - but well. what"),
        ("a ... b . . . c", "a. b. c"),
        ("a\t b\u00a0\u2003c", "a b c"),
        ("a\r\nb\x0bc\x0cd", "a\nb\nc\n\nd"),
        ("a \n\n\n\n b", "a\n\nb"),
        ("Tom &amp; Ann &lt;3 &#8217; AT&T &nosuch;", "Tom & Ann <3 \u2019 AT&T &nosuch;"),
        ("e\u0301 \ud800 \u200b\x07x\ufeff", "\u00e9 \ufffd x"),
        ('one<br />two<p class="x">three</p> <b>four</b>', "one\ntwo\n\nthree\n\nfour"),
        ('Mix.<ref name="a" /> Bake.<ref>Book</ref>', "Mix. Bake."),
        ("#include <stdio.h> List<String> 1<2", "#include <stdio.h> List<String> 1<2"),
    ],
)
def test_makes_text_plain(text: str, plain: str) -> None:
    assert normalise(text) == plain


def test_what_is_not_wanted_is_left_out() -> None:
    assert normalise("a!! <b>c</b>", collapse_symbols=False, remove_markup=False) == "a!! <b>c</b>"


@given(st.text(max_size=80))
def test_result_has_one_form(text: str) -> None:
    plain = normalise(text)
    assert plain == plain.strip()
    assert "  " not in plain
    assert "\n\n\n" not in plain
    assert unicodedata.is_normalized("NFC", plain)
    plain.encode("utf-8")


@pytest.mark.parametrize("piece", ["<ref", "<p ", "&a", ". ", "--", ". .", "\n ", "&#1", "a -"])
@pytest.mark.timeout(10)
def test_a_megabyte_of_anything_takes_no_time(piece: str) -> None:
    assert len(normalise(piece * (1_000_000 // len(piece)))) <= 1_000_000


def test_a_run_after_a_mark_is_a_pause_too() -> None:
    assert normalise("\u0939\u0948--\u0924\u094b \u0939\u0948...\u0924\u094b") == (
        "\u0939\u0948 - \u0924\u094b \u0939\u0948. \u0924\u094b"
    )
