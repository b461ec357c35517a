"""Search for a label of any kind of evidence: ``tag_patterns=DT NN``, or what a registered kind knows."""

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError, nearest
from neurolect.signatures.evidence.annotated import kept_sentences
from neurolect.signatures.evidence.kind import EvidenceKind
from neurolect.signatures.evidence.registry import kind_named, kinds
from neurolect.store import Run


def parse_evidence(text: str) -> tuple[EvidenceKind, str]:
    """Read a kind and a label with an equals sign between them."""
    name, equals, label = text.partition("=")
    if not equals or not label.strip():
        what = f"{text!r} is no kind and label of evidence."
        raise OptionError(what, expected="KIND=LABEL, e.g. words=house", hint=f"Kinds: {_searchable()}")
    kind = kind_named(name.strip())
    if not kind.searchable:
        what = f"No sentence has or has not {kind.title}."
        raise OptionError(what, expected=f"one of {_searchable()}")
    return kind, label.strip()


def as_options(text: str, given: dict[str, object]) -> dict[str, str]:
    """Give the options of a search that look for a label; they add to those that are given."""
    kind, label = parse_evidence(text)
    options = kind.search(label) if kind.search is not None else {"has": text}
    for name in options:
        if given.get(name) is not None:
            what = f"{text!r} asks for a {name}, and so does {given[name]!r}."
            raise OptionError(what, expected=f"one {name} at a time")
    return options


def sentences_having(kind: EvidenceKind, label: str, run: Run) -> NDArray[np.int64]:
    """Find the kept sentences that have a label, as their numbers, ascending."""
    return np.flatnonzero(np.diff(kind.features([label], kept_sentences(run)).offsets))


def labels_like(text: str, run: Run) -> str | None:
    """Name the labels of evidence most like one that no list has."""
    kind, label = parse_evidence(text)
    if kind.rows is None or not kind.present_in(run):
        return f"The run was described without {kind.title}: neurolect describe {run.folder}"
    known = pc.unique(kind.rows.labels_of(kind.rows.read(run))).to_pylist()
    return f"Nearest: {nearest(label, known)}." if known else None


def _searchable() -> str:
    return ", ".join(kind.name for kind in kinds() if kind.searchable)
