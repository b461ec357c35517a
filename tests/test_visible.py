"""No text that neurolect shows can drive a terminal."""

import json
import math
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.errors import RunFolderError
from neurolect.visible import escaped_json, harmless_values, one_line, strict_json, visible

ANY = st.text(st.characters(codec=None), max_size=40)
ACTS = {"Cc", "Cs", "Zl", "Zp"}
DIRECTION = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def acts(character: str) -> bool:
    """Whether a terminal would act on it, by Unicode's own tables."""
    return (unicodedata.category(character) in ACTS and character not in "\n\t") or unicodedata.bidirectional(
        character
    ) in DIRECTION


@given(ANY)
def test_nothing_is_left_to_act_on_and_all_else_stays(text: str) -> None:
    shown = visible(text)
    assert not any(acts(each) for each in shown)
    shown.encode("utf-8")
    assert [each for each in text if each in shown] == [each for each in text if not acts(each) and each in shown]
    assert "\n" not in one_line(text)
    if text.isascii() and text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    "text", ["\x1b]0;title\x07", "\x9b31m", "a\rb", "\u202egnp.exe", "\u2066x\u2069", "\ud83d", "\x08"]
)
def test_sequences_are_spelled_out(text: str) -> None:
    assert re.fullmatch(r"[\x20-\x7e]+", visible(text))


@given(st.recursive(ANY, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3)))
def test_json_says_the_same_without_them(value: object) -> None:
    text = escaped_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(text) == value
    assert not any(acts(each) for each in text)
    assert harmless_values(harmless_values(value)) == harmless_values(value)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_that_json_has_not_is_named(number: float) -> None:
    assert strict_json({"a": [1.5, None, "\u00e9"]}, separators=(",", ":")) == '{"a":[1.5,null,"\u00e9"]}'
    with pytest.raises(RunFolderError, match=rf"The number at rows\.1\.score is {number}") as caught:
        strict_json({"rows": [{"score": 1.0}, {"score": number}]})
    assert "neurolect verify" in str(caught.value)
