"""Counts over all sentences read."""

from collections import Counter

import pyarrow as pa

from neurolect.collector.background import Background
from neurolect.corpus.sentences.words import split_words

TEXTS = ["The whale, the whale!", "A whale is no fish.", "Call me Ishmael.", "Fish and whales."]
TABLE = pa.table(
    {
        "text": TEXTS,
        "n_words": pa.array([3, 5, 3, 3], pa.int32()),
        "author": ["Melville", None, "Melville", "Nobody"],
        "year": [1851.0, 1851.0, None, 0.5],
    }
)


def counted(*parts: pa.Table, max_words: int = 1000) -> Background:
    background = Background(["author", "year"], max_words=max_words)
    for part in parts:
        background.update(part)
    return background


def test_counts_each_word_once_a_sentence() -> None:
    words = dict(zip(*(column.to_pylist() for column in counted(TABLE).words_table().columns), strict=True))
    expected: Counter[str] = Counter()
    for text in TEXTS:
        expected.update({word.lower() for word in split_words(text)})
    assert words == expected
    assert words["the"] == 1
    assert words["whale"] == 2


def test_counts_lengths_and_metadata() -> None:
    background = counted(TABLE)
    assert background.lengths_table().to_pylist() == [
        {"n_words": 3, "n_sentences": 3},
        {"n_words": 5, "n_sentences": 1},
    ]
    rows = {(row["field"], row["value"]): row["n_sentences"] for row in background.metadata_table().to_pylist()}
    assert rows == {
        ("author", "Melville"): 2,
        ("author", "Nobody"): 1,
        ("author", None): 1,
        ("year", "1851"): 2,
        ("year", "0.5"): 1,
        ("year", None): 1,
    }


def test_merging_and_arrays_equal_one_pass() -> None:
    whole, first, second = counted(TABLE), counted(TABLE.slice(0, 3)), counted(TABLE.slice(3))
    first.merge(Background.from_arrays(second.to_arrays(), fields=["author", "year"]))
    for name in ("words_table", "lengths_table", "metadata_table"):
        assert getattr(first, name)().equals(getattr(whole, name)())


def test_bounded_words_keep_the_frequent() -> None:
    texts = [f"whale word{number} sea" for number in range(300)]
    table = pa.table(
        {"text": texts, "n_words": pa.array([3] * 300, pa.int32()), "author": ["x"] * 300, "year": [1.0] * 300}
    )
    background = Background(["author", "year"], max_words=50)
    for start in range(0, 300, 20):
        background.update(table.slice(start, 20))
    words = dict(zip(*(column.to_pylist() for column in background.words_table().columns), strict=True))
    assert len(words) <= 50
    assert words["whale"] == words["sea"] == 300
    assert background.word_floor >= 1
    again = Background.from_arrays(background.to_arrays(), fields=["author", "year"])
    assert (again.word_floor, again.max_words) == (background.word_floor, 50)
