"""The record of stages: what each rests on, what it was made with, and whether it is current.

The manifest of a run holds an entry for every stage: ``status``, ``id`` (another one each time it is made),
``rests_on`` (the ids of the stages it was made from), ``options`` and counts. A stage is stale when one that it
rests on was made again, or when its own options are no longer the run's; another version of neurolect alone makes
nothing stale. Stale results are never read: they are reported with the command that renews them.
"""

import dataclasses
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from neurolect.errors import RunFolderError
from neurolect.folders.atomic import write_text
from neurolect.folders.formats import neurolect_version
from neurolect.folders.lock import only_here
from neurolect.folders.sums import sums_of
from neurolect.store.files import changes_of, record_files
from neurolect.store.manifest import RunManifest, now, read_manifest, write_manifest
from neurolect.store.stage_kinds import STAGES, StageKind, command_of


# Write resolved options as TOML.
def options_to_toml(options: dict[str, dict[str, Any]]) -> str:
    """Write options of stages as TOML tables.

    ``options``: Stage to option to value (string, number, boolean, list or tuple of those; None is left out with a
        comment, TOML has no null).

    Examples
    --------
    >>> print(options_to_toml({"collect": {"list_size": 100, "limit": None}}), end="")
    [collect]
    list_size = 100
    # limit: not set
    """
    lines: list[str] = []
    for stage, values in options.items():
        if lines:
            lines.append("")
        lines.append(f"[{stage}]")
        for name, value in values.items():
            lines.append(f"# {name}: not set" if value is None else f"{name} = {_value(value)}")
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """Write one value."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(name))} = {_value(each)}" for name, each in value.items()) + "}"
    # JSON's strings, numbers and booleans are TOML's
    return json.dumps(value, ensure_ascii=False)


Options = TypeVar("Options")


def state_of(manifest: RunManifest, stage: str) -> str:
    """Say whether a stage is ``missing``, ``running``, ``stale`` or ``current``."""
    entry = manifest["stages"].get(stage)
    if entry is None:
        return "missing"
    if entry.get("status") != "complete":
        return "running"
    kind, made_from = STAGES[stage], entry.get("rests_on", {})
    if any(state_of(manifest, below) != "current" for below in kind.rests_on):
        return "stale"
    if any(made_from.get(below) != made for below, made in _made(manifest, kind).items()):
        return "stale"
    ours = manifest["options"].get(kind.options) if kind.options else None
    return "current" if ours is None or entry.get("options", ours) == ours else "stale"


def _made(manifest: RunManifest, kind: StageKind) -> dict[str, str | None]:
    """Name the present making of every stage that one reads; None for one that it can do without."""
    return {
        below: manifest["stages"][below].get("id") if state_of(manifest, below) == "current" else None
        for below in (*kind.rests_on, *kind.uses)
    }


def left_out(folder: Path, manifest: RunManifest) -> list[str]:
    """Say in a line each which stages' results are stale or unfinished and so not shown, and what renews them."""
    why = {"stale": "is of an earlier state of the run", "running": "is unfinished"}
    states = {stage: state_of(manifest, stage) for stage in STAGES}
    return [
        f"What {stage!r} made {why[state]} and not shown. Renew it: {command_of(stage, folder)}"
        for stage, state in states.items()
        if state in why
    ]


def check_current(folder: Path, manifest: RunManifest, stage: str) -> None:
    """Refuse a stage that is missing, unfinished or stale, with the command that makes it."""
    state = state_of(manifest, stage)
    if state == "current":
        return
    below = next((each for each in STAGES[stage].rests_on if state_of(manifest, each) != "current"), None)
    if below is not None and state != "missing":
        check_current(folder, manifest, below)
    kind, command = STAGES[stage], command_of(stage, folder)
    if stage == "relate" and manifest["options"].get("describe", {}).get("vectors") == "none":
        command = f"{command_of('describe', folder)} --set describe.vectors=train, then: {command}"
    what = {
        "missing": f"The run folder {folder} {kind.missing}.",
        "running": f"The run folder {folder}: its stage {stage!r} was begun and not finished.",
        "stale": f"The run folder {folder}: what {stage!r} made is of an earlier state of the run.",
    }[state]
    hint = f"{'Make it' if state == 'missing' else 'Renew it'} with: {command}"
    if stage == "collect":
        hint = "The pass over the corpus is unfinished: give the same collect command again."
    raise RunFolderError(what, hint=hint)


class StageRecord:
    """A stage that is being made: what it will say of itself in the manifest."""

    def __init__(self, folder: Path, name: str, entry: dict[str, Any]) -> None:
        self.folder, self.name = folder, name
        self.entry = entry
        """What the manifest says of the stage; whatever is put in is written when the stage is done."""
        self.notice: str | None = None
        """What people should know of the run because of this stage."""
        self.seconds: dict[str, float] = {}
        """Time of each step."""
        self._lock = threading.Lock()

    def write(self) -> None:
        """Put what it says now into the manifest, so that an interrupted stage knows what it has."""
        manifest = read_manifest(self.folder)
        manifest["stages"][self.name] = self.entry
        write_manifest(self.folder, manifest)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time of a step to the account."""
        start = time.perf_counter()
        yield
        with self._lock:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)


@contextmanager
def making(folder: Path, stage: str, *, options: object = None, keep: bool = False) -> Iterator[StageRecord]:
    """Hold a run folder, mark a stage as running, and as complete once the block is done.

    ``options`` (a dataclass) become the run's; ``keep`` starts from the entry that is there instead of a new one.
    A block that fails leaves the stage running: nothing of it is shown.
    """
    kind = STAGES[stage]
    with only_here(folder, doing=stage):
        manifest = read_manifest(folder)
        for below in kind.rests_on:
            check_current(folder, manifest, below)
        before = manifest["stages"].get(stage, {})
        new = {
            "status": "running",
            "id": secrets.token_hex(8),
            "started": now(),
            "rests_on": _made(manifest, kind),
        }
        record = StageRecord(
            folder, stage, (dict(before) if keep else {}) | new | {"neurolect": neurolect_version()}
        )
        record.entry.pop("files", None)  # of the earlier making
        if options is not None and kind.options is not None:
            plain = plain_options(options)
            record.entry["options"] = plain
            manifest["options"][kind.options] = plain
            write_text(folder / "options.toml", options_to_toml(manifest["options"]))
        manifest["notices"] = [each for each in manifest["notices"] if each != before.get("notice")]
        manifest["stages"][stage] = record.entry
        write_manifest(folder, manifest)
        started = time.perf_counter()
        yield record
        record.entry["files"] = record_files(folder, stage)
        took = {"seconds": round(time.perf_counter() - started, 3)}
        if record.seconds:
            took["seconds_by_step"] = record.seconds  # type: ignore[assignment]
        record.entry |= {"status": "complete", "finished": now(), "notice": record.notice} | took
        manifest["stages"][stage] = record.entry
        if record.notice is not None:
            manifest["notices"].append(record.notice)
        write_manifest(folder, manifest)


def plain_options(options: object) -> dict[str, Any]:
    """Give options as JSON gives them back."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(options)))  # type: ignore[call-overload]
    return plain


def made_with(folder: Path, manifest: RunManifest, stage: str, options: object, *, but: str = "") -> bool:
    """Say whether a stage is current, was made with these options, and all it wrote is as it was written.

    ``but``: Files whose names begin so do not count.
    """
    if state_of(manifest, stage) != "current":
        return False
    # entries of before 0.2 have their options among the run's alone
    recorded = manifest["stages"][stage].get("options", manifest["options"].get(STAGES[stage].options or stage, {}))
    # an option that came or went with another version makes nothing again
    asked, defaults = plain_options(options), plain_options(type(options)())
    if {name: recorded.get(name, defaults[name]) for name in asked} != asked:
        return False
    return all(but and name.startswith(but) for name in changes_of(folder, manifest, stage))


def record_again(folder: Path, stage: str, *, beginning: str) -> None:
    """Measure files that were added to a stage, or made again, after it was done; the caller holds the folder."""
    manifest = read_manifest(folder)
    entry = manifest["stages"][stage]
    if "files" in entry:
        others = {name: each for name, each in entry["files"].items() if not name.startswith(beginning)}
        found = record_files(folder, stage)
        entry["files"] = others | {name: found[name] for name in found if name.startswith(beginning)}
        write_manifest(folder, manifest)


def recorded_options(manifest: RunManifest, table: str, options_class: type[Options]) -> Options:
    """Give the run's own options of a stage, the defaults where it has none; those not known here are left out."""
    known = {each.name for each in dataclasses.fields(options_class)}  # type: ignore[arg-type]
    values = manifest["options"].get(table, {})
    return options_class(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key in known}
    )


def remember_options(folder: Path, options: Mapping[str, object]) -> None:
    """Write the options of stages that were not begun yet, so that they are those of a later command."""
    with only_here(folder, doing="options"):
        manifest = read_manifest(folder)
        later = {name: plain_options(each) for name, each in options.items() if name not in manifest["stages"]}
        if any(manifest["options"].get(name) != values for name, values in later.items()):
            manifest["options"] |= later
            write_text(folder / "options.toml", options_to_toml(manifest["options"]))
            write_manifest(folder, manifest)


# Which steps of the stage are done, and with what: an interrupted or changed stage makes only what is missing.
class Steps:
    """The account of the stage's steps, kept in its record.

    Steps made from an earlier description of the run are made again.
    """

    def __init__(self, record: StageRecord) -> None:
        self._record = record
        entry = record.entry
        known = entry.get("steps", {}) if entry.get("steps_rest_on") == entry["rests_on"] else {}
        self._done: dict[str, dict[str, Any]] = known
        entry["steps"], entry["steps_rest_on"] = known, entry["rests_on"]

    def make(self, name: str, work: Callable[[], dict[str, Any]], *, files: list[str], settings: object) -> None:
        """Do a step unless it is done already with these settings (JSON-able) and its files are there."""
        key = hashlib.sha256(json.dumps([name, settings], sort_keys=True).encode()).hexdigest()[:16]
        folder = self._record.folder
        done = self._done.get(name, {})
        if done.get("key") == key and all(_is_same(folder / file, done) for file in files):
            return
        # files of an earlier description must not be taken for this one's while the step runs
        self._done.pop(name, None)
        self._record.write()
        start = time.perf_counter()
        counts = work()
        self._done[name] = {"key": key, "seconds": round(time.perf_counter() - start, 3), **counts}
        self._done[name]["crc32"] = {Path(file).name: sums_of(folder / file)["crc32"] for file in files}
        self._record.write()


def _is_same(path: Path, done: dict[str, Any]) -> bool:
    """Say whether a step's file is there, and as it was written as far as is known."""
    known = done.get("crc32", {}).get(path.name)
    return path.is_file() and known in (None, sums_of(path)["crc32"])
