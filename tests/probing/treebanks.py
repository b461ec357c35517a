"""Small treebanks of random sentences whose tags depend on the words."""

import json
import random
from pathlib import Path
from typing import Any

from tests.tiny_models import WORDS

SUFFIXED = ("walking", "badly", "greatness", "movement", "talked")


def sentences(n: int = 120, *, seed: int = 0, longest: int = 9) -> list[dict[str, Any]]:
    """Make sentences: words, tags, heads, relations, a document, a score, a topic."""
    choose = random.Random(seed)
    made: list[dict[str, Any]] = []
    for number in range(n):
        words = choose.choices([*WORDS[:60], *SUFFIXED, "x-ray", "don't", "3.5", ","], k=choose.randint(1, longest))
        made.append(
            {
                "sent_id": f"s{number}",
                "document": f"d{number // 4}",
                "topic": ("film", "oil", "film")[number % 3],
                "score": choose.random(),
                "tokens": words,
                "tags": ["PUNCT" if word == "," else "NUM" if word == "3.5" else word[0].upper() for word in words],
                "head": [0 if not place else choose.randint(1, place) for place in range(len(words))],
                "deprel": [
                    "root" if not place else choose.choice(("det", "nsubj", "punct")) for place in range(len(words))
                ],
            }
        )
    return made


def write_treebank(path: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    """Write sentences as JSON lines."""
    lines = (json.dumps(each) for each in (sentences() if rows is None else rows))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
