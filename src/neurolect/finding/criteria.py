"""What a search asks of sentences: words, patterns, expressions, metadata; and which sentences have it."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.corpus.sentences.words import is_word, split_words
from neurolect.errors import OptionError
from neurolect.finding.conditions import (
    background_of,
    parse_condition,
    parse_evidence,
    sentences_having,
    sentences_where,
)
from neurolect.finding.patterns import Pattern, parse_pattern, sentences_with
from neurolect.signatures.annotation.word_rule import check_same_rule
from neurolect.store import Run
from neurolect.store.sentence_index import SentenceIndex
from neurolect.store.stage_kinds import described_with_tagger

# The kept sentences most like some examples, by the rare words they share.
SHARE = 0.01
"""So much of the kept sentences is taken, the most alike."""
FEWEST = 20
COMMON = 0.1
"""Words of a larger share of the kept sentences are not informative about a sentence's topic."""


def sentences_like(examples: Sequence[str], index: SentenceIndex) -> NDArray[np.int64]:
    """Find the kept sentences most like any of the examples.

    Returns: int64, ascending. Numbers of the sentences among the kept ones: a hundredth of them (20 at least),
        fewer where fewer share a word with an example.

    Of a pair, each word that both hold counts the square of its rarity, the logarithm of how many times fewer
    sentences hold it than there are; the sum is divided by the root of the kept sentence's number of words. A kept
    sentence is as like the examples as it is like the nearest of them.
    """
    given = [each for each in examples if each.strip()]
    if not given:
        what = "There is no example sentence."
        raise OptionError(what, expected="a file with one sentence or more, one a line")
    best = np.zeros(index.n_sentences, dtype=np.float32)
    rarity: dict[str, tuple[NDArray[np.int64], float]] = {}
    for example in given:
        alike = np.zeros(index.n_sentences, dtype=np.float32)
        for word in sorted({word.lower() for word in split_words(example) if is_word(word)}):
            if word not in rarity:
                rarity[word] = _holders(word, index)
            rows, weight = rarity[word]
            alike[rows] += weight
        np.maximum(best, alike, out=best)
    best /= np.sqrt(np.maximum(np.diff(index.sentence_starts), 1))
    n_taken = min(max(FEWEST, int(SHARE * index.n_sentences)), int(np.count_nonzero(best)))
    if not n_taken:
        what = f"No kept sentence shares a rare word with the {len(given)} example sentences."
        raise OptionError(what, expected="sentences of the kind and language of the run's corpus")
    return np.sort(np.argsort(-best, kind="stable")[:n_taken])


def _holders(word: str, index: SentenceIndex) -> tuple[NDArray[np.int64], float]:
    """Find the sentences with a word, and what the word counts; none for a common word."""
    rows = np.unique(index.sentences_of(index.places_of_word(word)))
    if not 0 < len(rows) <= max(COMMON * index.n_sentences, 1.0):
        return rows[:0], 0.0
    return rows, float(np.log(index.n_sentences / len(rows)) ** 2)


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
            _check_rule(text, run=run, index=index)
            pattern = parse_pattern(text, word_gap=gaps[0], tag_gap=gaps[1], is_word=index.has_word)
            yield _pattern_found(pattern, _normalised(text), run=run, index=index)
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


def _check_rule(text: str, *, run: Run, index: SentenceIndex) -> None:
    """Refuse to look for words by today's rule among those of an earlier one, where that makes a difference."""
    pieces = [piece.lower() for piece in text.split()]
    if not all(piece.isascii() or index.has_word(piece) for piece in pieces):
        check_same_rule(run, doing=f"the search for {text!r}")


def _gaps(run: Run) -> tuple[int, int]:
    """Give the gaps of the run's own patterns, so that a search for one counts what its card counts."""
    options = run.manifest["options"].get("describe", {})
    return int(options.get("word_gap", 4)), int(options.get("tag_gap", 1))


def _normalised(text: str) -> str:
    return " ".join(piece if piece.startswith("<") else piece.lower() for piece in text.split())


def _pattern_found(pattern: Pattern, label: str, *, run: Run, index: SentenceIndex) -> Found:
    if any(step.is_tag for step in pattern) and not index.tags:
        what = f"The run {run.folder} has no parts of speech: no tagger ran when it was described."
        raise OptionError(what, hint=described_with_tagger(run.folder))
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
