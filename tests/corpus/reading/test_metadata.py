import datetime
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from neurolect.corpus import PrepareOptions, prepare
from neurolect.corpus.reading.documents import fit_metadata
from neurolect.corpus.reading.fields import Field

NUMBER = Field("n", "n", "number")
CATEGORY = Field("c", "c", "category")


@pytest.mark.parametrize(
    ("field", "value", "fitted", "is_misfit"),
    [
        (NUMBER, 3, 3.0, False),
        (NUMBER, "2.5", 2.5, False),
        (NUMBER, Decimal("1.5"), 1.5, False),
        (NUMBER, float("nan"), None, False),
        (NUMBER, float("inf"), None, True),
        (NUMBER, "many", None, True),
        (NUMBER, True, None, True),
        (NUMBER, 10**400, None, True),
        (CATEGORY, "a \n b\x00", "a b", False),
        (CATEGORY, "", None, False),
        (CATEGORY, "\ud800", None, False),
        (CATEGORY, True, "true", False),
        (CATEGORY, 3, "3", False),
        (CATEGORY, datetime.date(1990, 1, 2), "1990-01-02", False),
        (CATEGORY, ["a"], None, True),
        (CATEGORY, {"a": 1}, None, True),
        (CATEGORY, "x" * 900, "x" * 500, False),
        (CATEGORY, None, None, False),
    ],
)
def test_values_are_fitted_or_counted(field: Field, value: object, fitted: object, is_misfit: bool) -> None:
    misfits: Counter[str] = Counter()
    assert fit_metadata({field.column: value}, fields=[field], misfits=misfits) == (fitted,)
    assert misfits[field.name] == is_misfit


@pytest.mark.parametrize(
    ("value", "how"),
    [
        ("x" * 501, "cut"),
        ("x" * 500, ""),
        ("a\ud800b", "unshown"),
        ("\ud800", "unshown"),
        ("a\x01", "unshown"),
        ("a\n\tb", ""),
    ],
)
def test_values_that_are_not_kept_whole_are_counted(value: str, how: str) -> None:
    changed: Counter[tuple[str, str]] = Counter()
    fit_metadata({CATEGORY.column: value}, fields=[CATEGORY], misfits=Counter(), changed=changed)
    assert +changed == (Counter({(CATEGORY.name, how): 1}) if how else Counter())


def test_values_that_are_not_kept_whole_are_reported(tmp_path: Path) -> None:
    rows = [
        {"text": f"A dog ran home {n} times", "a{b": "x" * 600, "half": "\ud800" if n else "y"} for n in range(3)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    options = PrepareOptions(held_out=0, metadata_columns=("a{b", "half"))
    notices = prepare([path], out=tmp_path / "c", options=options).manifest["notices"]
    assert "3 values of the field 'a{b' had more than 500 characters and were cut." in notices
    assert "2 values of the field 'half' had half characters or signs of control, which were left out." in notices
