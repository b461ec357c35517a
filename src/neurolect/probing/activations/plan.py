"""What is read where: which token of which sentence gives which row, and what cannot be read."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.model import Model
from neurolect.model.word_alignment import WordTokens, word_tokens
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.probing.concepts.sentences import Sentences
from neurolect.probing.concepts.units import Units, settle
from neurolect.progress import Progress

_BLOCK = 2_048
CUT = "cut off at the model's longest sentence"
NO_TOKEN = "without a model token"


class Shard(NamedTuple):
    """The rows of one file."""

    file: str
    sentences: slice
    """Of the plan's sentences."""
    rows: slice


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All rows, in the order of sentences and words."""

    sentences: Sentences
    units: Units
    used: NDArray[np.int64]
    """Sentences that are read."""
    first_row: NDArray[np.int64]
    """First row of each of them, and the number of rows."""
    row_words: NDArray[np.int64]
    """Place of each row's word in its sentence; -1 where a row is a sentence."""
    tokens: NDArray[np.int32]
    """First and last pooled token of each row, shape (n_rows, 2)."""
    unit_rows: NDArray[np.int64]
    head_rows: NDArray[np.int64]
    """Row of the head; -1 where there is none."""
    shards: list[Shard]
    skipped: dict[str, str]
    """Sentences, by name, and why."""
    counts: dict[str, int]
    left_out: dict[str, int]
    """Units of classes that were left out."""
    notices: list[str]

    @property
    def n_rows(self) -> int:
        """How many rows are stored."""
        return len(self.row_words)


def plan_rows(
    model: Model,
    sentences: Sentences,
    units: Units,
    *,
    skipped: dict[str, str],
    options: ActivationsOptions,
    progress: Progress,
) -> Plan:
    """Align words with tokens, drop what has none, settle classes, and lay out the files."""
    used = np.unique(units.sentences)
    aligned = _aligned(model, sentences, used, progress)
    units, dropped, skipped = _readable(sentences, units, used, aligned, skipped)
    n_before = len(units)
    counts = {"sentences": len(sentences) + len(sentences.skipped), "sentences_skipped": len(skipped)}
    counts |= {"words": sum(map(len, sentences.words)), "units_labelled": n_before + sum(dropped.values())}
    counts |= {"units_cut": dropped[CUT], "units_without_token": dropped[NO_TOKEN]}
    if not n_before:
        why = ", ".join(f"{n:,} {each}" for each, n in dropped.items()) or "none is labelled"
        what = f"None of the units can be read: {why}."
        raise ProbingError(what, expected="words that the model's tokenizer knows of")
    units, notices, left_out = settle(units, options=options)
    counts |= {"units_of_small_classes": sum(left_out.values()), "units": len(units)}
    counts |= {"units_undersampled": n_before - counts["units_of_small_classes"] - len(units)}
    rows = _rows(units)
    place = {number: at for at, number in enumerate(used.tolist())}
    used, first_row = _of_sentences(rows)
    if units.unit == "sentence":
        tokens = np.zeros((len(rows), 2), np.int32)
    else:
        own = [aligned[place[number]] for number in used.tolist()]
        tokens = np.concatenate(
            [_bounds(each, words) for each, words in zip(own, np.split(rows[:, 1], first_row[1:-1]), strict=True)]
        )
        counts["units_sharing_a_token"] = _n_sharing(units, aligned, place)
    keys = rows[:, 0] << 32 | rows[:, 1] + 1
    return Plan(
        sentences=sentences,
        units=units,
        used=used,
        first_row=first_row,
        row_words=rows[:, 1],
        tokens=tokens,
        unit_rows=np.searchsorted(keys, units.sentences << 32 | units.words + 1),
        head_rows=np.where(units.heads < 0, -1, np.searchsorted(keys, units.sentences << 32 | units.heads + 1)),
        shards=_shards(first_row, n_neurons=model.neurons.n_neurons, options=options),
        skipped=skipped,
        counts=counts,
        left_out=left_out,
        notices=notices,
    )


def _aligned(model: Model, sentences: Sentences, used: NDArray[np.int64], progress: Progress) -> list[WordTokens]:
    found: list[WordTokens] = []
    with progress.task("alignment", total=len(used), unit="sentences") as task:
        for start in range(0, len(used), _BLOCK):
            block = used[start : start + _BLOCK].tolist()
            texts = [sentences.texts[each] for each in block]
            found += word_tokens(model, texts, [sentences.spans[each] for each in block])
            task.advance(len(block))
    return found


def _readable(
    sentences: Sentences,
    units: Units,
    used: NDArray[np.int64],
    aligned: Sequence[WordTokens],
    skipped: dict[str, str],
) -> tuple[Units, Counter[str], dict[str, str]]:
    """Drop units that have no token, or end beyond the longest sentence; list sentences without any unit."""
    state = [_states(each) for each in aligned]
    starts = np.concatenate([[0], np.cumsum([len(each) for each in state])])
    flat = np.concatenate([*state, np.empty(0, np.int8)])
    at = starts[np.searchsorted(used, units.sentences)] + 1  # the first state of a sentence is the sentence's own
    own = flat[at + units.words]
    own = np.maximum(own, np.where(units.heads < 0, 0, flat[at + np.maximum(units.heads, -1)]))
    dropped: Counter[str] = Counter()
    for number, why in ((1, NO_TOKEN), (2, CUT)):
        if n := int(np.count_nonzero(own == number)):
            dropped[why] = n
    whole = np.flatnonzero(own == 0)
    without = np.setdiff1d(used, units.sentences[whole]).tolist()
    reasons = dict(zip(units.sentences.tolist(), own.tolist(), strict=True))
    skipped = skipped | {
        sentences.names[each]: f"all its units are {NO_TOKEN if reasons[each] == 1 else CUT}" for each in without
    }
    return units.taken(whole), dropped, skipped


def _states(found: WordTokens) -> NDArray[np.int8]:
    """Say of a sentence and of its words: 0 can be read, 1 has no token, 2 is cut."""
    words = found.missing.astype(np.int8) + 2 * (found.cut & ~found.missing).astype(np.int8)
    return np.concatenate([[np.int8(found.n_tokens == 0)], words]).astype(np.int8)


def _rows(units: Units) -> NDArray[np.int64]:
    """List every word that is needed once, as a pair of its sentence and place."""
    pairs = np.stack([units.sentences, units.words], axis=1)
    if units.unit == "pair":
        pairs = np.concatenate([pairs, np.stack([units.sentences, units.heads], axis=1)])
    return np.unique(pairs, axis=0)


def _of_sentences(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    used, first = np.unique(rows[:, 0], return_index=True)
    return used, np.append(first, len(rows)).astype(np.int64)


def _bounds(found: WordTokens, words: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.stack([found.first[words], found.last[words]], axis=1)


def _n_sharing(units: Units, aligned: Sequence[WordTokens], place: dict[int, int]) -> int:
    pairs = zip(units.sentences.tolist(), units.words.tolist(), strict=True)
    return sum(bool(aligned[place[number]].shared[word]) for number, word in pairs)


def _shards(first_row: NDArray[np.int64], *, n_neurons: int, options: ActivationsOptions) -> list[Shard]:
    """Cut the sentences into files of about equal size, at least a sentence each."""
    capacity = max(1, options.shard_mb * 1_000_000 // (n_neurons * np.dtype(options.dtype).itemsize))
    shards: list[Shard] = []
    start, n_sentences = 0, len(first_row) - 1
    while start < n_sentences:
        stop = int(np.searchsorted(first_row, first_row[start] + capacity, side="right")) - 1
        stop = min(max(stop, start + 1), n_sentences)
        rows = slice(int(first_row[start]), int(first_row[stop]))
        shards.append(Shard(f"rows/{len(shards):05d}.npy", slice(start, stop), rows))
        start = stop
    return shards


def fingerprint(plan: Plan) -> str:
    """Hash what is read and how it is labelled: texts, units, labels, parts."""
    found = hashlib.blake2b(digest_size=16)
    for number in plan.used.tolist():
        found.update(plan.sentences.texts[number].encode("utf-8", "surrogatepass") + b"\0")
    units = plan.units
    for array in (units.sentences, units.words, units.heads, units.labels, units.parts):
        found.update(np.ascontiguousarray(array).tobytes() + b"\1")
    found.update("\0".join([units.unit, *units.classes]).encode("utf-8", "surrogatepass"))
    return found.hexdigest()
