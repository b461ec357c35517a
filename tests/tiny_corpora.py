"""A small corpus made in memory: documents of three kinds, with metadata."""

import json
import random
from pathlib import Path

from neurolect.corpus import Corpus, PrepareOptions, prepare

TOPICS = {
    "film": ("movie", "film", "great", "bad", "good"),
    "sport": ("team", "game", "first", "time", "way"),
    "money": ("bank", "price", "oil", "car", "new"),
}
FILL = ("the", "of", "and", "a", "to", "in", "is", "was", "he", "for", "it", "with", "as", "his", "on", "be", "at")


def write_documents(path: Path, *, n_documents: int = 60, seed: int = 0) -> Path:
    """Write documents as JSON lines: ``text``, ``topic``, ``year``."""
    choose = random.Random(seed)
    lines = []
    for number in range(n_documents):
        topic = sorted(TOPICS)[number % 3]
        sentences = []
        for position in range(choose.randrange(4, 12)):
            words = [choose.choice(FILL) for _ in range(choose.randrange(2, 18))] + [choose.choice(TOPICS[topic])]
            choose.shuffle(words)
            sentences.append(f"{words[0].capitalize()} {' '.join(words[1:])} {number} of {position}.")
        lines.append(json.dumps({"text": " ".join(sentences), "topic": topic, "year": 1990 + number % 7}))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def tiny_corpus(folder: Path, *, n_documents: int = 60, seed: int = 0) -> Corpus:
    """Prepare a corpus of some four hundred sentences."""
    source = write_documents(folder / "documents.jsonl", n_documents=n_documents, seed=seed)
    return prepare([source], out=folder / "corpus", options=PrepareOptions())
