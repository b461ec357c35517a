from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurolect.errors import OptionError
from neurolect.finding.patterns import Step, parse_pattern, sentences_with
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import code_sentences
from neurolect.signatures.inputs import Inputs, Lists
from neurolect.signatures.search_index.write import write_index
from neurolect.store import new_manifest
from neurolect.store.files import RunFiles
from neurolect.store.sentence_index import SentenceIndex
from tests.reference.found_sentences import holds

Sentence = list[tuple[str, str]]


def make_index(folder: Path, sentences: list[Sentence]) -> SentenceIndex:
    """Index sentences of (word, tag)."""
    strings = pa.list_(pa.string())
    words = pa.array([[word for word, _ in each] for each in sentences], strings)
    tags = pa.array([[tag for _, tag in each] for each in sentences], strings)
    n = len(sentences)
    inputs = Inputs(
        sentences=pa.table(
            {"text": pa.array([" ".join(word for word, _ in each) for each in sentences], pa.string())}
        ),
        sentence_ids=np.arange(n),
        lists=Lists(rows=np.arange(n, dtype=np.int32)[None], sides=("top",)),
        in_sample=np.ones(n, dtype=np.bool_),
        constant=np.zeros(1, dtype=np.bool_),
        not_finite=np.zeros(1, dtype=np.bool_),
        length_values=np.array([1]),
        length_counts=np.array([n]),
    )
    write_index(folder, inputs, code_sentences(Annotations(words, tags)))
    manifest = new_manifest(model={"name": "m", "sites": []}, corpus={"fields": []}, options={})
    return SentenceIndex(RunFiles(folder, manifest))


words = st.sampled_from("abc")
tags = st.sampled_from(["X", "Y"])
sentences = st.lists(st.lists(st.tuples(words, tags), max_size=7), min_size=1, max_size=8)
items = st.one_of(st.tuples(words, st.just(False)), st.tuples(tags, st.just(True)))
steps = st.lists(st.tuples(items, st.sampled_from([0, 0, 1, 2, 4, 40])), min_size=1, max_size=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sentences=sentences, asked=st.lists(steps, min_size=1, max_size=5))
def test_sentences_are_those_of_the_plain_way(
    sentences: list[Sentence], asked: list[list[tuple[tuple[str, bool], int]]], tmp_path: Path
) -> None:
    index = make_index(tmp_path, sentences)  # takes longer than any search
    for chosen in asked:
        pattern = [Step(item, is_tag, gap if number else 0) for number, ((item, is_tag), gap) in enumerate(chosen)]
        plain = [
            number
            for number, each in enumerate(sentences)
            if holds(pattern, [word for word, _ in each], [tag for _, tag in each])
        ]
        assert sentences_with(pattern, index).tolist() == plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("United States", [("united", False, 0), ("states", False, 0)]),
        ("as * as", [("as", False, 0), ("as", False, 4)]),
        ("<dt> * <nn>", [("DT", True, 0), ("NN", True, 1)]),
        ("<DT>*<NN>", [("DT", True, 0), ("NN", True, 1)]),
        ("<DT><JJ>*2<NN>", [("DT", True, 0), ("JJ", True, 0), ("NN", True, 2)]),
        ("<DT> * house", [("DT", True, 0), ("house", False, 4)]),
        ("not *2 but *0 also", [("not", False, 0), ("but", False, 2), ("also", False, 0)]),
        ("I don't", [("i", False, 0), ("do", False, 0), ("n't", False, 0)]),
    ],
)
def test_patterns_are_read(text: str, expected: list[tuple[str, bool, int]]) -> None:
    assert [tuple(step) for step in parse_pattern(text, word_gap=4, tag_gap=1)] == expected


def test_any_gap() -> None:
    assert parse_pattern("a ** b", word_gap=4, tag_gap=1)[1].gap > 10**6
    assert parse_pattern("a * b", word_gap=-1, tag_gap=1)[1].gap > 10**6


@pytest.mark.parametrize("text", ["", "  ", "*", "* the", "the *", "the * * house"])
def test_what_is_no_pattern_is_reported(text: str) -> None:
    with pytest.raises(OptionError, match="is no pattern"):
        parse_pattern(text, word_gap=4, tag_gap=1)


def test_a_piece_that_is_a_word_is_not_split() -> None:
    text = "Can't stop"
    assert len(parse_pattern(text, word_gap=4, tag_gap=1)) == 3
    whole = parse_pattern(text, word_gap=4, tag_gap=1, is_word=lambda word: word == "can't")
    assert [step.item for step in whole] == ["can't", "stop"]
