"""What an error says."""

import pytest

from neurolect.errors import MissingExtraError, NeurolectError, nearest, require_extra


def test_a_message_has_what_expected_and_hint() -> None:
    error = NeurolectError("It failed with 3.", expected="4", hint="try 4")
    assert str(error) == "It failed with 3.\nExpected: 4\nHint: try 4"
    assert (error.what, error.expected, error.hint) == ("It failed with 3.", "4", "try 4")


def test_a_missing_extra_gives_the_install_line() -> None:
    with pytest.raises(MissingExtraError, match=r"'no_such_lib' is needed for tags(.|\n)*pip install "):
        require_extra("no_such_lib", extra="describe", purpose="for tags")
    assert require_extra("json", extra="describe", purpose="here").__name__ == "json"


def test_nearest_names() -> None:
    assert nearest("athor", ["author", "year", "topic"]) == "'author'"
    assert nearest("zzz", ["a", "b"]) == "'a', 'b'"
