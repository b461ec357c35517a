"""Kinds of evidence: what a list may have more of than the corpus. See docs/evidence_kinds.md for adding one."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurolect.signatures.evidence.kind import EvidenceKind
    from neurolect.signatures.evidence.of_sentences import kind_of_sentences
    from neurolect.signatures.evidence.registry import kinds, register, unregister

__all__ = ["EvidenceKind", "kind_of_sentences", "kinds", "register", "unregister"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Load the names when they are first used."""
    if name == "EvidenceKind":
        from neurolect.signatures.evidence.kind import EvidenceKind

        return EvidenceKind
    if name == "kind_of_sentences":
        from neurolect.signatures.evidence.of_sentences import kind_of_sentences

        return kind_of_sentences
    if name in __all__:
        from neurolect.signatures.evidence import registry

        return getattr(registry, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
