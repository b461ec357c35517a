from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import pytest

from neurolect.corpus.reading.documents import fit_metadata
from neurolect.corpus.reading.fields import (
    Field,
    Survey,
    choose_fields,
    find_text_column,
    survey_rows,
    to_number,
)
from neurolect.errors import CorpusError

SENTENCE = "a text that is long enough to be one"


def survey(*rows: Mapping[str, object], csv: bool = False) -> dict[str, Survey]:
    return survey_rows(rows, numbers_in_text=csv)


def test_text_column_by_name_then_by_length() -> None:
    assert find_text_column(survey({"Title": "x" * 99, "CONTENT": "a"}), source="s") == "CONTENT"
    assert find_text_column(survey({"body": "b", "text": "a"}), source="s") == "text"
    assert find_text_column(survey({"title": "short", "plot": SENTENCE}), source="s") == "plot"
    assert find_text_column(survey({"text": 3, "plot": SENTENCE}), source="s") == "plot"
    assert find_text_column(survey({"text": SENTENCE, "plot": "x"}), source="s", wanted="plot") == "plot"


def test_no_clear_text_column_names_the_columns() -> None:
    with pytest.raises(CorpusError, match=r"No column of s is clearly the text. Its columns: 'one', 'two'"):
        find_text_column(survey({"one": SENTENCE, "two": SENTENCE + "."}), source="s")
    with pytest.raises(CorpusError, match=r"s has no column 'txt'(.|\n)*Nearest: 'text'"):
        find_text_column(survey({"text": "a", "year": 3}), source="s", wanted="txt")


def fields_of(*rows: Mapping[str, object], csv: bool = False) -> tuple[list[tuple[str, str]], list[str]]:
    fields, notices = choose_fields([("text", survey(*rows, csv=csv))])
    return [(field.name, field.kind) for field in fields], notices


def test_kinds() -> None:
    rows: list[dict[str, object]] = [
        {"year": 1990, "score": 1.5, "flag": True, "zip": "0123"},
        {"year": None, "score": 2, "flag": False, "zip": "1"},
    ]
    kinds = [("year", "number"), ("score", "number"), ("flag", "category"), ("zip", "category")]
    assert fields_of(*rows)[0] == kinds
    assert fields_of({"year": "1990", "name": "a"}, {"year": "", "name": "3"}, csv=True)[0] == [
        ("year", "number"),
        ("name", "category"),
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["01000", "90210"], "category"),
        (["007", "7"], "category"),
        (["01", "12"], "number"),
        (["0.5", "0", "00"], "number"),
        (["2020_01", "2020_02"], "category"),
        (["9007199254740993", "9007199254740995"], "category"),
        (["9007199254740992", "-4503599627370497"], "number"),
        ([2**53 + 1, 2**53 + 3], "category"),
        ([10**25 + 1, 3], "category"),
        ([Decimal(2**60 + 1), Decimal(5)], "category"),
        ([Decimal("0.1"), Decimal("1E+400")], "category"),
        ([Decimal("0.1"), Decimal("3E+20")], "number"),
        ([2**64 - 1, *[7] * 99], "number"),
        ([10**400, 1, 2], "category"),
    ],
)
def test_numbers_that_are_names_keep_their_digits(values: list[object], kind: str) -> None:
    rows = [{"x": value} for value in values]
    fields, notices = fields_of(*rows, csv=True)
    assert fields == [("x", kind)]
    kept = fit_metadata(rows[0], fields=[Field("x", "x", "category")], misfits=Counter())
    assert kept == (str(values[0]),)
    looks_like_numbers = all(to_number(value) is not None for value in values)
    assert bool(notices) == (kind == "category" and looks_like_numbers)


def test_what_is_no_metadata_is_reported() -> None:
    rows = [
        {
            "id": str(n),
            "ref": f"AB-{n}",
            "row": n,
            "title": f"title {n}",
            "tags": [1],
            "note": "x" * 500,
            "none": None,
        }
        for n in range(60)
    ]
    fields, notices = fields_of(*rows)
    assert fields == [("title", "category")]
    for column, why in {
        "id": "its own value",
        "ref": "its own value",
        "row": "its own value",
        "tags": "lists or objects",
        "note": "long texts",
        "none": "empty",
    }.items():
        assert any(f"'{column}'" in notice and why in notice for notice in notices), column


def test_an_id_that_comes_again_says_something() -> None:
    assert fields_of(*({"id": n // 2} for n in range(60)))[0] == [("id", "number")]


def test_names_of_own_columns_get_an_underscore() -> None:
    fields, notices = choose_fields([("review", survey({"review": "a", "text": "b", "text_": "c", "position": 1}))])
    assert [field.name for field in fields] == ["text__", "text_", "position_"]
    assert [field.column for field in fields] == ["text", "text_", "position"]
    assert sum("its name was taken" in notice for notice in notices) == 2


def test_sources_are_taken_together() -> None:
    one, two = survey({"text": "a", "year": 3, "topic": "x"}), survey({"text": "a", "year": "old", "author": "y"})
    fields, _ = choose_fields([("text", one), ("text", two)])
    assert fields == [
        Field("year", "year", "category"),
        Field("topic", "topic", "category"),
        Field("author", "author", "category"),
    ]


def test_a_few_values_of_another_type_do_not_cost_the_column() -> None:
    rows = [{"year": 1990 + n, "tag": "x"} for n in range(38)]
    odd: list[dict[str, object]] = [{"year": "unknown", "tag": {"a": 1}}, {"year": [1], "tag": "y"}]
    fields, notices = fields_of(*rows, *odd)
    assert fields == [("year", "number"), ("tag", "category")]
    assert notices == []


def test_named_columns() -> None:
    surveys = [("text", survey({"text": "a", "id": 1, "year": 3, "tags": ["x"]}))]
    assert choose_fields(surveys, wanted=("year", "id")) == (
        [Field("year", "year", "number"), Field("id", "id", "number")],
        [],
    )
    with pytest.raises(CorpusError, match=r"no source has|No source has a metadata column 'yaer'"):
        choose_fields(surveys, wanted=("yaer",))
    with pytest.raises(CorpusError, match=r"'tags' holds lists or objects"):
        choose_fields(surveys, wanted=("tags",))
