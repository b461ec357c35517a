"""A tiny model and documents with labels, for the whole way in a second or two."""

import json
from pathlib import Path
from typing import Any

from neurolect.config import RunConfig, load_config
from neurolect.paper import PaperOptions
from neurolect.paper.steps import PAPER_DEFAULTS
from tests.tiny_corpora import write_documents

SETTINGS = (
    "describe.tagger=none",
    "describe.pattern_length=2",
    "relate.n_draws=20",
    "relate.n_starts=2",
    "relate.diversity_groups=[1, 8]",
)


def write_labelled(path: Path, *, without: tuple[str, ...] = (), n_documents: int = 120) -> Path:
    """Write documents with ``polarity`` (two thirds have one) and ``topic`` (three quarters)."""
    write_documents(path, n_documents=n_documents)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        row["polarity"] = None if number % 3 == 2 else ("positive", "negative")[number % 2]
        row["topic"] = None if number % 4 == 3 else row["topic"]
        for name in without:
            del row[name]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def quick_config() -> RunConfig:
    return load_config(defaults=PAPER_DEFAULTS, settings=SETTINGS)


def quick_options(folder: Path, **changed: Any) -> PaperOptions:
    values: dict[str, Any] = {"model": str(folder / "bert"), "corpus": str(folder / "documents.jsonl"), "epochs": 1}
    return PaperOptions(**values | changed)
