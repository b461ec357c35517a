"""Labelled units: a label and a part for each, classes large enough, evened out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError, ProbingError
from neurolect.probing.concepts.choose import Concept, Labels, labels_of
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.probing.concepts.sentences import Sentences, read_sentences
from neurolect.probing.concepts.splits import (
    DEV,
    FEW_DOCUMENTS,
    PARTS,
    TEST,
    TRAIN,
    class_counts,
    class_weights,
    code,
    enough,
    part_groups,
    undersample,
)

_PART_NAMES = {"train": TRAIN, "dev": DEV, "validation": DEV, "valid": DEV, "test": TEST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Units in the order of sentences and words."""

    unit: str
    """``word``, ``pair`` or ``sentence``."""
    sentences: NDArray[np.int64]
    words: NDArray[np.int64]
    heads: NDArray[np.int64]
    labels: NDArray[np.int64] | NDArray[np.float64]
    """Places in ``classes``; numbers where there are none."""
    classes: list[str]
    parts: NDArray[np.int8]
    weights: NDArray[np.float32] | None
    positive: str | None
    """The class that is opposed to all else."""
    parted_by: str
    """``sentence``, ``document`` or the column."""

    def __len__(self) -> int:
        return len(self.sentences)

    def taken(self, places: NDArray[np.int64]) -> "Units":
        """Take some of the units."""
        return replace(
            self,
            sentences=self.sentences[places],
            words=self.words[places],
            heads=self.heads[places],
            labels=self.labels[places],
            parts=self.parts[places],
            weights=None if self.weights is None else self.weights[places],
        )


def read_labelled(
    sources: Sequence[str | Path] | Sentences, concept: Concept, *, options: ActivationsOptions
) -> tuple[Sentences, Units, dict[str, str], list[str]]:
    """Read labelled data.

    Returns: The sentences, the units that have a label, the sentences that are skipped and why, notices.
    """
    sentences = sources if isinstance(sources, Sentences) else read_sentences(sources, options=options)
    labels = labels_of(sentences, concept, options=options)
    skipped = sentences.skipped | labels.skipped
    if not len(labels.sentences):
        what = f"No unit has a label of the concept {concept if isinstance(concept, str) else 'given'!r}."
        if skipped:
            name, why = next(iter(skipped.items()))
            what += f" {len(skipped):,} sentences were skipped, the first: {name}: {why}."
        raise ProbingError(what, expected="labelled words, pairs or sentences")
    notices = list(sentences.notices)
    parts, parted_by = _parts(sentences, labels, options, notices)
    coded = None if labels.numeric else code(labels.values)
    units = Units(
        unit=labels.unit,
        sentences=labels.sentences,
        words=labels.words,
        heads=labels.heads,
        labels=labels.values.astype(np.float64) if coded is None else coded.codes,
        classes=[] if coded is None else coded.classes,
        parts=parts[labels.sentences],
        weights=None,
        positive=next((each for each in (coded.classes if coded else ()) if each != "other"), None)
        if labels.opposed
        else None,
        parted_by=parted_by,
    )
    return sentences, units, skipped, notices


def _parts(
    sentences: Sentences, labels: Labels, options: ActivationsOptions, notices: list[str]
) -> tuple[NDArray[np.int8], str]:
    """Part the sentences: as a column says, by document, or one by one."""
    if options.split_column is not None:
        return _given_parts(sentences, options.split_column), options.split_column
    groups, by = sentences.documents, "document"
    n_documents = len(set(groups.tolist()))
    if not sentences.has_documents or n_documents < FEW_DOCUMENTS:
        if sentences.has_documents:
            notices.append(f"There are only {n_documents} documents: parts are by sentence.")
        groups, by = _same_words(sentences.words), "sentence"
    sizes = np.bincount(labels.sentences, minlength=len(sentences))
    parts = part_groups(groups, sizes=sizes, train=options.train, dev=options.dev, seed=options.seed)
    return parts, by


def _same_words(words: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """Give sentences numbers so that those of the same words have one number: they must not be in two parts."""
    numbers: dict[tuple[str, ...], int] = {}
    return np.array([numbers.setdefault(tuple(each), len(numbers)) for each in words], np.int64)


def _given_parts(sentences: Sentences, column: str) -> NDArray[np.int8]:
    values = sentences.fields.get(column)
    if values is None:
        what = f"No sentence has the field {column!r} (activations.split_column)."
        raise ProbingError(what, expected=f"one of {', '.join(map(repr, sentences.fields)) or 'none'}")
    found = [_PART_NAMES.get(str(each).strip().lower()) for each in values]
    if None in found:
        odd = values[found.index(None)]
        what = f"The part of {sentences.names[found.index(None)]} is {odd!r} (activations.split_column)."
        raise ProbingError(what, expected=f"one of {', '.join(_PART_NAMES)}")
    return np.array(found, np.int8)


def settle(units: Units, *, options: ActivationsOptions) -> tuple[Units, list[str], dict[str, int]]:
    """Leave out classes that are too small, and even out the others.

    Returns: The units, notices, the units of every class that was left out.
    """
    if not units.classes:
        return _numbers(units, options)
    n_classes = len(units.classes)
    codes = units.labels.astype(np.int64)
    keep = enough(codes, units.parts, n_classes=n_classes, min_train=options.min_train, min_test=options.min_test)
    sizes = np.bincount(codes, minlength=n_classes)
    left_out = {units.classes[each]: int(sizes[each]) for each in np.flatnonzero(~keep).tolist()}
    if keep.sum() < 2:
        raise _too_few(units, options)
    numbers = np.cumsum(keep) - 1
    units = replace(units, labels=numbers[codes], classes=[units.classes[k] for k in np.flatnonzero(keep).tolist()])
    units = units.taken(np.flatnonzero(keep[codes]))
    notices = []
    if left_out:
        notices.append(
            f"{len(left_out)} classes of fewer than {options.min_train} units to train on or {options.min_test} to "
            f"test with are left out ({sum(left_out.values()):,} units): {_listed(left_out)}."
        )
    balance = options.balance
    if balance == "auto":
        balance = "undersample" if units.positive is not None else "none"
    codes, n_classes = units.labels.astype(np.int64), len(units.classes)
    if balance == "undersample":
        kept = undersample(codes, units.parts, n_classes=n_classes, seed=options.seed)
        notices.append(
            f"Undersampled: {len(kept):,} of {len(units):,} units, as many of every class in every part."
        )
        units = units.taken(kept)
    elif balance == "weights":
        units = replace(units, weights=class_weights(codes, units.parts, n_classes=n_classes))
    return units, notices, left_out


def _numbers(units: Units, options: ActivationsOptions) -> tuple[Units, list[str], dict[str, int]]:
    if options.balance not in ("auto", "none"):
        what = f"The labels are numbers, and activations.balance is {options.balance!r}."
        raise OptionError(what, expected="none: there are no classes to even out")
    counts = np.bincount(units.parts, minlength=len(PARTS))
    if counts[TRAIN] < options.min_train or counts[TEST] < options.min_test:
        what = f"There are {counts[TRAIN]:,} units to train on and {counts[TEST]:,} to test with."
        raise ProbingError(what, expected=f"at least {options.min_train} and {options.min_test}")
    if len(set(units.labels.tolist())) < 2:
        what = f"All {len(units):,} labels are the number {units.labels[0]:g}."
        raise ProbingError(what, expected="different numbers")
    return units, [], {}


def _listed(classes: dict[str, int], n: int = 8) -> str:
    largest = sorted(classes, key=lambda each: -classes[each])
    shown = ", ".join(f"{each!r} {classes[each]:,}" for each in largest[:n])
    return shown + (f" and {len(classes) - n} more" if len(classes) > n else "")


def _too_few(units: Units, options: ActivationsOptions) -> ProbingError:
    counts = class_counts(units.labels.astype(np.int64), units.parts, n_classes=len(units.classes))
    order = np.argsort(-counts.sum(axis=1), kind="stable")[:5].tolist()
    shown = ", ".join(f"{units.classes[k]!r} {counts[k, TRAIN]:,} and {counts[k, TEST]:,}" for k in order)
    what = f"There are not two classes to distinguish. Units to train on and to test with: {shown}."
    expected = f"at least two classes of {options.min_train} and {options.min_test}"
    return ProbingError(what, expected=expected, hint="Give more data, or set activations.min_train and min_test.")
