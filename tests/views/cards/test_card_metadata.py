from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from neurolect.store import Run, open_run
from neurolect.views.cards.metadata import holders, numbers_of, telling_values

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


def of_listed(field: str, value: str) -> NDArray[np.bool_]:
    return numbers_of(LISTED.column(field)).equal(value)


def reported(*rows: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["field"], each["value"]) for each in telling_values(list(rows), of_listed)]


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
    years = pa.chunked_array([[1810.0, 1819.0], [1820.0, None]])
    assert numbers_of(years).equal(value).tolist() == expected


def test_numbers_at_the_rounded_end_of_their_range_are_found() -> None:
    scores = pa.chunked_array([[-1.23456, 0.5, 2.34567, 2.4]])
    assert numbers_of(scores).equal("-1.235 to 2.345").tolist() == [True, True, True, False]


def test_numbers_are_rounded_by_those_of_the_list_alone() -> None:
    numbers = numbers_of(pa.chunked_array([[10_000.0, 20_005.0, 0.5]]))
    assert numbers.equal("10000\u201320000", np.array([0, 1])).tolist() == [True, False]
    assert numbers.equal("10000\u201320000").tolist() == [True, True, False]


def test_a_field_is_looked_up_in_alike_whether_reads_are_kept_or_not(example_run: Run) -> None:
    kept, plain = open_run(example_run.folder), open_run(example_run.folder)
    kept.keep_reads(1 << 24)
    sentences = plain.sentences().to_pylist()
    rng = np.random.default_rng(0)
    for field in ("domain", "author", "party", "sentiment"):
        values = {row[field] for row in sentences} - {None} | {"of none"}
        for value in sorted(values):
            chosen = [sentences[at] for at in rng.permutation(len(sentences))[:40]]
            ids = np.array([row["sentence_id"] for row in chosen])
            slow = [row[field] == value for row in chosen]
            assert [holders(run, ids)(field, value).tolist() for run in (kept, plain)] == [slow, slow]


def test_a_run_gives_the_rows_of_sentences(example_run: Run) -> None:
    ids = example_run.sentences().column("sentence_id").to_numpy()[[5, 2, 5]]
    assert example_run.rows_of_sentences("sentences", ids).equals(example_run.take_sentences(ids))
