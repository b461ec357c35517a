"""Relations between neurons: vectors, clusters, maps, twins, nearest neighbours."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurolect.relations.options import RelateOptions
    from neurolect.relations.stage import relate

__all__ = ["RelateOptions", "relate"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Load the stage's entry points when they are first used."""
    if name == "RelateOptions":
        from neurolect.relations.options import RelateOptions

        return RelateOptions
    if name == "relate":
        from neurolect.relations.stage import relate

        return relate
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
