"""Change files of a run on purpose, as if the run had been written so."""

import json
from pathlib import Path


def forget_sums(folder: Path) -> Path:
    """Take the check sums of all files out of the manifest, as in folders of before there were any."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for entry in manifest.get("stages", {}).values():
        entry.pop("files", None)
    manifest.pop("files", None)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return folder
