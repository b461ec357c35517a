"""How many names could be right with the evidence there is?

    python benchmarks/name_oracle.py RUN [--n 300] [--seed 0] [--lists KEY.csv] [--details TABLE.csv]

For each list, every condition that a name could state (words, phrases, patterns of tags, shares of tags, lengths,
forms, metadata) is tried on its 10 strongest sentences: which hold for 7 of them at least, and how likely is it
that fewer than 3 of 10 random ones hold the rarest of these? The same is counted for the first parts of the names
given. An oracle that picks among thousands of conditions finds some by chance: lists of random sentences, and of
random sentences of the lengths of the list's, say how often.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from name_sheets import choose_lists
from numpy.typing import NDArray

from neurolect.fidelity.names import FIRST, parts_held
from neurolect.signatures.counting.candidates import name_weights
from neurolect.signatures.evidence.collected import Annotated, kept_sentences
from neurolect.signatures.evidence.form import forms_of
from neurolect.signatures.evidence.levels import length_labels, tag_share_labels
from neurolect.signatures.evidence.registry import kind_named
from neurolect.signatures.evidence.words import WORDS
from neurolect.store import Run, open_run

N_PEAK, FITS, LEAST_OF_PAIR = 10, 7, 3
Peaks = list[NDArray[np.int64]]


class Conditions(NamedTuple):
    """Everything that a name could state, and who holds it."""

    labels: list[tuple[str, str]]
    """Kind and label of each."""
    of_sentence: list[NDArray[np.int64]]
    """Conditions that each sentence holds."""
    usual: NDArray[np.float64]
    """Share of all sentences that hold each."""


class Found(NamedTuple):
    """The best that could be said of a list."""

    chance: float
    """Probability that fewer than 3 of 10 random sentences hold it; 0 where nothing fits 7 of the 10."""
    usual: float
    chosen: tuple[int, ...]


def few_of_ten(usual: float) -> float:
    """Give the probability that fewer than 3 of 10 random sentences hold it: the mean over all draws."""
    rest = 1.0 - usual
    return rest**10 + 10 * usual * rest**9 + 45 * usual**2 * rest**8


def all_conditions(sentences: Annotated, peaks: Peaks) -> Conditions:
    """Enumerate conditions; patterns only those of 3 of the 10 strongest sentences of any list."""
    coded, texts = sentences.coded, sentences.table.column("text").to_pylist()
    words = [coded.vocabulary[code] for code in np.flatnonzero((name_weights(coded) > 0) & coded.counts_as_word)]
    pieces = np.array([word[:1].isalnum() for word in coded.vocabulary])
    by_kind: dict[str, list[str]] = {
        "words": words,
        "length": length_labels(),
        "tags": tag_share_labels(coded.tag_names),
        "form": sorted({label for text in texts for label in forms_of(text)}),
        "metadata": [
            f"{name}={value}"
            for name, _ in sentences.fields
            for value in sentences.table.column(name).unique().drop_null().to_pylist()
        ],
        "phrases": _patterns(coded.words, coded.offsets, peaks, gap=4, names=coded.vocabulary, is_item=pieces),
        "tag_patterns": _patterns(
            coded.tags,
            coded.offsets,
            peaks,
            gap=1,
            names=coded.tag_names,
            is_item=np.array([tag[:1].isalpha() for tag in coded.tag_names]),
        ),
    }
    rows, codes, labels = [], [], []
    for name, of_kind in by_kind.items():
        if of_kind:
            kind = WORDS if name == "words" else kind_named(name)
            held = (kind.conditions or kind.features)(of_kind, sentences)
            rows.append(np.repeat(np.arange(coded.n_sentences), np.diff(held.offsets)))
            codes.append(held.codes.astype(np.int64) + len(labels))
            labels += [(name, label) for label in of_kind]
    row, code = np.concatenate(rows), np.concatenate(codes)
    order = np.argsort(row, kind="stable")
    starts = np.searchsorted(row[order], np.arange(coded.n_sentences + 1))
    of_sentence = [code[order[start:stop]] for start, stop in pairwise(starts)]
    return Conditions(labels, of_sentence, np.bincount(code, minlength=len(labels)) / coded.n_sentences)


def _patterns(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    peaks: Peaks,
    *,
    gap: int,
    names: Sequence[str],
    is_item: NDArray[np.bool_],
) -> list[str]:
    """Enumerate patterns of 2 and 3 items that 3 of the 10 strongest sentences of a list hold."""
    every: set[tuple[int, ...]] = set()
    for peak in peaks:
        counts: Counter[tuple[int, ...]] = Counter()
        for row in peak:
            line = codes[offsets[row] : offsets[row + 1]].tolist()
            here: set[tuple[int, ...]] = set()
            for place, one in enumerate(line):
                for second in range(place + 1, min(place + 2 + gap, len(line))):
                    here.add((one, line[second]))
                    stop = min(second + 2 + gap, len(line))
                    here.update((one, line[second], line[third]) for third in range(second + 1, stop))
            counts.update(here)
        every.update(each for each, n in counts.items() if n >= LEAST_OF_PAIR and all(is_item[list(each)]))
    return sorted(" ".join(names[code] for code in each) for each in every)


def best_single(conditions: Conditions, peak: NDArray[np.int64], allowed: NDArray[np.bool_]) -> Found:
    """Find the rarest condition that 7 of the 10 hold."""
    codes, counts = np.unique(np.concatenate([conditions.of_sentence[row] for row in peak]), return_counts=True)
    fitting = codes[(counts >= FITS) & allowed[codes]]
    if not len(fitting):
        return Found(0.0, 1.0, ())
    best = int(fitting[np.argmin(conditions.usual[fitting])])
    usual = float(conditions.usual[best])
    return Found(few_of_ten(usual), usual, (best,))


def best_pair(conditions: Conditions, peak: NDArray[np.int64], allowed: NDArray[np.bool_]) -> Found:
    """Find the rarest pair of which 7 of the 10 hold one; shares as if the two were independent."""
    masks: dict[int, int] = {}
    for place, row in enumerate(peak):
        for code in conditions.of_sentence[row].tolist():
            masks[code] = masks.get(code, 0) | 1 << place
    rarest: dict[int, int] = {}
    for code, mask in masks.items():
        if mask.bit_count() >= LEAST_OF_PAIR and allowed[code]:
            known = rarest.get(mask)
            if known is None or conditions.usual[code] < conditions.usual[known]:
                rarest[mask] = code
    best = best_single(conditions, peak, allowed)
    for (one, a), (other, b) in combinations(rarest.items(), 2):
        if (one | other).bit_count() >= FITS:
            usual = 1 - (1 - conditions.usual[a]) * (1 - conditions.usual[b])
            if usual < best.usual:
                best = Found(few_of_ten(float(usual)), float(usual), (a, b))
    return best


def same_lengths(peaks: Peaks, lengths: NDArray[np.int64], random: np.random.Generator) -> Peaks:
    """Replace each sentence by a random one of the nearest lengths."""
    order = np.lexsort((random.random(len(lengths)), lengths))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    found = []
    for peak in peaks:
        chosen: list[int] = []
        for row in peak:
            n = int(lengths[row])
            alike = np.flatnonzero(lengths == n)
            if len(alike) < 20:
                alike = order[max(0, place[row] - 10) : place[row] + 10]
            chosen.append(int(random.choice(alike)))
        found.append(np.array(chosen))
    return found


class Given(NamedTuple):
    """What a name given is worth."""

    name: str
    fits: int
    usual: float
    chance: float


def names_given(run: Run, sentences: Annotated, lists: list[tuple[int, str]], peaks: Peaks) -> list[Given]:
    """Grade the first parts of names by the rubric."""
    held = parts_held(run, sentences)
    if held is None:
        message = "described before names had conditions"
        raise SystemExit(message)
    summary = run.table("signatures/summary").to_pylist()
    row_of = {(each["neuron_id"], each["side"]): row for row, each in enumerate(summary)}
    found = []
    for key, peak in zip(lists, peaks, strict=True):
        holds = held.counts[row_of[key]] >= FIRST
        usual, fits = float(holds.mean()), int(holds[peak].sum())
        found.append(Given(summary[row_of[key]]["name"], fits, usual, few_of_ten(usual) if fits >= FITS else 0.0))
    return found


def lists_of_key(run: Run, path: Path) -> list[tuple[int, str]]:
    """Read the lists of a key that name_sheets.py wrote."""
    with path.open(encoding="utf-8") as file:
        return sorted({(run.neuron(each["address"]).neuron_id, each["side"]) for each in csv.DictReader(file)})


def strongest(run: Run, sentences: Annotated, lists: list[tuple[int, str]]) -> Peaks:
    """Give the strongest 10 sentences of lists, as rows."""
    ids = sentences.table.column("sentence_id").to_numpy()
    found = []
    for number, side in lists:
        top = run.neuron(run.index.address(number)).list(side, limit=N_PEAK)
        found.append(np.searchsorted(ids, top.column("sentence_id").to_numpy()))
    return found


def write_details(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a row for each list."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Count, and print a line for each lot of lists and kinds of conditions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lists", type=Path, help="a key of name_sheets.py: these lists instead")
    parser.add_argument("--details", type=Path)
    given = parser.parse_args()
    run = open_run(given.run)
    sentences = kept_sentences(run)
    lists = lists_of_key(run, given.lists) if given.lists else choose_lists(run, n=given.n, seed=given.seed)
    peaks = strongest(run, sentences, lists)
    random = np.random.default_rng(given.seed)
    lengths = sentences.table.column("n_words").to_numpy().astype(np.int64)
    lots = {
        "the lists": peaks,
        "random sentences": [random.choice(len(lengths), N_PEAK, replace=False) for _ in peaks],
        "random sentences of the same lengths": same_lengths(peaks, lengths, random),
    }
    conditions = all_conditions(sentences, [each for lot in lots.values() for each in lot])
    kinds = np.array([kind for kind, _ in conditions.labels])
    content = kinds != "metadata"
    allowed = {
        "any condition": np.ones(len(kinds), np.bool_),
        "no metadata": content,
        "no length": content & (kinds != "length"),
        "no length, no tags": content & ~np.isin(kinds, ["length", "tags", "tag_patterns"]),
    }
    names = names_given(run, sentences, lists, peaks)
    print(f"{len(kinds):,} conditions, {len(peaks)} lists, {len(lengths):,} sentences")
    right, fit = np.mean([each.chance for each in names]), np.mean([each.fits >= FITS for each in names])
    print(f"names given: right {right:.3f}; fit 7 of the strongest 10: {fit:.3f}")
    for lot, of_lot in lots.items():
        for what, which in allowed.items():
            found = [best_single(conditions, peak, which) for peak in of_lot]
            print(f"{lot}; {what}: right {np.mean([each.chance for each in found]):.3f}")
        pairs = [best_pair(conditions, peak, content) for peak in of_lot]
        print(f"{lot}; one of two, no metadata: right {np.mean([each.chance for each in pairs]):.3f}")
    if given.details:
        rows = []
        for (number, side), name, peak in zip(lists, names, peaks, strict=True):
            one, two = best_single(conditions, peak, allowed["any condition"]), best_pair(conditions, peak, content)
            own = {"address": run.index.address(number), "side": side, **name._asdict()}
            rows.append(own | _said("one", one, conditions) | _said("two", two, conditions))
        write_details(given.details, rows)


def _said(prefix: str, found: Found, conditions: Conditions) -> dict[str, Any]:
    said = " or ".join("=".join(conditions.labels[code]) for code in found.chosen)
    return {prefix: said, f"{prefix}_usual": round(found.usual, 3), f"{prefix}_chance": round(found.chance, 3)}


if __name__ == "__main__":
    main()
