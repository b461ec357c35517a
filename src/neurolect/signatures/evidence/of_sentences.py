"""A kind of evidence made of one function: the labels that each sentence has by itself."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from neurolect.signatures.counting.candidates import Candidate, of_evidence
from neurolect.signatures.counting.counts import evidence_table, item_evidence
from neurolect.signatures.counting.names import Stated
from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Rows, SentenceFeatures, present
from neurolect.signatures.evidence.kind import Counted, EvidenceKind, SenseItems, Shown

if TYPE_CHECKING:
    from neurolect.signatures.counting.items import Items

N_IN_SENSES = 2
LabelsOfSentences = Callable[[Annotated], Sequence[Sequence[str]]]


def kind_of_sentences(
    name: str,
    title: str,
    *,
    labels: LabelsOfSentences,
    alone: bool = False,
    origins: str | None = None,
    least: int = 1,
) -> EvidenceKind:
    """Make a kind of evidence of what sentences have by themselves, e.g. the mark at their end.

    Parameters
    ----------
    name : str
        Of the kind, and of its table: ``signatures/<name>.parquet`` with a column ``label``.
    title : str
        What people call it; names of neurons say it before the label.
    labels : callable
        From annotated sentences, it gives the labels of each.
    alone : bool
        Whether names of neurons say the label without the title.
    origins : str, optional
        End of the labels that say where sentences come from, not what is in them: names say them last.
    least : int, >= 1
        Kept sentences that a label has at least to be counted.

    Returns
    -------
    EvidenceKind
        Counted against the uniform sample, scored, shown, searched and weighed like words. Register it with
        :func:`neurolect.signatures.evidence.register`.
    """
    rows, own = Rows(name, ("label",)), _OfSentences(name, title, labels, alone, origins, least)
    return EvidenceKind(
        name=name,
        title=title,
        rows=rows,
        optional=True,
        count=own.count,
        features=own.features,
        sense_items=own.sense_items,
        shown=(Shown(name=name, title=title, rows=rows),),
    )


@dataclass(frozen=True, slots=True)
class _OfSentences:
    name: str
    title: str
    labels: LabelsOfSentences
    alone: bool
    origins: str | None
    least: int

    def count(self, collected: Collected) -> Counted:
        stage, lists, in_sample = collected.stage, collected.lists, collected.inputs.in_sample
        with stage.timed(self.name):
            items = self.sense_items(collected)
            found = item_evidence(
                items.items,
                lists,
                background=items.background,
                n_background=items.n_background,
                inside=in_sample,
                options=stage.options,
                workers=stage.workers,
            )
            candidates = of_evidence(
                found,
                labels=items.labels,
                n_lists=len(lists.rows),
                kind=self.name,
                rate=stage.options.false_discovery_rate,
            )
            return Counted(
                tables={self.name: evidence_table(found, labels={"label": items.labels}, lists=lists)},
                stated=[[self.stated(each) for each in of_list] for of_list in candidates],
            )

    def stated(self, candidate: Candidate) -> Stated:
        text = candidate.label if self.alone else f"{self.title} {candidate.label}"
        is_origin = self.origins is not None and candidate.label.endswith(self.origins)
        kind = "place" if is_origin else self.title
        return Stated(candidate, kind, text, text, is_origin=is_origin)

    def features(self, wanted: Sequence[str], sentences: Annotated) -> SentenceFeatures:
        items = _items(self.labels(sentences), wanted)
        return present(items.offsets, items.codes)

    def sense_items(self, collected: Collected) -> SenseItems:
        # asked for twice: to count, and to distinguish senses
        return collected.once(self.name, lambda: self.made(collected))

    def made(self, collected: Collected) -> SenseItems:
        from neurolect.signatures.counting.items import count_in_rows

        every = self.labels(collected.sentences)
        n_sentences = Counter(chain.from_iterable(every))
        known = sorted(label for label, n in n_sentences.items() if n >= self.least)
        items, in_sample = _items(every, known), collected.inputs.in_sample
        background, size = count_in_rows(items, in_sample), int(in_sample.sum())
        return SenseItems(self.name, items, background, size, np.ones(len(known)), N_IN_SENSES, known)


def _items(every: Sequence[Sequence[str]], known: Sequence[str]) -> "Items":
    """Give the labels of sentences numbers; those that are not known are left out."""
    from neurolect.signatures.counting.items import items_of_tokens

    number = {label: code for code, label in enumerate(known)}
    codes = [[number[label] for label in of_one if label in number] for of_one in every]
    offsets = np.cumsum([0, *map(len, codes)]).astype(np.int64)
    flat = np.fromiter(chain.from_iterable(codes), dtype=np.int32, count=int(offsets[-1]))
    return items_of_tokens(flat, offsets, n_items=len(known))
