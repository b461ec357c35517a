"""Texts with and without a concept, for tiny models and for the planted one."""

import csv
from pathlib import Path

import numpy as np

from neurolect.interventions import SteerOptions
from neurolect.planted.corpus import _written
from neurolect.planted.grammar import CLASS_OF, document

FEW = SteerOptions(
    sites=("mlp",), top=(2, 4), strengths=(1.0, 3.0), tokens=4, draws=2, n_bootstrap=50, rank_texts=12,
    judge_texts=12, dev_texts=3, test_texts=6,
)  # fmt: skip
"""Small."""


def write_texts(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "topic"), *rows])
    return path


def films_and_banks(path: Path, *, n: int = 40) -> Path:
    """Write different short texts of words that the tiny models know."""
    random = np.random.default_rng(0)
    rest = ["the", "team", "was", "good", "great", "bad", "car", "game", "price", "more", "would"]
    rows = {
        (" ".join([word, *random.choice(rest, 5)]), topic)
        for topic, word in (("film", "film"), ("bank", "bank"))
        for _ in range(n)
    }
    return write_texts(path, sorted(rows))


def plurals(path: Path) -> Path:
    """Write sentences of the planted model's language, by whether a plural is in them."""
    made = [words for number in range(60) for words in document(number, seed=1)[1]]
    is_of = ["plural" if any(CLASS_OF[word] == "plural" for word in words) else "none" for words in made]
    return write_texts(path, list(zip(map(_written, made), is_of, strict=True)))
