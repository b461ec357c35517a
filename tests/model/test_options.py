"""Wrong options are named."""

from typing import Any

import pytest

from neurolect.errors import OptionError
from neurolect.model.options import ModelOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sites": ("hiden",)}, r"model.sites is \('hiden',\)(.|\n)*nearest: 'hidden'"),
        ({"sites": ()}, r"model.sites is \(\)"),
        ({"sites": ("mlp", "mlp")}, "each named once"),
        ({"pooling": "average"}, "Expected: one of mean, max, first, last"),
        ({"special_tokens": "yes"}, "Expected: 'exclude' or 'include'"),
        ({"dtype": "int8"}, "Expected: one of auto, float32, float16, bfloat16"),
        ({"layers": ()}, r"model.layers is \(\)"),
        ({"layers": (1, 1)}, "each named once"),
        ({"layers": (-1,)}, "each a whole number from 0"),
        ({"max_tokens": 0}, "model.max_tokens is 0"),
        ({"max_tokens": 40000}, "a whole number from 1 to 32,767"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ModelOptions(**options)
