"""The corpus inside the package: 20,600 sentences of seven domains, free to redistribute (see PROVENANCE.md)."""

from importlib.resources import files
from pathlib import Path

__all__ = ["documents_path"]


def documents_path() -> Path:
    """Find the embedded documents.

    Returns: A Parquet file, one row a document: ``text``, ``domain``, ``author``, ``title``, ``topic``, ``party``,
        ``sentiment`` (strings, null where unknown) and ``year`` (float64).

    Examples
    --------
    >>> documents_path().name
    'documents.parquet'
    """
    return Path(str(files("neurolect.demo_data"))) / "documents.parquet"
