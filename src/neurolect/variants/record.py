"""What a variant's folder says of itself: ``variant.json`` for programs, ``README.md`` for people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurolect.atomic import write_json, write_text
from neurolect.folders.formats import VARIANT, read_manifest
from neurolect.store.manifest import now, package_versions
from neurolect.version import neurolect_version


def write_record(
    folder: Path, *, kind: str, made_from: Mapping[str, str], facts: Mapping[str, Any], text: str
) -> None:
    """Write both files.

    ``facts``: What else is known, JSON-able; as in ``docs/variants.md``.
    """
    head = {"format": VARIANT.name, "schema_version": VARIANT.version, "kind": kind, "made_from": dict(made_from)}
    versions = {"neurolect": neurolect_version(), "created": now(), "packages": package_versions()}
    write_json(folder / VARIANT.file, head | dict(facts) | versions)
    write_text(folder / "README.md", text)


def read_record(folder: Path) -> dict[str, Any]:
    """Read what ``variant.json`` says; VariantError where there is none, FormatVersionError where it is newer."""
    return read_manifest(folder, VARIANT)
