"""Which words of a card's sentences the neuron responded to, from the tokens stage."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neurolect.corpus.sentences.folding import fold
from neurolect.corpus.sentences.words import split_words, word_spans
from neurolect.model.word_alignment import align
from neurolect.signatures.firing.token_words import SPANS
from neurolect.store import Neuron
from neurolect.tokens.entries import unpack_values, word_weights

STRONG = 0.5
"""Words with at least this part of the sentence's greatest weight are marked where there are no shades."""
N_SHADES = 4
OPENING, CLOSING = "\u2039", "\u203a"


def activating_words(neuron: Neuron, side: str, ranks: list[int]) -> dict[int, list[tuple[int, int, float]]]:
    """Weigh the words of some sentences of a list.

    Returns: dict of int to list of (int, int, float). For the ranks that the tokens stage has read: first
        character, one past the last, and weight (the activation beyond the neuron's mean, by the sentence's
        greatest) of each word above the mean.
    """
    if not neuron.run.has("tokens/entries"):
        return {}
    rows = neuron.rows("tokens/entries", side=side)
    rows = rows.filter(pc.is_in(rows.column("rank"), value_set=pc.cast(list(ranks), "int32")))
    if not rows.num_rows:
        return {}
    spans = neuron.run.table("tokens/sentences")
    ids = rows.column("sentence_id").to_numpy()
    spans = spans.take(pc.index_in(rows.column("sentence_id"), value_set=spans.column("sentence_id")))
    texts = neuron.run.take_sentences(ids).column("text").to_pylist()
    mean, sign = float(neuron.row["mean"]), 1.0 if side == "top" else -1.0
    found: dict[int, list[tuple[int, int, float]]] = {}
    for place, values in enumerate(unpack_values(rows)):
        words = word_spans(texts[place], split_words(texts[place]))
        starts, ends = (np.array(spans.column(name)[place].as_py(), np.int32) for name in ("starts", "ends"))
        _, weights = word_weights(values, align(words, starts=starts, ends=ends), mean=mean, sign=sign)
        top = max(float(weights.max(initial=0.0)), 1e-12)
        found[rows.column("rank")[place].as_py()] = [
            (start, end, round(float(weight) / top, 3))
            for (start, end), weight in zip(words, weights, strict=True)
            if weight > 0
        ]
    return found


def firing_words(neuron: Neuron, examples: Sequence[Mapping[str, Any]]) -> dict[int, list[tuple[int, int, float]]]:
    """Find the characters at which the neuron is strongest, where lists say so (max pooling).

    Returns: As :func:`activating_words`, by rank: the firing token alone, with weight 1; the rest is not known.
    """
    if not neuron.run.has(SPANS) or not all("token" in each for each in examples):
        return {}
    spans = neuron.run.table(SPANS)
    ids = pa.array([each["sentence_id"] for each in examples], pa.int64())
    spans = spans.take(pc.index_in(ids, value_set=spans.column("sentence_id").combine_chunks()))
    found = {}
    for row, each in enumerate(examples):
        starts, ends = (spans.column(name)[row].as_py() for name in ("starts", "ends"))
        start, end, at = *(0, 0), int(each["token"])
        if at < len(starts):
            start, end = starts[at], ends[at]
            start += len(each["text"][start:end]) - len(each["text"][start:end].lstrip())
        found[each["rank"]] = [(start, end, 1.0)] if start < end else []
    return found


def places_of(text: str, labels: Collection[str]) -> list[tuple[int, int]]:
    """Find the words of a text that are evidence.

    Returns: list of (int, int). First character and one past the last, in order.

    Examples
    --------
    >>> places_of("Don\u2019t go on!", ["n't", "go"])
    [(2, 5), (6, 8)]
    """
    wanted = {fold(label).lower() for label in labels}
    words = split_words(text)
    if wanted.isdisjoint(word.lower() for word in words):
        return []
    spans = word_spans(text, words)
    return [span for word, span in zip(words, spans, strict=True) if word.lower() in wanted]


def pieces(text: str, words: list[tuple[int, int, float]]) -> list[tuple[str, int]]:
    """Cut a sentence into shaded and plain pieces, for a page.

    ``words``: list of (int, int, float). From :func:`activating_words`.
    Returns: list of (str, int). Pieces in order, with a shade from 0 (none) to 4.

    Examples
    --------
    >>> pieces("a big dog", [(2, 5, 0.3), (6, 9, 1.0)])
    [('a ', 0), ('big', 2), (' ', 0), ('dog', 4)]
    """
    cut, at = [], 0
    for start, end, weight in words:
        if start > at:
            cut.append((text[at:start], 0))
        cut.append((text[start:end], min(int(weight * N_SHADES) + 1, N_SHADES)))
        at = end
    return [*cut, (text[at:], 0)] if at < len(text) else cut


def bracketed(text: str, words: list[tuple[int, int, float]]) -> str:
    """Mark the strongest words where there is no colour.

    ``words``: list of (int, int, float). From :func:`activating_words`.
    Returns: The sentence with angle quotes about words of at least half the greatest weight.

    Examples
    --------
    >>> bracketed("a big dog", [(2, 5, 0.3), (6, 9, 1.0)])
    'a big \u2039dog\u203a'
    """
    marked = {start: end for start, end, weight in words if weight >= STRONG}
    for start in sorted(marked, reverse=True):
        text = f"{text[:start]}{OPENING}{text[start : marked[start]]}{CLOSING}{text[marked[start] :]}"
    return text
