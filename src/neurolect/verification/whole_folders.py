"""Verify folders that are written all at once: comparisons and variants."""

from pathlib import Path

from neurolect.comparison.folder import how_made_again as comparison_made_again
from neurolect.comparison.folder import open_comparison
from neurolect.folders.sums import FileEntry
from neurolect.folders.variant_record import how_made_again, read_record
from neurolect.verification.outcome import Part
from neurolect.verification.reading import file_part


def comparison_parts(folder: Path) -> list[Part]:
    """Check the tables of a comparison, and whether its runs were made again since."""
    made = open_comparison(folder)
    hint = comparison_made_again(made.manifest)
    recorded: dict[str, FileEntry] = made.manifest.get("files", {})
    names = sorted(recorded.keys() | {path.name for path in folder.glob("*.parquet")})
    parts = [file_part(folder, name, recorded.get(name), hint=hint) for name in names]
    return parts + [Part("runs", "stale", line, hint) for line in made.stale()]


def variant_parts(folder: Path) -> list[Part]:
    """Check the files of a variant."""
    record = read_record(folder)
    recorded = record.get("files", {})
    names = recorded.keys() | {path.name for path in folder.glob("*.safetensors")}
    hint = how_made_again(folder, record)
    return [file_part(folder, name, recorded.get(name), hint=hint) for name in sorted(names)]
