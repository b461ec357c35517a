"""Verify folders that are written all at once: comparisons and variants."""

from pathlib import Path
from typing import Any

from neurolect.comparison.folder import open_comparison
from neurolect.folders.formats import VARIANT, read_manifest
from neurolect.folders.sums import FileEntry
from neurolect.verification.outcome import Part
from neurolect.verification.reading import file_part
from neurolect.visible import quoted


def comparison_parts(folder: Path) -> list[Part]:
    """Check the tables of a comparison, and whether its runs were made again since."""
    made = open_comparison(folder)
    runs = " ".join(quoted(str(run.get("path", "RUN"))) for run in made.manifest["runs"])
    hint = f"Copy the folder again, or compare again: neurolect compare {runs} --out NEW"
    recorded: dict[str, FileEntry] = made.manifest.get("files", {})
    names = sorted(recorded.keys() | {path.name for path in folder.glob("*.parquet")})
    parts = [file_part(folder, name, recorded.get(name), hint=hint) for name in names]
    return parts + [Part("runs", "stale", line, hint) for line in made.stale()]


def variant_parts(folder: Path) -> list[Part]:
    """Check the files of a variant."""
    record: dict[str, Any] = read_manifest(folder, VARIANT)
    recorded: dict[str, FileEntry] = record.get("files", {})
    names = recorded.keys() | {path.name for path in folder.glob("*.safetensors")}
    hint = "Copy the folder again, or make it again: neurolect variant MODEL ... --out NEW"
    return [file_part(folder, name, recorded.get(name), hint=hint) for name in sorted(names)]
