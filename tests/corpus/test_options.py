from typing import Any

import pytest

from neurolect.corpus import PrepareOptions
from neurolect.errors import OptionError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_words", 0),
        ("max_characters", 5),
        ("held_out", 1.0),
        ("held_out", -0.1),
        ("seed", -1),
        ("duplicates", "yes"),
        ("newlines", "crlf"),
        ("text_documents", "word"),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(OptionError, match=f"prepare.{name} is"):
        PrepareOptions(**options)
