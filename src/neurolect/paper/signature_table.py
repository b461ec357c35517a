"""The found neurons with their signatures, as [E] table 2 prints them."""

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa

from neurolect.results.tag_numbers import WORD_CLASSES
from neurolect.signatures.evidence.patterns import PHRASE_ROWS, TAG_PATTERN_ROWS
from neurolect.signatures.evidence.rows import Rows
from neurolect.signatures.evidence.words import SHOWN_ROWS
from neurolect.store import Run

QUOTED_WORDS = 12
"""A typical sentence is quoted no longer than that."""
_MOST_WORDS, _MOST_PATTERNS = 6, 3


class SignatureRow(NamedTuple):
    """A neuron's signature in short."""

    kind: str
    address: str
    words: tuple[str, ...]
    """By log-odds z."""
    word_patterns: tuple[str, ...]
    tag_patterns: tuple[str, ...]
    shares: tuple[float, float, float] | None
    """Of nouns, verbs and adjectives; None without tags."""
    length: float
    typical: str


def signature_rows(run: Run, addresses: Mapping[str, str]) -> list[SignatureRow]:
    """Read the signatures of neurons."""
    rows = []
    for kind, address in addresses.items():
        signature = run.neuron(address).signature("top")
        summary = signature["summary"].to_pylist()[0]
        shares = tuple(summary[f"{name}_share"] for name in WORD_CLASSES)
        rows.append(
            SignatureRow(
                kind,
                address,
                _leading(signature, SHOWN_ROWS, _MOST_WORDS),
                _leading(signature, PHRASE_ROWS, _MOST_PATTERNS),
                _leading(signature, TAG_PATTERN_ROWS, _MOST_PATTERNS),
                None if None in shares else shares,
                float(summary["mean_length"]),
                _typical(run, summary["typical_sentence_id"]),
            )
        )
    return rows


def _leading(signature: Mapping[str, pa.Table], rows: Rows, n: int) -> tuple[str, ...]:
    table = rows.of(signature[rows.table]).sort_by([("log_odds_z", "descending")])
    return tuple(rows.labels_of(table).to_pylist()[:n])


def _typical(run: Run, sentence_id: int | None) -> str:
    """Quote the beginning of a sentence."""
    if sentence_id is None:
        return ""
    table = run.take_sentences(pa.array([sentence_id], pa.int64()).to_numpy())
    words = str(table.column("text")[0]).split()
    return " ".join(words[:QUOTED_WORDS]) + (" ..." if len(words) > QUOTED_WORDS else "")
