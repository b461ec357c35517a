"""What is at the token where a neuron is strongest, with max pooling: word, what is about it, tag, place.

Each entry of a list has one such token; they are compared with all model tokens of the uniform sample.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.signatures.counting.candidates import Candidate, of_evidence
from neurolect.signatures.counting.counts import evidence_table, item_evidence
from neurolect.signatures.counting.names import Stated
from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Rows, SentenceFeatures, present
from neurolect.signatures.evidence.kind import Counted, EvidenceKind, Shown
from neurolect.signatures.evidence.tags import TAG_NAMES, TAGS_IN_NAMES
from neurolect.signatures.firing.holding import hold_grammar, hold_words
from neurolect.signatures.firing.labels import (
    PLACES,
    Labels,
    LabelsOfTokens,
    Read,
    context_of,
    grammar_of,
    name_of,
    read_from,
    words_at,
)
from neurolect.signatures.firing.listed_tokens import FiringTokens, may_fire, read_firing

if TYPE_CHECKING:
    from neurolect.signatures.counting.items import Items

LEAST = 3
"""Firing tokens that a label has at least to be counted."""
WORDS = "firing_words"


class _Prepared(NamedTuple):
    """What all kinds are counted from."""

    read: Read
    firing: FiringTokens
    usual: NDArray[np.int64]
    """Tokens of the uniform sample at which a neuron may fire."""


@dataclass(frozen=True, slots=True)
class _OfFiring:
    name: str
    title: str
    labels: LabelsOfTokens
    said: Callable[[str], str]
    """How names say a label."""
    holding: Callable[[Sequence[str], Annotated], tuple[NDArray[np.int64], NDArray[np.int64]]]

    def count(self, collected: Collected) -> Counted:
        found = _prepared(collected)
        if found is None:
            return Counted()
        stage, lists = collected.stage, found.firing.lists
        with stage.timed(self.name):
            items, keys = _items(self.labels(found.read, found.firing.tokens), len(found.firing.tokens))
            background = _count(self.labels(found.read, found.usual), keys)
            evidence = item_evidence(
                items,
                lists,
                background=background,
                n_background=len(found.usual),
                inside=np.zeros(len(found.firing.tokens), np.bool_),
                options=stage.options,
                workers=stage.workers,
            )
            names = [name_of(found.read, key) for key in keys.tolist()]
            candidates = of_evidence(
                evidence,
                labels=names,
                n_lists=len(lists.rows),
                kind=self.name,
                rate=stage.options.false_discovery_rate,
                are_words=self.name == WORDS,
            )
            tables = {self.name: evidence_table(evidence, labels={"label": names}, lists=lists)}
            if self.name == WORDS:
                return Counted(tables=tables, firing=candidates)
            return Counted(tables=tables, stated=[[self.stated(each) for each in of] for of in candidates])

    def stated(self, candidate: Candidate) -> Stated:
        text = self.said(candidate.label)
        return Stated(candidate, self.title, text, text)

    def features(self, wanted: Sequence[str], sentences: Annotated) -> SentenceFeatures:
        rows, labels = self.holding(wanted, sentences)
        offsets = np.searchsorted(rows, np.arange(sentences.coded.n_sentences + 1)).astype(np.int64)
        return present(offsets, labels.astype(np.int32))


def _prepared(collected: Collected) -> _Prepared | None:
    """Read the firing tokens once for all kinds; None where a run has none."""
    return collected.once("firing tokens", lambda: _prepare(collected))


def _prepare(collected: Collected) -> _Prepared | None:
    tokens, sentences = collected.tokens, collected.sentences
    if tokens is None:
        return None
    with collected.stage.timed("firing tokens"):
        texts = sentences.table.column("text").to_pylist()
        read = read_from(texts, sentences.annotations, sentences.coded, tokens)
        firing = read_firing(collected.stage.run, collected.inputs, tokens)
        firing.lists.prepare()
        usual = np.repeat(collected.inputs.in_sample, np.diff(tokens.offsets))
        usual &= may_fire(tokens, collected.stage.run)
        return _Prepared(read, firing, np.flatnonzero(usual))


def _items(labels: Labels, n_rows: int) -> tuple["Items", NDArray[np.int64]]:
    """Give the labels that enough firing tokens have a number, and say which key each number stands for."""
    from neurolect.signatures.counting.items import items_of_entries

    encoded = pa.array(labels.keys).dictionary_encode()  # many times as fast as sorting all
    code, keys = (each.to_numpy(zero_copy_only=False) for each in (encoded.indices, encoded.dictionary))
    known = np.flatnonzero(np.bincount(code, minlength=len(keys)) >= LEAST)
    known = known[np.argsort(keys[known])]
    number = np.full(len(keys), -1, np.int32)
    number[known] = np.arange(len(known), dtype=np.int32)
    return items_of_entries(labels.rows, number[code], n_rows=n_rows, n_items=len(known)), keys[known]


def _count(labels: Labels, keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the tokens that have each label."""
    place = pc.index_in(pa.array(labels.keys), value_set=pa.array(keys)).drop_null().to_numpy(zero_copy_only=False)
    return np.bincount(place, minlength=len(keys)).astype(np.int64)


def _said_of_tag(label: str) -> str:
    if label in PLACES:
        return f"at the {label}"
    name = TAGS_IN_NAMES.get(label) or TAG_NAMES.get(label)
    return f"at {name} ({label})" if name else f"at words of {label}"


def _kind(
    name: str,
    title: str,
    *,
    labels: LabelsOfTokens,
    said: Callable[[str], str],
    holding: Callable[[Sequence[str], Annotated], tuple[NDArray[np.int64], NDArray[np.int64]]],
    shown: Shown,
) -> EvidenceKind:
    own = _OfFiring(name, title, labels, said, holding)
    return EvidenceKind(
        name=name,
        title=title,
        rows=shown.rows,
        optional=True,
        count=own.count,
        features=own.features,
        of_entries=True,
        shown=(shown,),
    )


FIRING_WORDS = _kind(
    WORDS,
    "fires at",
    labels=words_at,
    said='at "{}"'.format,
    holding=lambda labels, sentences: hold_words(labels, sentences.coded),
    shown=Shown(name=WORDS, title="fires at", rows=Rows(WORDS, ("label",)), place="left", n_rows=6, page_order=-3),
)
FIRING_CONTEXT = _kind(
    "firing_context",
    "where it fires",
    labels=context_of,
    said=str,
    holding=lambda labels, sentences: hold_words(labels, sentences.coded),
    shown=Shown(
        name="firing_context",
        title="where it fires",
        rows=Rows("firing_context", ("label",)),
        n_rows=4,
        page_order=-2,
    ),
)
FIRING_TAGS = _kind(
    "firing_tags",
    "fires at a",
    labels=grammar_of,
    said=_said_of_tag,
    holding=lambda labels, sentences: hold_grammar(labels, sentences.coded, sentences.annotations),
    shown=Shown(
        name="firing_tags", title="fires at a", rows=Rows("firing_tags", ("label",)), gloss=TAG_NAMES, page_order=-1
    ),
)
