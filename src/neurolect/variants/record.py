"""What a variant's folder says of itself: ``variant.json`` for programs, ``README.md`` for people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurolect.atomic import write_json, write_text
from neurolect.store.manifest import now, package_versions

__all__ = ["FORMAT", "SCHEMA_VERSION", "write_record"]

FORMAT = "neurolect-variant"
SCHEMA_VERSION = 1


def write_record(
    folder: Path, *, kind: str, made_from: Mapping[str, str], facts: Mapping[str, Any], text: str
) -> None:
    """Write both files.

    Parameters
    ----------
    folder : Path
        The variant's folder.
    kind : {"random", "finetuned"}
        What was done.
    made_from : mapping
        ``name`` and ``fingerprint`` of the model it was made from.
    facts : mapping
        What else is known, JSON-able; as in ``docs/variants.md``.
    text : str
        The same for people, Markdown.
    """
    head = {"format": FORMAT, "schema_version": SCHEMA_VERSION, "kind": kind, "made_from": dict(made_from)}
    versions = {"created": now(), "packages": package_versions()}
    write_json(folder / "variant.json", head | dict(facts) | versions)
    write_text(folder / "README.md", text)
