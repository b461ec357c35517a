from typing import Any

import pyarrow as pa
import pytest

from neurolect.views.cards.contents import holders, telling_values

# ten sentences: eight tweets, six of them by Ada, five of these on Mars
LISTED = pa.table(
    {
        "domain": ["tweet"] * 8 + ["book"] * 2,
        "author": ["Ada"] * 6 + ["Bob"] * 2 + [None, None],
        "kind": ["short"] * 8 + [None, None],
        "topic": ["Mars"] * 5 + ["no"] * 5,
        "score": [0.5] * 8 + [None, None],
    }
)


def row(field: str, value: str | None, share: float, lift: float | None, z: float = 10.0) -> dict[str, Any]:
    return {"field": field, "value": value, "share_list": share, "lift": lift, "log_odds_z": z}


def reported(*rows: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["field"], each["value"]) for each in telling_values(list(rows), LISTED)]


def test_a_value_within_another_needs_a_higher_lift() -> None:
    tweet = row("domain", "tweet", 0.8, 4.0)
    assert reported(tweet, row("author", "Ada", 0.6, 4.5)) == [("domain", "tweet")]
    assert reported(tweet, row("author", "Ada", 0.6, 9.0)) == [("domain", "tweet"), ("author", "Ada")]
    assert reported(tweet, row("topic", "Mars", 0.5, None)) == [("domain", "tweet"), ("topic", "Mars")]


def test_a_value_of_the_same_sentences_is_reported_once_whatever_its_lift() -> None:
    assert reported(row("domain", "tweet", 0.8, 4.0), row("kind", "short", 0.8, 40.0)) == [("domain", "tweet")]


def test_values_of_one_field_do_not_leave_each_other_out() -> None:
    assert len(reported(row("author", "Ada", 0.6, 4.0), row("author", "Bob", 0.2, 4.0))) == 2


@pytest.mark.parametrize(("value", "share"), [("no", 0.5), (None, 0.5), ("Mars", 0.01)])
def test_uninformative_values_and_rare_ones_are_left_out(value: str | None, share: float) -> None:
    assert reported(row("topic", value, share, 9.0)) == []


def test_values_much_weaker_than_the_strongest_are_left_out() -> None:
    strong = row("author", "Bob", 0.2, 9.0, z=100.0)
    assert reported(strong, row("topic", "Mars", 0.5, 1.2, z=4.0)) == [("author", "Bob")]
    assert len(reported(strong, row("topic", "Mars", 0.5, 1.2, z=6.0))) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1810\u20131819", [True, True, False, False]),
        ("1819", [False, True, False, False]),
        ("-2 to 1820", [True, True, True, False]),
    ],
)
def test_numbers_are_found_by_their_range(value: str, expected: list[bool]) -> None:
    listed = pa.table({"year": [1810.0, 1819.0, 1820.0, None]})
    assert holders(listed, "year", value).tolist() == expected


def test_numbers_at_the_rounded_end_of_their_range_are_found() -> None:
    listed = pa.table({"score": [-1.23456, 0.5, 2.34567, 2.4]})
    assert holders(listed, "score", "-1.235 to 2.345").tolist() == [True, True, True, False]


def test_a_field_whose_name_was_taken_is_found_under_its_other_name() -> None:
    listed = pa.table({"text": ["a", "b"], "text_": ["x", "y"]})
    assert holders(listed, "text", "y").tolist() == [False, True]
