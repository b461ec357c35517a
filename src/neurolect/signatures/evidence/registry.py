"""All kinds of evidence, in the order of their features, and how others are added."""

from neurolect.errors import OptionError, nearest
from neurolect.signatures.evidence.firing import FIRING_CONTEXT, FIRING_TAGS, FIRING_WORDS
from neurolect.signatures.evidence.form import FORM
from neurolect.signatures.evidence.kind import EvidenceKind, Shown
from neurolect.signatures.evidence.length import LENGTH
from neurolect.signatures.evidence.metadata import METADATA
from neurolect.signatures.evidence.patterns import PHRASES, TAG_PATTERNS
from neurolect.signatures.evidence.senses import SENSES
from neurolect.signatures.evidence.subtrees import SUBTREES
from neurolect.signatures.evidence.tags import TAGS
from neurolect.signatures.evidence.words import WORDS

_KINDS = [
    WORDS,
    PHRASES,
    TAGS,
    TAG_PATTERNS,
    LENGTH,
    METADATA,
    SUBTREES,
    FORM,
    FIRING_WORDS,
    FIRING_CONTEXT,
    FIRING_TAGS,
]


def kinds() -> tuple[EvidenceKind, ...]:
    """Give all kinds; senses are last, since what a sentence has of them differs from list to list."""
    return (*_KINDS, SENSES)


def kind_names() -> tuple[str, ...]:
    """Name all kinds."""
    return tuple(kind.name for kind in kinds())


def added_kinds() -> dict[str, list[str]]:
    """Name the kinds that were registered, for the manifest."""
    return {"added_kinds": [name for name in kind_names() if name not in _OWN]}


def title_of(name: str) -> str:
    """Give the title of a kind; its name where it is none that this process knows."""
    return next((kind.title for kind in kinds() if kind.name == name), name)


def shown_in_order() -> list[Shown]:
    """Give what cards show of all kinds, in the order of a report."""
    return sorted((shown for kind in kinds() for shown in kind.shown), key=lambda shown: shown.page_order)


def kind_named(name: str) -> EvidenceKind:
    """Look a kind up."""
    found = next((kind for kind in kinds() if kind.name == name), None)
    if found is None:
        what = f"There is no kind of evidence {name!r}."
        raise OptionError(
            what, expected=f"one of {', '.join(kind_names())}", hint=f"Nearest: {nearest(name, kind_names())}"
        )
    return found


def register(kind: EvidenceKind) -> None:
    """Add a kind of evidence to all stages of this process; describe runs after that.

    Parameters
    ----------
    kind : EvidenceKind
        Its features follow those of the kinds that are there. A kind of the same name replaces an earlier one that
        was registered.

    Raises
    ------
    OptionError
        If the name is that of a kind of neurolect's own.
    """
    if kind.name in _OWN:
        what = f"The kind of evidence {kind.name!r} is neurolect's own."
        raise OptionError(what, expected="another name", hint=f"Taken are {', '.join(sorted(_OWN))}.")
    unregister(kind.name)
    _KINDS.append(kind)


def unregister(name: str) -> None:
    """Take a registered kind away again."""
    _KINDS[:] = [kind for kind in _KINDS if kind.name != name or name in _OWN]


_OWN = frozenset(kind_names())
