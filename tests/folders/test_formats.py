"""What folders say of themselves: one rule for all four kinds."""

import json
from pathlib import Path

import pytest

from neurolect.errors import FormatVersionError
from neurolect.folders.formats import (
    COMPARISON,
    CORPUS,
    FORMATS,
    RUN,
    VARIANT,
    FolderFormat,
    check_no_part,
    format_of,
    read_manifest,
)

every_format = pytest.mark.parametrize("own", FORMATS, ids=lambda each: each.kind)


def folder_of(folder: Path, own: FolderFormat, **values: object) -> Path:
    folder.mkdir(exist_ok=True)
    head = {"format": own.name, "schema_version": own.version, "neurolect": "0.1.0"}
    (folder / own.file).write_text(json.dumps(head | values))
    return folder


@every_format
@pytest.mark.parametrize("name", ["manifest.json", "neurons.parquet", "deep/down/a.npy", "options.toml"])
def test_a_part_of_a_folder_is_not_written_over(tmp_path: Path, own: FolderFormat, name: str) -> None:
    folder = folder_of(tmp_path / "there", own)
    part = folder / (own.file if name == "manifest.json" else name)
    check_no_part(folder / "new.parquet")
    part.parent.mkdir(parents=True, exist_ok=True)
    if not part.exists():
        part.write_text("x")
    (tmp_path / "link").symlink_to(part)
    for path in (part, tmp_path / "link"):
        with pytest.raises(own.error, match=rf"is a file of the {own.kind}(.|\n)*another --out"):
            check_no_part(path)


def test_other_files_are_written_over(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "run", RUN)
    for path in (tmp_path / "a.json", tmp_path / "a.parquet", folder / "report.html", folder / "words.csv"):
        path.write_text("x")
        check_no_part(path)
    check_no_part(tmp_path / "not" / "there.json")


@every_format
def test_this_version_and_all_before_it_open(tmp_path: Path, own: FolderFormat) -> None:
    for version in range(1, own.version + 1):
        folder = folder_of(tmp_path / "there", own, schema_version=version)
        assert read_manifest(folder, own)["schema_version"] == version
        assert format_of(folder) is own


@every_format
@pytest.mark.parametrize("version", [99, 0, "one", None])
def test_a_newer_version_is_refused(tmp_path: Path, own: FolderFormat, version: object) -> None:
    folder = folder_of(tmp_path / "there", own, schema_version=version, neurolect="9.1")
    message = f"{own.kind} .*there has schema version {version!r}, written by neurolect 9.1" r"(.|\n)*Expected: 1"
    with pytest.raises(FormatVersionError, match=message + r"(.|\n)*Hint: Update neurolect, which is"):
        read_manifest(folder, own)


@every_format
def test_what_is_no_such_folder_is_named(tmp_path: Path, own: FolderFormat) -> None:
    with pytest.raises(
        own.error, match=rf"nowhere is not a {own.kind}: there is no such folder(.|\n)*Hint: Make one"
    ):
        read_manifest(tmp_path / "nowhere", own)
    with pytest.raises(own.error, match=f"it has no {own.file}"):
        read_manifest(tmp_path, own)
    (tmp_path / "file").write_text("x")
    with pytest.raises(own.error, match="it is a file"):
        read_manifest(tmp_path / "file", own)
    for content in (b"{broken", b"\xff"):
        (tmp_path / own.file).write_bytes(content)
        with pytest.raises(own.error, match=r"cannot be read as JSON(.|\n)*damaged. Make one: neurolect"):
            read_manifest(tmp_path, own)
    for text, found in (("[]", "list"), ('{"format": "else"}', "else"), ("{}", "None")):
        (tmp_path / own.file).write_text(text)
        with pytest.raises(
            own.error, match=rf"its {own.file} has the format .?{found}(.|\n)*Hint: Make one: {own.made_by[:12]}"
        ):
            read_manifest(tmp_path, own)
    assert format_of(tmp_path) is None


@pytest.mark.parametrize(
    ("found", "expected", "command"),
    [
        (CORPUS, RUN, "neurolect collect MODEL .*there --out RUN"),
        (COMPARISON, RUN, "neurolect compare .*there"),
        (VARIANT, RUN, "neurolect collect .*there CORPUS --out RUN"),
        (RUN, COMPARISON, "neurolect show .*there NEURON"),
        (RUN, VARIANT, "neurolect show .*there NEURON"),
        (RUN, CORPUS, "corpus it was collected from: my-corpus"),
    ],
)
def test_a_folder_of_another_kind_is_named_with_its_command(
    tmp_path: Path, found: FolderFormat, expected: FolderFormat, command: str
) -> None:
    folder = folder_of(tmp_path / "there", found, corpus={"path": "my-corpus"})
    message = rf"is not a {expected.kind}: it is a {found.kind} \(format '{found.name}'\)(.|\n)*Hint: .*{command}"
    with pytest.raises(expected.error, match=message):
        read_manifest(folder, expected)
