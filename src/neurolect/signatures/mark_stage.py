"""What the manifest of a run says of its description."""

from pathlib import Path

from neurolect.atomic import write_text
from neurolect.store import read_manifest, write_manifest
from neurolect.store.options_file import options_to_toml

__all__ = ["mark_stage"]


def mark_stage(folder: Path, entries: dict[str, object], options: dict[str, object]) -> None:
    """Put the state of the describe stage into the manifest, with the options it ran with.

    Parameters
    ----------
    folder : Path
        The run folder.
    entries : dict
        With ``status``; ``running`` replaces what an earlier description left, all else adds to it.
    options : dict
        The stage's options.
    """
    manifest = read_manifest(folder)
    running = entries["status"] == "running"
    before = manifest["stages"].get("describe", {}).get("notice")
    manifest["notices"] = [each for each in manifest["notices"] if each != before]
    if entries.get("notice") is not None:
        manifest["notices"].append(entries["notice"])
    manifest["stages"]["describe"] = entries if running else manifest["stages"]["describe"] | entries
    manifest["options"]["describe"] = options
    if running:
        write_text(folder / "options.toml", options_to_toml(manifest["options"]))
    write_manifest(folder, manifest)
