"""Wrong options are named."""

from typing import Any

import pytest

from neurolect.errors import OptionError
from neurolect.model.options import ModelOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sites": ("hiden",)}, r"model.sites holds 'hiden'(.|\n)*nearest: 'hidden'"),
        ({"sites": ()}, r"model.sites is \(\)"),
        ({"sites": ("mlp", "mlp")}, "each named once"),
        ({"pooling": "average"}, "Expected: one of mean, max, first, last"),
        ({"special_tokens": "yes"}, "Expected: one of exclude, include"),
        ({"dtype": "int8"}, "Expected: one of auto, float32, float16, bfloat16"),
        ({"layers": ()}, r"model.layers is \(\)"),
        ({"layers": (1, 1)}, "each named once"),
        ({"layers": (-1,)}, "layer numbers from 0"),
        ({"max_tokens": 0}, "model.max_tokens is 0"),
        ({"max_tokens": 40000}, "a number from 1 to 32767"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ModelOptions(**options)
