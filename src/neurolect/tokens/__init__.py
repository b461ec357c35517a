"""What single tokens add to activations: a second pass over the first sentences of every list."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurolect.tokens.weigh import read_tokens

__all__ = ["read_tokens"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Load the stage's entry point when it is first used."""
    if name == "read_tokens":
        from neurolect.tokens.weigh import read_tokens

        return read_tokens
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
