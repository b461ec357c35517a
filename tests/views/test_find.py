from typing import Any

import pytest

from neurolect.errors import NeurolectError, OptionError, RunFolderError
from neurolect.store import Run
from neurolect.views import find


@pytest.mark.parametrize(
    ("what", "address"),
    [
        ({"word": "Water"}, "hidden.2.6"),
        ({"tag": "nn"}, "hidden.2.0"),
        ({"where": "domain=recipe"}, "hidden.1.0"),
        ({"where": "author = jane austen"}, "hidden.1.2"),
    ],
)
def test_the_neuron_made_for_it_comes_first(example_run: Run, what: dict[str, Any], address: str) -> None:
    found = find(example_run, **what)
    assert found["address"][0].as_py() == address
    assert found["side"][0].as_py() == "top"
    z = found["log_odds_z"].to_pylist()
    assert z == sorted(z, reverse=True)


def test_limit_and_side(example_run: Run) -> None:
    found = find(example_run, tag="NN", side="bottom", limit=3)
    assert found.num_rows == 3
    assert set(found["side"].to_pylist()) == {"bottom"}


def test_the_row_tells_name_and_shares(example_run: Run) -> None:
    row = find(example_run, where="domain=technical", limit=1).to_pylist()[0]
    assert row["name"] == "domain: technical"
    assert row["share_list"] == pytest.approx(row["n_list"] / 60)
    assert row["lift"] == pytest.approx(row["share_list"] / row["share_background"], rel=1e-4)


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        ({"word": "shal"}, RunFolderError, r"does not have it either(.|\n)*'shall'"),
        ({"where": "domain=recipes"}, RunFolderError, r"domain 'recipes'(.|\n)*'recipe'"),
        ({"where": "year=12"}, RunFolderError, "year '12'"),
        ({"tag": "NNPP"}, RunFolderError, "Nearest: 'NNP'"),
        ({"where": "genre=x"}, OptionError, "one of 'domain', 'author'"),
        ({"where": "domain"}, OptionError, "field=value"),
        ({"word": "a", "tag": "b"}, OptionError, "exactly one"),
        ({}, OptionError, "exactly one"),
        ({"word": "the", "side": "up"}, OptionError, "no side 'up'"),
        ({"word": "the", "limit": 0}, OptionError, "limit is 0"),
    ],
)
def test_what_cannot_be_found_is_told_with_what_could(
    example_run: Run, what: dict[str, Any], error: type[NeurolectError], message: str
) -> None:
    with pytest.raises(error, match=message):
        find(example_run, **what)


def test_a_word_of_the_corpus_that_no_list_stands_out_with_says_how_common_it_is(example_run: Run) -> None:
    listed = set(example_run.table("signatures/words")["word"].to_pylist())
    word = next(w for w in example_run.table("background/words")["word"].to_pylist() if w not in listed)
    with pytest.raises(RunFolderError, match=r"The corpus has it in \d+ sentences"):
        find(example_run, word=word)
