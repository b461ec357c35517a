"""Verify folders that are written all at once: comparisons, variants, probes, what judges and protocols found."""

from pathlib import Path

from neurolect.comparison.folder import how_made_again as comparison_made_again
from neurolect.comparison.folder import open_comparison
from neurolect.folders.formats import ACTIVATIONS, FEATURES, PROTOCOL, FolderFormat, read_manifest
from neurolect.folders.sums import FileEntry
from neurolect.folders.variant_record import how_made_again, read_record
from neurolect.probing.protocol.record import STORE
from neurolect.verification.activations import activations_parts
from neurolect.verification.outcome import GOOD, Part
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


def recorded_parts(folder: Path, kind: FolderFormat) -> list[Part]:
    """Check the files that such a folder names, and the store of activations in it."""
    recorded = read_manifest(folder, kind).get("files", {})
    hint = f"Copy the folder again, or make it again: {kind.made_by.format(folder='NEW')}"
    there = {path.name for ending in ("safetensors", "parquet") for path in folder.glob(f"*.{ending}")}
    parts = [file_part(folder, name, recorded.get(name), hint=hint) for name in sorted(recorded.keys() | there)]
    if kind in (PROTOCOL, FEATURES) and (folder / STORE / ACTIVATIONS.file).is_file():
        own = activations_parts(folder / STORE)
        parts.append(Part(f"{STORE}/{ACTIVATIONS.file}", GOOD))
        parts += [each._replace(name=f"{STORE}/{each.name}") for each in own]
    return parts
