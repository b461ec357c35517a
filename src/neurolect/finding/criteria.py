"""What a search asks of sentences: words, patterns, expressions, metadata; and which sentences have it."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.finding.conditions import background_of, parse_condition, sentences_where
from neurolect.finding.evidence_labels import parse_evidence, sentences_having
from neurolect.finding.examples import sentences_like
from neurolect.finding.patterns import Pattern, parse_pattern, sentences_with
from neurolect.store import Run
from neurolect.store.sentence_index import SentenceIndex

SENTENCES_PER_THREAD = 20_000
CHUNKS_PER_THREAD = 4


class Asked(NamedTuple):
    """What a search asks for; a sentence must have all of it."""

    word: str | None = None
    pattern: str | None = None
    tag: str | None = None
    regex: str | None = None
    where: str | None = None
    has: str | None = None
    examples: tuple[str, ...] | None = None

    @property
    def given(self) -> dict[str, object]:
        """What was asked for at all."""
        return {name: each for name, each in self._asdict().items() if each is not None}


class Found(NamedTuple):
    """The sentences that have what was asked for."""

    rows: NDArray[np.int64]
    """Numbers among the kept sentences, ascending."""
    label: str
    """What they have, for people."""
    background: tuple[int, int] | None
    """How many of all sentences read have it, and how many were read; None where only the sample can tell."""


def find_sentences(asked: Asked, *, run: Run, index: SentenceIndex) -> Found:
    """Find the kept sentences that have all that is asked for."""
    each, *more = _each(asked, run=run, index=index)
    for other in more:
        rows = np.intersect1d(each.rows, other.rows, assume_unique=True)
        each = Found(rows, f"{each.label} & {other.label}", None)
    return each


def _each(asked: Asked, *, run: Run, index: SentenceIndex) -> Iterator[Found]:
    """Yield what is found for every thing asked for."""
    gaps = _gaps(run)
    for text in (asked.word, asked.pattern):
        if text is not None:
            pattern = parse_pattern(text, word_gap=gaps[0], tag_gap=gaps[1], is_word=index.has_word)
            yield _pattern_found(pattern, _told(text), run=run, index=index)
    if asked.tag is not None:
        bracketed = " ".join(
            piece if piece.startswith("*") else f"<{piece}>" for piece in asked.tag.upper().split()
        )
        pattern = parse_pattern(bracketed, word_gap=gaps[0], tag_gap=gaps[1])
        yield _pattern_found(pattern, " ".join(asked.tag.upper().split()), run=run, index=index)
    if asked.regex is not None:
        yield Found(_matching(asked.regex, index.texts), f"/{asked.regex}/", None)
    if asked.where is not None:
        condition = parse_condition(asked.where, run)
        yield Found(sentences_where(condition, run), condition.text, background_of(condition, run))
    if asked.has is not None:
        kind, label = parse_evidence(asked.has)
        yield Found(sentences_having(kind, label, run), f"{kind.title} {label}", None)
    if asked.examples is not None:
        rows = sentences_like(asked.examples, index)
        yield Found(rows, f"like {len(asked.examples)} example{'s' if len(asked.examples) > 1 else ''}", None)


def _gaps(run: Run) -> tuple[int, int]:
    """Give the gaps of the run's own patterns, so that a search for one counts what its card counts."""
    options = run.manifest["options"].get("describe", {})
    return int(options.get("word_gap", 4)), int(options.get("tag_gap", 1))


def _told(text: str) -> str:
    return " ".join(piece if piece.startswith("<") else piece.lower() for piece in text.split())


def _pattern_found(pattern: Pattern, label: str, *, run: Run, index: SentenceIndex) -> Found:
    if any(step.is_tag for step in pattern) and not index.tags:
        what = f"The run {run.folder} has no parts of speech: no tagger ran when it was described."
        raise OptionError(what, hint=f"Describe it with a tagger: neurolect describe {run.folder}")
    background = None
    if len(pattern) == 1 and not pattern[0].is_tag:
        background = _word_background(pattern[0].item, run)
    return Found(sentences_with(pattern, index), label, background)


def _word_background(word: str, run: Run) -> tuple[int, int] | None:
    """Count the sentences read that hold a word; None for what was not counted: marks, and rarities let go."""
    words = run.table("background/words")
    row = pc.index(words.column("word"), word).as_py()
    if row < 0:
        return None
    n_read = pc.sum(run.table("background/lengths", columns=["n_sentences"]).column("n_sentences")).as_py()
    return words.column("n_sentences")[row].as_py(), n_read


def _matching(expression: str, texts: pa.Array) -> NDArray[np.int64]:
    """Find the sentences that match a regular expression, in time that grows with their length alone (RE2)."""
    threads = min(os.cpu_count() or 1, 1 + len(texts) // SENTENCES_PER_THREAD)
    size = max(1, -(-len(texts) // (threads * CHUNKS_PER_THREAD)))
    chunks = [texts.slice(at, size) for at in range(0, len(texts), size)]

    def match(chunk: pa.Array) -> NDArray[np.bool_]:
        matched: NDArray[np.bool_] = pc.match_substring_regex(chunk, pattern=expression).to_numpy(
            zero_copy_only=False
        )
        return matched

    try:
        with ThreadPoolExecutor(threads) as pool:
            matched = list(pool.map(match, chunks))
    except pa.ArrowInvalid as error:
        what = f"{expression!r} is no regular expression that can be searched for: {error}."
        expected = "RE2 syntax: no look-around, no back-references; (?i) at the start for any case"
        raise OptionError(what, expected=expected) from error
    return np.flatnonzero(np.concatenate(matched)) if matched else np.empty(0, dtype=np.int64)
