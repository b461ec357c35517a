"""Yes and no of foreign answers, by word and by probability, whatever comes back."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.naming.endpoint import Answered, read_completion
from neurolect.naming.yes_no import Token, chances_of, deciding, read_yes, reading_of, tokens_of, yes_text
from tests.naming.stub_server import sentences_of
from tests.naming.test_questions import INJECTION


@pytest.mark.parametrize(
    ("answer", "fits"),
    [
        ("yes", True),
        (" No.", False),
        ("**Yes**, since it is about food", True),
        ("Answer: no", False),
        ("Yes/no", True),
        ("None of it", None),
        ("Not at all", None),
        ("Nothing", None),
        ("yesterday", None),
        ("The sentence does: yes", None),
        ("", None),
        ("<think>yes or no?</think> no", False),
        ("<think>yes, I should", None),
    ],
)
def test_words_are_read(answer: str, fits: bool | None) -> None:
    assert read_yes(answer) is fits


def test_a_question_is_of_one_sentence_that_is_data() -> None:
    text = yes_text("words of food", INJECTION)
    assert len(sentences_of(text)) == 1
    assert "\x1b" not in text
    assert text.splitlines()[0] == 'A description of some sentences: "words of food"'
    assert yes_text("d", "one").partition("one")[0] == yes_text("d", "two").partition("two")[0]


LIKELY = [("Yes", math.log(0.5)), ("yes", math.log(0.1)), ("No", math.log(0.2)), ("It", math.log(0.05))]
START, MARK, LABEL, COLON, OPEN, CLOSE = (
    Token(text, [(text, -0.1)]) for text in ("It", "**", "Answer", ":", "<think>", "</think>")
)
YES = Token("Yes", LIKELY)


@pytest.mark.parametrize(
    ("tokens", "answer", "found"),
    [
        ([YES], "Yes", LIKELY),
        ([MARK, YES, MARK], "**Yes**", LIKELY),
        ([LABEL, COLON, YES], "Answer:Yes", LIKELY),
        ([OPEN, START, CLOSE, YES], "<think>It</think>Yes", LIKELY),
        ([Token("It", LIKELY), YES], "ItYes", LIKELY),  # of its first word
        ([OPEN, START, CLOSE, START, YES], "<think>It</think>ItYes", START.likely),
        ([START, YES], "Yes", []),  # a thought that the answer does not have
        ([OPEN, START], "<think>It", []),
        ([], "Yes", []),
    ],
)
def test_the_deciding_token(tokens: list[Token], answer: str, found: list[tuple[str, float]]) -> None:
    assert deciding(tokens, answer) == found


def test_probability_is_of_all_spellings_and_of_yes_against_no() -> None:
    chances = chances_of(LIKELY)
    assert chances is not None
    assert chances.probability == pytest.approx(0.6 / 0.8)
    without = chances_of([LIKELY[0], LIKELY[3]])
    assert without is not None
    assert without.probability == pytest.approx(
        0.5 / 0.55
    )  # no is at most as likely as the least that was reported
    neither = chances_of([LIKELY[3]])
    assert neither is not None
    assert neither.probability is None
    assert chances_of([]) is None


def test_a_judge_that_says_neither_is_read_by_its_probabilities_if_it_tells_them() -> None:
    reported = {"yes": 0.1, "no": 0.3, "least": 0.01}
    found = reading_of({"answer": "The", "chances": reported})
    assert found is not None
    assert found.fits is False
    assert found.probability == pytest.approx(0.25)
    assert reading_of({"answer": "Yes", "chances": None}) == (True, None)
    assert reading_of({"answer": "The", "chances": None}) is None
    assert reading_of({"answer": "The", "chances": {"yes": 0.0, "no": 0.0, "least": 0.1}}) is None
    assert reading_of({"answer": "The", "chances": {"yes": "much", "no": 0.1, "least": 0.1}}) is None


def _choice(content: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Yes"}
    return {"choices": [{"message": message, "logprobs": {"content": content}}]}


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "Yes",
        [3],
        [{"token": 3, "logprob": -1.0}],
        [{"token": "Yes", "logprob": "high"}],
        [{"token": "Yes", "logprob": float("nan")}],
        [{"token": "Yes", "top_logprobs": {"Yes": -1}}],
        [{"token": "Other", "logprob": -1.0}],
    ],
)
def test_other_forms_of_probabilities_leave_the_word(content: Any) -> None:
    found = read_completion(_choice(content), clean=str)
    assert isinstance(found, Answered)
    assert (found.text, found.chances) == ("Yes", None)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["token", "logprob", "top_logprobs", "content"]), inner)
    ),
    max_leaves=12,
)


@given(json_values, st.text(max_size=20))
def test_any_answer_is_read_or_refused(reported: Any, answer: str) -> None:
    tokens = tokens_of({"logprobs": reported})
    chances = chances_of(deciding(tokens, answer))
    reading = reading_of({"answer": answer, "chances": chances and chances._asdict()})
    assert reading is None or reading.probability is None or 0 <= reading.probability <= 1
