"""Signatures: what a neuron's list has more of than the corpus, in words, patterns, tags and metadata."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurolect.signatures.describe_run import describe
    from neurolect.signatures.options import DescribeOptions

__all__ = ["DescribeOptions", "describe"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Load the stage's entry points when they are first used."""
    if name == "describe":
        from neurolect.signatures.describe_run import describe

        return describe
    if name == "DescribeOptions":
        from neurolect.signatures.options import DescribeOptions

        return DescribeOptions
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
