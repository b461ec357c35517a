"""One list and its phrases: which it is aligned with, and how selective it is for them and for random ones.

Dims: C candidates of the list, R random phrases of the corpus, S sentences of the sample.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.interventions.aligning.candidates import Phrase
from neurolect.interventions.aligning.choose import compare, first_of, of_same_lengths
from neurolect.interventions.aligning.evidence import Evidence, has_pattern, has_word
from neurolect.interventions.aligning.options import AlignOptions
from neurolect.interventions.aligning.sentences import replicated_selectivity, selectivity

Floats = NDArray[np.float64]
LISTED, RANDOM = "listed", "random"
"""Baselines: random candidates of the same sentences; random phrases of the corpus."""


class Candidates(NamedTuple):
    """Phrases with what a neuron gives for them, repeated."""

    phrases: list[Phrase]
    sentence_ids: NDArray[np.int64]
    """The first sentence that each was found in."""
    activation: Floats
    """NaN where a phrase is no text to the model."""

    @property
    def n_words(self) -> NDArray[np.int64]:
        """Count the words of each."""
        return np.array([len(each.words) for each in self.phrases], np.int64)


class Sample(NamedTuple):
    """A neuron on the sentences of the sample."""

    values: NDArray[np.floating] | None
    """Shape (S,): activations; None where the list is of other values than were kept of the sample."""
    apart: NDArray[np.bool_]
    """Which of them phrases were not taken from."""
    holding: Callable[[Sequence[Phrase]], NDArray[np.bool_]]
    """Says which of them hold one of some phrases."""
    mean: float
    std: float
    """Of the neuron over the corpus."""


class Measured(NamedTuple):
    """What is said of some phrases of a list."""

    selectivity: float
    n_holding: int
    replicated: float
    words_agree: bool | None
    phrases_agree: bool | None


def align_list(
    candidates: Candidates,
    random: Candidates,
    sample: Sample,
    evidence: Evidence | None,
    *,
    sign: int,
    options: AlignOptions,
    seed: Sequence[int],
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Align a list with phrases.

    ``sign``: -1 for a bottom list.
    Returns: a row a phrase, and the row of the list, with its baselines.
    """
    n_words = candidates.n_words
    found = compare(candidates.activation, n_words, random.activation, random.n_words, std=sample.std, sign=sign)
    best = first_of(_one_a_spelling(found.excess, candidates.phrases), options.n_phrases)
    rows = [
        {
            "rank": rank,
            "phrase": candidates.phrases[each].text,
            "n_words": int(n_words[each]),
            "sentence_id": int(candidates.sentence_ids[each]),
            "activation": float(found.activation[each]),
            "z": (float(found.activation[each]) - sample.mean) / max(sample.std, 1e-12),
            "excess": float(found.excess[each]),
        }
        for rank, each in enumerate(best.tolist())
    ]

    def measured(of: Candidates, chosen: NDArray[np.int64]) -> Measured:
        phrases, values = [of.phrases[each] for each in chosen.tolist()], of.activation[chosen]
        return _measure(phrases, values, sample, evidence, sign=sign, least=options.least_holding)

    own = measured(candidates, best)
    generator = np.random.default_rng(list(seed))
    row: dict[str, Any] = {"n_candidates": len(candidates.phrases), **_aligned(own)}
    for name, of in ((LISTED, candidates), (RANDOM, random)):
        draws = [
            measured(of, of_same_lengths(generator, of.n_words, n_words[best])) for _ in range(options.n_draws)
        ]
        # a mean number is no number of sentences
        row |= {f"{key.removeprefix('n_')}_{name}": value for key, value in _means(draws).items()}
    drawn = generator.permutation(len(random.phrases))[: len(candidates.phrases)]
    excess = {
        "excess": found.excess[best],
        "excess_listed": found.excess,
        "excess_random": _best_of_random(random, drawn, sample, sign=sign, n=options.n_phrases),
    }
    return rows, row | {name: _mean(each) for name, each in excess.items()}


def _best_of_random(random: Candidates, drawn: NDArray[np.int64], sample: Sample, *, sign: int, n: int) -> Floats:
    """Give the excess of the best of some random phrases: what choosing the best gives by itself."""
    lengths = random.n_words
    excess = compare(random.activation, lengths, random.activation, lengths, std=sample.std, sign=sign).excess
    return excess[drawn][first_of(excess[drawn], n)]


def _mean(values: Floats) -> float | None:
    """Average over what is finite; null where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _one_a_spelling(excess: Floats, phrases: Sequence[Phrase]) -> Floats:
    """Keep of phrases of the same words in lower case the one of the greatest excess; the others are NaN."""
    kept = np.full(len(excess), np.nan)
    seen = set()
    for each in first_of(excess, len(excess)).tolist():
        if phrases[each].words not in seen:
            seen.add(phrases[each].words)
            kept[each] = excess[each]
    return kept


def _measure(
    phrases: Sequence[Phrase],
    activation: Floats,
    sample: Sample,
    evidence: Evidence | None,
    *,
    sign: int,
    least: int,
) -> Measured:
    """Measure some phrases, whoever chose them."""
    words = [each.words for each in phrases]
    agree = (None, None) if evidence is None else (has_word(words, evidence), has_pattern(words, evidence))
    holding = sample.holding(phrases) & sample.apart
    n_holding = int(np.count_nonzero(holding))
    if sample.values is None:
        return Measured(float("nan"), n_holding, float("nan"), *agree)
    values = sample.values[sample.apart]
    real = selectivity(values, holding[sample.apart], sign=sign, least=least)
    repeated = activation[np.isfinite(activation)]
    replicated = replicated_selectivity(values, repeated, sign=sign) if len(repeated) else float("nan")
    return Measured(real, n_holding, replicated, *agree)


def _aligned(found: Measured) -> dict[str, Any]:
    """Give the columns of the aligned phrases; null where there is no number."""
    plain = found._asdict()
    return plain | {name: _mean(np.array([plain[name]])) for name in ("selectivity", "replicated")}


def _means(draws: Sequence[Measured]) -> dict[str, Any]:
    """Average over the draws that have a number; null where none has."""
    made: dict[str, Any] = {}
    for name in Measured._fields:
        made[name] = _mean(np.array([getattr(each, name) for each in draws], np.float64))  # None becomes NaN
    return made
