"""What a variant's folder says of itself in ``variant.json``, and whether its files are still those it names."""

import shlex
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from neurolect.errors import VariantError
from neurolect.folders.formats import VARIANT, check_types, format_of, read_manifest
from neurolect.folders.sums import FileEntry, change_of


class _Origin(TypedDict):
    """The model that a variant was made from."""

    name: str
    fingerprint: str


class VariantRecord(TypedDict):
    """``variant.json``; a kind of variant has more keys of its own."""

    schema_version: int
    kind: str
    made_from: _Origin
    seed: int
    architecture: str
    neurolect: NotRequired[str]
    created: NotRequired[str]
    packages: NotRequired[dict[str, str]]
    kept: NotRequired[list[str]]
    redrawn: NotRequired[list[str]]
    n_kept: NotRequired[int]
    n_redrawn: NotRequired[int]
    options: NotRequired[dict[str, Any]]
    classes: NotRequired[list[str]]
    n_train: NotRequired[int]
    n_validation: NotRequired[int]
    validation_accuracy: NotRequired[float]
    majority: NotRequired[float]
    best_epoch: NotRequired[int]
    epochs: NotRequired[list[dict[str, Any]]]
    notices: NotRequired[list[str]]
    files: NotRequired[dict[str, FileEntry]]


def read_record(folder: Path) -> VariantRecord:
    """Read what ``variant.json`` says; VariantError where there is none, FormatVersionError where it is newer."""
    record = read_manifest(folder, VARIANT)
    check_types(folder, record, VARIANT, VariantRecord)
    return cast("VariantRecord", record)


def check_files(folder: Path) -> None:
    """Refuse a variant with a file that is no longer as it was written; any other model folder passes."""
    if format_of(folder) is not VARIANT:
        return
    record = read_record(folder)
    for name, entry in record.get("files", {}).items():
        how = change_of(folder / name, entry)
        if how is not None:
            what = f"The file {name!r} of the variant's folder {folder} is damaged: {how}."
            raise VariantError(what, hint=how_made_again(folder, record))


def how_made_again(folder: Path, record: VariantRecord) -> str:
    """Say what to do about damage."""
    command = ["neurolect", "variant", record["made_from"]["name"], record["kind"], "--seed", str(record["seed"])]
    if record["kind"] == "finetuned":
        columns = {name: record.get("options", {}).get(name) for name in ("text", "label")}
        command += ["--data", "FILE", *(part for name, to in columns.items() if to for part in (f"--{name}", to))]
    again = f"{shlex.join(map(str, command))} --out NEW"
    mine = "if the files were changed on purpose, remove its variant.json"
    return f"copy the folder {folder} again, or make it again with: {again} ({mine})"
