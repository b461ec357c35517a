"""Which words of a card's sentences the neuron responded to, from the tokens stage."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from neurolect.corpus.sentences.folding import fold
from neurolect.corpus.sentences.words import split_words, word_spans
from neurolect.model.word_alignment import align
from neurolect.signatures.firing.listed_tokens import firing_sides
from neurolect.signatures.firing.token_words import SPANS
from neurolect.store import Neuron
from neurolect.store.sides import PEAK_BEFORE, peaks_of
from neurolect.tokens.entries import unpack_values, word_weights

STRONG = 0.5
"""Words with at least this part of the sentence's greatest weight are marked where there are no shades."""
N_SHADES = 4
LEAST, MOST = 0.1, 0.99
"""Parts of the firing token's activation from which a token next to it is shaded, and below which it stays."""
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
    ids = rows.column("sentence_id").to_numpy()
    spans = neuron.run.rows_of_sentences("tokens/sentences", ids)
    starts, ends = (spans.column(name).to_pylist() for name in ("starts", "ends"))
    texts = neuron.run.take_sentences(ids, columns=["text"]).column("text").to_pylist()
    mean, sign = float(neuron.row["mean"]), 1.0 if side == "top" else -1.0
    found: dict[int, list[tuple[int, int, float]]] = {}
    for place, (rank, values) in enumerate(zip(rows.column("rank").to_pylist(), unpack_values(rows), strict=True)):
        words = word_spans(texts[place], split_words(texts[place]))
        bounds = [np.array(each[place], np.int32) for each in (starts, ends)]
        _, weights = word_weights(values, align(words, starts=bounds[0], ends=bounds[1]), mean=mean, sign=sign)
        top = max(float(weights.max(initial=0.0)), 1e-12)
        found[rank] = [
            (start, end, round(float(weight) / top, 3))
            for (start, end), weight in zip(words, weights, strict=True)
            if weight > 0
        ]
    return found


def firing_words(
    neuron: Neuron, side: str, examples: Sequence[Mapping[str, Any]]
) -> dict[int, list[tuple[int, int, float]]]:
    """Find the characters at which the neuron is strongest, where lists say so (max pooling).

    Returns: As :func:`activating_words`, by rank: the firing token with weight 1, and those about it with their
        parts of its activation, where these were kept; the rest is not known.
    """
    has_all = neuron.run.has(SPANS) and all("token" in each for each in examples)
    if side not in firing_sides(neuron.run) or not has_all:
        return {}
    spans = neuron.run.rows_of_sentences(SPANS, np.array([each["sentence_id"] for each in examples], np.int64))
    kept = _weights_about(neuron, side)
    found = {}
    for row, each in enumerate(examples):
        starts, ends = (spans.column(name)[row].as_py() for name in ("starts", "ends"))
        weights = kept[each["rank"]] if each["rank"] < len(kept) else {0: 1.0}
        words: list[tuple[int, int, float]] = []
        for offset, weight in weights.items():
            at = int(each["token"]) + offset
            start, end = (starts[at], ends[at]) if at < len(starts) else (0, 0)
            start += len(each["text"][start:end]) - len(each["text"][start:end].lstrip())
            if offset == 0:  # tokens may share a letter
                words = [word for word in words if word[1] <= start]
            if start < end and (not words or words[-1][1] <= start):
                words.append((start, end, weight))
        found[each["rank"]] = words
    return found


def _weights_about(neuron: Neuron, side: str) -> list[dict[int, float]]:
    """Weigh the tokens about the firing tokens of a list's first entries, by place relative to these."""
    name = peaks_of(side)
    if not neuron.run.files.has(f"{name}.npy"):
        return []
    values = neuron.run.array(name)[neuron.neuron_id].astype(np.float32) * (1 if side == "top" else -1)
    found = []
    for entry in values:
        # mlp neurons are off at 0; others have no such point, and are compared with the least about the peak
        base = 0.0 if neuron.site.rpartition(".")[2] == "mlp" else float(np.nanmin(entry, initial=np.inf))
        scale = max(float(entry[PEAK_BEFORE]) - base, 1e-12)
        weights = {
            place - PEAK_BEFORE: round(float(min((value - base) / scale, MOST)), 3)
            for place, value in enumerate(entry)
            if value - base > LEAST * scale
        }
        found.append(dict(sorted((weights | {0: 1.0}).items())))
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
