"""A folder of steps, as a protocol's: a file a step, so that a killed command resumes at the step it was at."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neurolect.errors import ProbingError
from neurolect.folders.atomic import is_leftover, write_json
from neurolect.folders.formats import PROTOCOL, FolderFormat, neurolect_version, read_manifest
from neurolect.folders.lock import LOCK
from neurolect.folders.sums import sums_of
from neurolect.probing.options import ProbeOptions, ProtocolOptions
from neurolect.store.manifest import now

PLAN, STORE, PROBE_FOLDER, RANKING = "plan.json", "activations", "probe", "ranking.parquet"
RANDOM = ("random", "random_embeddings")
"""Steps that are there where asked for: random weights with the trained word embeddings, and with new ones."""
STEPS = ("search", "fit", "minimal", "controls", "layers", "clusters", "sets", "resamples", "classes", *RANDOM)
"""Steps in their order; each has a file of its name."""
_OWN = (PLAN, STORE, LOCK)


def check_free(folder: Path, kind: FolderFormat = PROTOCOL) -> None:
    """Refuse a folder that has something else in it than work of a kind."""
    if (folder / kind.file).is_file():
        read_manifest(folder, kind)  # refuses what is of another kind, before anything is written
    elif folder.is_file() or (
        folder.is_dir()
        and not (folder / PLAN).is_file()
        and any(each.name not in _OWN and not is_leftover(each) for each in folder.iterdir())
    ):
        what = f"{folder} is there already and has something else in it; nothing is overwritten."
        raise ProbingError(what, expected="a folder that is not there yet", hint="Give another --out.")


def begin(
    folder: Path,
    key: dict[str, Any],
    *,
    kind: FolderFormat = PROTOCOL,
    named: str = "the protocol",
    steps: Sequence[str] = STEPS,
) -> bool:
    """Say whether all is there already; what was left of other work is removed, a whole folder of it refused."""
    key = json.loads(json.dumps(key))
    if (folder / kind.file).is_file():
        if _with_defaults(read_manifest(folder, kind)["key"]) == key:
            return True
        what = f"{folder} has {named} of other activations, labels or options."
        hint = "Give another --out, or remove the folder."
        raise ProbingError(what, expected="a folder that is not there yet", hint=hint)
    if (folder / PLAN).is_file() and json.loads((folder / PLAN).read_text(encoding="utf-8")) != key:
        for name in steps:
            (folder / f"{name}.json").unlink(missing_ok=True)
        (folder / RANKING).unlink(missing_ok=True)
        shutil.rmtree(folder / PROBE_FOLDER, ignore_errors=True)
    write_json(folder / PLAN, key)
    return False


def _with_defaults(key: dict[str, Any]) -> dict[str, Any]:
    """Give options that came after a folder was written their defaults."""
    defaults = {"probe": asdict(ProbeOptions()), "protocol": asdict(ProtocolOptions())}
    filled = {name: options | key[name] for name, options in defaults.items() if name in key}
    return dict(json.loads(json.dumps(key | filled)))


def step(folder: Path, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Read what a step left, or make it and write it, with the seconds that it took."""
    path = folder / f"{name}.json"
    if not path.is_file():
        begun = time.monotonic()
        found = make()
        write_json(path, found | {"seconds": round(time.monotonic() - begun, 1)})
    return dict(json.loads(path.read_text(encoding="utf-8")))


def finish(folder: Path, key: dict[str, Any], facts: dict[str, Any]) -> None:
    """Write the manifest: with it the folder is whole."""
    names = [f"{name}.json" for name in STEPS if (folder / f"{name}.json").is_file()]
    names += [RANKING, *(f"{PROBE_FOLDER}/{each.name}" for each in sorted((folder / PROBE_FOLDER).iterdir()))]
    manifest = {
        "format": PROTOCOL.name,
        "schema_version": PROTOCOL.version,
        "neurolect": neurolect_version(),
        "created": now(),
        "key": key,
        **facts,
        "files": {name: sums_of(folder / name) for name in names},
    }
    write_json(folder / PROTOCOL.file, manifest)
    (folder / PLAN).unlink(missing_ok=True)


def read_steps(folder: Path) -> dict[str, dict[str, Any]]:
    """Read what all steps of a whole folder found."""
    found = {}
    for name in STEPS:
        path = folder / f"{name}.json"
        try:
            found[name] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if name not in RANDOM:
                what = f"{path} is missing."
                raise ProbingError(what, hint="Remove the folder and run `neurolect probing all` again.") from None
        except ValueError as error:
            what = f"{path} cannot be read as JSON ({error})."
            raise ProbingError(what, hint="Remove the folder and run `neurolect probing all` again.") from error
    return found
