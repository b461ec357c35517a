"""What became of labelled data, as text: every sentence, word and unit is in one of the lines."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.probing import ActivationStore

_PARTS = ("train", "dev", "test")
_SHOWN = 20
_SKIPPED = 5
_LOST = (
    ("units_without_token", "without a model token"),
    ("units_cut", "cut off at the model's longest sentence"),
    ("units_of_small_classes", "of classes that are too small"),
    ("units_undersampled", "left out to even out the classes"),
)


def activations_text(store: ActivationStore) -> str:
    """Say what was read, what was skipped and why, and how many units each class has."""
    return "\n".join(_lines(store)) + "\n"


def activations_facts(store: ActivationStore) -> dict[str, Any]:
    """Give the same fit for JSON: ``classes`` has a row a class with its units by part; ``parts`` all of them."""
    parts = np.bincount(store.split, minlength=3).tolist()
    made = store.manifest
    facts: dict[str, Any] = {"folder": str(store.folder), "unit": store.unit, "n_neurons": store.neurons.n_neurons}
    facts |= {"n_rows": made["n_rows"], "dtype": made["dtype"], "counts": made["counts"]}
    facts |= {"notices": made["notices"]}
    facts["parts"] = dict(zip(_PARTS, parts, strict=True))
    counts = _counts(store) if store.classes else np.zeros((0, 3), np.int64)
    facts["classes"] = [
        {"class": name, **dict(zip(_PARTS, own, strict=True))}
        for name, own in zip(store.classes, counts.tolist(), strict=True)
    ]
    return facts


def _counts(store: ActivationStore) -> NDArray[np.int64]:
    """Count units, shape (n_classes, 3 parts)."""
    counts = np.zeros((len(store.classes), 3), np.int64)
    np.add.at(counts, (store.labels, store.split), 1)
    return counts


def _lines(store: ActivationStore) -> Iterator[str]:
    counts = store.manifest["counts"]
    rows = f"{store.manifest['n_rows']:,} rows of {store.neurons.n_neurons:,} neurons, {store.manifest['dtype']}"
    yield f"{store.folder}: {rows}."
    skipped = counts["sentences_skipped"]
    yield f"{counts['sentences']:,} sentences, {skipped:,} of them skipped; {counts['words']:,} words."
    units = {"pair": "pairs of words", "sentence": "sentences", "word": "words"}[store.unit]
    yield f"{counts['units_labelled']:,} labelled {units}: {store.n_rows:,} read"
    for name, why in _LOST:
        if counts[name]:
            yield f"  {counts[name]:,} {why}"
    if counts.get("units_sharing_a_token"):
        yield f"{counts['units_sharing_a_token']:,} have a token that is of another word too."
    if skipped:
        table = store.skipped().slice(0, _SKIPPED).to_pylist()
        yield from (f"  skipped: {each['sentence']}: {each['why']}" for each in table)
        if skipped > _SKIPPED:
            yield f"  ... all in {store.folder / 'skipped.parquet'}"
    yield f"Parts by {store.manifest['data']['parted_by']}:"
    yield from _table(store)


def _table(store: ActivationStore) -> Iterator[str]:
    if not store.classes:
        counts = np.bincount(store.split, minlength=3)
        parts = ", ".join(f"{n:,} {name}" for name, n in zip(_PARTS, counts.tolist(), strict=True))
        low, high = float(store.labels.min()), float(store.labels.max())
        yield f"  {parts}; numbers from {low:g} to {high:g}"
        return
    counts = _counts(store)
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    width = max(5, *(len(store.classes[each]) for each in order[:_SHOWN].tolist()))
    yield f"  {'class':<{width}} {_PARTS[0]:>9} {_PARTS[1]:>9} {_PARTS[2]:>9}"
    for each in order[:_SHOWN].tolist():
        yield f"  {store.classes[each]:<{width}} " + " ".join(f"{n:>9,}" for n in counts[each].tolist())
    if len(order) > _SHOWN:
        yield f"  and {len(order) - _SHOWN} more classes"
    total = counts.sum(axis=0)
    yield f"  {'all':<{width}} " + " ".join(f"{n:>9,}" for n in total.tolist())
