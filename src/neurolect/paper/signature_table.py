"""The found neurons with their signatures, as [E] table 2 prints them."""

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.store import Run

__all__ = ["SignatureRow", "signature_rows"]

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
    """Read the signatures of neurons.

    Parameters
    ----------
    run : Run
        A described run.
    addresses : mapping of str to str
        Kind to address.

    Returns
    -------
    list of SignatureRow
        In the order given.
    """
    rows = []
    for kind, address in addresses.items():
        signature = run.neuron(address).signature("top")
        summary = signature["summary"].to_pylist()[0]
        words = signature["words"]
        patterns = signature["skip_ngrams"]
        shares = tuple(summary[f"{name}_share"] for name in ("noun", "verb", "adjective"))
        rows.append(
            SignatureRow(
                kind,
                address,
                _leading(words.filter(pc.equal(words.column("word_class"), "all")), "display", _MOST_WORDS),
                _leading(patterns.filter(pc.equal(patterns.column("item"), "word")), "pattern", _MOST_PATTERNS),
                _leading(patterns.filter(pc.equal(patterns.column("item"), "tag")), "pattern", _MOST_PATTERNS),
                None if None in shares else shares,
                float(summary["mean_length"]),
                _typical(run, summary["typical_sentence_id"]),
            )
        )
    return rows


def _leading(table: pa.Table, column: str, n: int) -> tuple[str, ...]:
    return tuple(table.sort_by([("log_odds_z", "descending")]).column(column).to_pylist()[:n])


def _typical(run: Run, sentence_id: int | None) -> str:
    """Quote the beginning of a sentence."""
    if sentence_id is None:
        return ""
    table = run.take_sentences(pa.array([sentence_id], pa.int64()).to_numpy())
    words = str(table.column("text")[0]).split()
    return " ".join(words[:QUOTED_WORDS]) + (" ..." if len(words) > QUOTED_WORDS else "")
