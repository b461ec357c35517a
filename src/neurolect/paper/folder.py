"""The folder of a reproduction: where each step's results lie, and whether they are there."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from neurolect.errors import OptionError, RunFolderError
from neurolect.folders.atomic import write_json
from neurolect.store import Run, open_run

_RECORD = "paper.json"


class PaperFolder(NamedTuple):
    """Places of the steps' results."""

    root: Path
    """The folder given as ``--out``."""

    @property
    def data(self) -> Path:
        """Labelled texts to train on, sentence sets, and what was left out."""
        return self.root / "data"

    @property
    def compared(self) -> Path:
        """Distances of sentences, and comparison folders ``random`` and ``sentiment``."""
        return self.root / "compared"

    @property
    def report(self) -> Path:
        """The report with its figures."""
        return self.root / "report"

    def variant(self, name: str) -> Path:
        """Give the model folder of a variant."""
        return self.root / "variants" / name

    def has_variant(self, name: str) -> bool:
        """Say whether a variant was made.

        Returns: True as well where its weights stayed on another machine, and its record came.
        """
        return (self.variant(name) / "variant.json").is_file()

    def has_weights(self, name: str) -> bool:
        """Say whether a model can be loaded.

        Returns: False for a variant that was not made, or of which the record alone is here.
        """
        return name == "pretrained" or any(self.variant(name).glob("model*.safetensors"))

    def run(self, name: str) -> Path:
        """Give the run folder of a model."""
        return self.root / "runs" / name

    def opened(self, name: str) -> Run | None:
        """Open the run of a model."""
        if not (self.run(name) / "manifest.json").is_file():
            return None
        try:
            return open_run(self.run(name))
        except RunFolderError as error:
            if "unfinished" in error.what:
                return None
            raise

    def begin(self, choices: dict[str, Any]) -> None:
        """Note what the folder was made with, or check that it is made with the same.

        ``choices``: Options that results rest on, JSON-able.
        """
        now: dict[str, Any] = json.loads(json.dumps(choices))
        path = self.root / _RECORD
        if not path.is_file():
            if self.root.is_dir() and any(self.root.iterdir()):
                what = f"{self.root} is there already, and no reproduction was begun in it."
                raise OptionError(what, expected="a new folder, or one of this command", hint="give another --out")
            write_json(path, {"format": "neurolect-paper", "schema_version": 1, "choices": now})
            return
        then = json.loads(path.read_text(encoding="utf-8"))["choices"]
        for name in sorted(then.keys() | now.keys()):
            if then.get(name) != now.get(name):
                before, asked = json.dumps(then.get(name)), json.dumps(now.get(name))
                what = f"{self.root} was started with {name} {before}, and now it is {asked}."
                raise OptionError(what, expected="the same options", hint="or give another --out")

    def choices(self) -> dict[str, Any]:
        """Read what the folder was started with."""
        choices: dict[str, Any] = json.loads((self.root / _RECORD).read_text(encoding="utf-8"))["choices"]
        return choices
