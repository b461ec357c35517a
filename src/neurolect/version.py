"""Which neurolect this is."""

from importlib.metadata import PackageNotFoundError, version


def package_version(name: str) -> str:
    """Give the version of an installed package; ``unknown`` of one that runs from its source tree."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def neurolect_version() -> str:
    """Give the version of neurolect."""
    return package_version("neurolect")
