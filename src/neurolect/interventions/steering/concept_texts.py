"""A concept as sentences with and without it, in parts that have no document in common."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus import open_corpus
from neurolect.errors import OptionError, nearest
from neurolect.folders.formats import CORPUS, format_of
from neurolect.interventions.steering.options import SteerOptions
from neurolect.variants.finetune_options import FinetuneOptions
from neurolect.variants.labelled_texts import read_labelled

PARTS = ("rank", "judge", "dev", "test")
"""What each part is for: ranking neurons, fitting the classifier, choosing the layer, measuring."""
_SHARES = (0.4, 0.3, 0.1, 0.2)
_LEAST = (5, 5, 2, 2)
"""Texts of each class that a part has to have."""


class Part(NamedTuple):
    """Texts, as many with the concept as without."""

    texts: list[str]
    is_of: NDArray[np.bool_]
    """Which have the concept, shape (n_texts,)."""


class ConceptTexts(NamedTuple):
    """Texts with and without a concept."""

    field: str
    value: str
    parts: dict[str, Part]
    notices: tuple[str, ...]

    @property
    def content(self) -> str:
        """Name the texts by a hash of them."""
        whole = repr([(name, part.texts, part.is_of.tolist()) for name, part in self.parts.items()])
        return hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def read_concept(source: str | Path, label: str, *, options: SteerOptions) -> ConceptTexts:
    """Read texts and part them by document.

    ``source``: A corpus folder, or files of texts with a class each. ``label``: ``COLUMN=VALUE``: texts of the
    value have the concept, all others do not.
    """
    field, equals, value = (each.strip() for each in label.partition("="))
    if not (equals and field and value):
        what = f"The concept is {label!r}."
        raise OptionError(what, expected="COLUMN=VALUE, e.g. domain=recipe")
    if format_of(Path(source)) is CORPUS:
        texts, labels, documents = _sentences(source, field)
        notices: tuple[str, ...] = ()
    else:
        found = read_labelled([source], options=FinetuneOptions(label=field, text=options.text, min_rows=2))
        texts, notices = list(found.texts), found.notices
        labels, documents = [found.classes[each] for each in found.labels], list(range(len(texts)))
    sizes = Counter(labels)
    if value not in sizes or len(sizes) < 2:
        n = sizes.get(value, 0)
        what = f"{source} has {n:,} texts of {field}={value} and {len(labels) - n:,} others."
        known = ", ".join(map(repr, sorted(sizes)[:12])) or "none"
        near = nearest(value, sizes) if sizes else ""
        hint = f"the nearest: {near}" if value not in sizes and near else "give texts of another class too"
        raise OptionError(what, expected=f"texts of both; the classes there are: {known}", hint=hint)
    parts = part_texts(texts, [each == value for each in labels], documents, options=options)
    return ConceptTexts(field, value, parts, notices)


def _sentences(folder: str | Path, field: str) -> tuple[list[str], list[str], list[int]]:
    """Read the sentences of a corpus that have a value of a field."""
    corpus = open_corpus(folder)
    names = [each["name"] for each in corpus.fields]
    if field not in names:
        what = f"The corpus {folder} has no field {field!r}."
        near = nearest(field, names) if names else ""
        raise OptionError(
            what, expected=f"one of {', '.join(names)}", hint=f"the nearest: {near}" if near else None
        )
    found: dict[str, tuple[str, int]] = {}
    for table in corpus.batches(part="all", columns=["text", "document_id", field]):
        for row in table.to_pylist():
            if row[field] is not None:
                found.setdefault(row["text"], (str(row[field]), row["document_id"]))
    return list(found), [each for each, _ in found.values()], [each for _, each in found.values()]


def part_texts(
    texts: Sequence[str], is_of: Sequence[bool], documents: Sequence[int], *, options: SteerOptions
) -> dict[str, Part]:
    """Give every document to one part, and keep as many texts of each class as there are options for."""
    random = np.random.default_rng([options.seed, 20])
    names = np.array(documents)
    part_of: dict[int, int] = {}
    for own in (True, False):  # of each class by itself, so that a rare one is in every part
        mine = list(dict.fromkeys(names[np.flatnonzero(np.array(is_of) == own)].tolist()))
        order = [mine[each] for each in random.permutation(len(mine)) if mine[each] not in part_of]
        ends = np.round(np.cumsum(_SHARES) * len(order)).astype(int)
        part_of |= {each: int(np.searchsorted(ends, place, side="right")) for place, each in enumerate(order)}
    sizes = (options.rank_texts, options.judge_texts, options.dev_texts, options.test_texts)
    places = np.array([part_of[each] for each in documents])
    parts = {}
    for number, (name, size, least) in enumerate(zip(PARTS, sizes, _LEAST, strict=True)):
        sides = [np.flatnonzero((places == number) & (np.array(is_of) == own)) for own in (True, False)]
        n = min(size, *map(len, sides))
        if n < least:
            there = f"{len(sides[0]):,} with it and {len(sides[1]):,} without"
            what = f"The part {name!r} of the concept's texts has {there}."
            raise OptionError(
                what, expected=f"{least} of each at least", hint="Give more texts, of more documents."
            )
        chosen = np.sort(np.concatenate([random.permutation(side)[:n] for side in sides]))
        parts[name] = Part([texts[each] for each in chosen.tolist()], np.array(is_of)[chosen])
    return parts
