import datetime
from collections import Counter
from decimal import Decimal

import pytest

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
