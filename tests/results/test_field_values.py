"""Metadata values as codes, numbers in ranges."""

import numpy as np
import pyarrow as pa

from neurolect.results.field_values import code_categories, code_numbers

DASH = "\u2013"


def test_categories_have_codes_and_background_counts() -> None:
    field = code_categories(
        "author",
        pa.array(["Poe", None, "Austen"]),
        background_values=["Austen", None, "Poe", "Melville"],
        background_counts=np.array([5, 2, 3, 1]),
    )
    assert field.values == ["Austen", "Melville", "Poe"]
    assert field.codes.tolist() == [2, -1, 0]
    assert field.background.tolist() == [5, 1, 3]
    assert field.n_background == 11


def test_few_numbers_stay_as_they_are() -> None:
    field = code_numbers(
        "stars",
        np.array([5.0, np.nan, 1.0]),
        background_values=np.array([1.0, 2.5, 5.0, np.nan]),
        background_counts=np.array([4, 1, 3, 9]),
    )
    assert field.values == ["1", "2.5", "5"]
    assert field.codes.tolist() == [2, -1, 0]
    assert field.background.tolist() == [4, 1, 3]
    assert field.n_background == 17


def test_years_become_decades() -> None:
    years = np.arange(1985, 2013, dtype=np.float64)
    field = code_numbers("year", years, background_values=years, background_counts=np.ones(len(years), np.int64))
    assert field.values == [f"1980{DASH}1989", f"1990{DASH}1999", f"2000{DASH}2009", f"2010{DASH}2019"]
    assert field.background.tolist() == [5, 10, 10, 3]
    assert field.codes[years == 1990.0].tolist() == [1]


def test_many_numbers_become_about_ten_ranges_of_equal_weight() -> None:
    values = np.arange(-50, 950, dtype=np.float64) / 10
    field = code_numbers("score", values, background_values=values, background_counts=np.ones(1000, np.int64))
    assert len(field.values) == 10
    assert field.background.tolist() == [100] * 10
    assert field.values[0] == "-5 to 4.9"
    assert field.values[1] == f"5{DASH}14.9"
