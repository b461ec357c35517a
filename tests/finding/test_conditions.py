from typing import Any

import pytest

from neurolect.errors import OptionError
from neurolect.finding.conditions import background_of, parse_condition, sentences_where
from neurolect.store import Run


def fits(value: Any, comparison: str, low: float, high: float) -> bool:
    if value is None:
        return False
    holds: dict[str, bool] = {
        "=": low <= value <= high,
        "<": value < low,
        "<=": value <= low,
        ">": value > low,
        ">=": value >= low,
    }
    return holds[comparison]


@pytest.mark.parametrize(
    ("text", "comparison", "low", "high"),
    [
        ("year=1811", "=", 1811, 1811),
        ("year = 1800-1899", "=", 1800, 1899),
        ("year=1800\u20131899", "=", 1800, 1899),
        ("year=1800 to 1899", "=", 1800, 1899),
        ("year=1800..1899", "=", 1800, 1899),
        ("year<1900", "<", 1900, 0),
        ("year <= 1811", "<=", 1811, 0),
        ("year>1811", ">", 1811, 0),
        ("year>=1811", ">=", 1811, 0),
    ],
)
def test_numbers(example_run: Run, text: str, comparison: str, low: float, high: float) -> None:
    years = example_run.sentences().column("year").to_pylist()
    found = sentences_where(parse_condition(text, example_run), example_run)
    assert found.tolist() == [row for row, year in enumerate(years) if fits(year, comparison, low, high)]
    assert len(found)


def test_values_in_any_case_and_their_background(example_run: Run) -> None:
    condition = parse_condition(" author = jane austen ", example_run)
    authors = example_run.sentences().column("author").to_pylist()
    rows = [row for row, author in enumerate(authors) if author == "Jane Austen"]
    assert sentences_where(condition, example_run).tolist() == rows
    # the example's background are its sentences
    assert background_of(condition, example_run) == (len(rows), len(authors))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("domain", "no condition(.|\n)*field=value"),
        ("genre=x", "one of 'domain', 'author'"),
        ("domain>x", "holds no numbers"),
        ("year=old", "'old' is none"),
        ("year=nan", "'nan' is none"),
        ("year=1e999", "'1e999' is none"),
        ("year>=-inf", "'-inf' is none"),
        ("year=1-1e999", "'1-1e999' is none"),
        ("year>1900-1910", "'1900-1910' is none"),
    ],
)
def test_mistakes(example_run: Run, text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_condition(text, example_run)
