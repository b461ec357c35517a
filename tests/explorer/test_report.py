"""The report: the site in one file that opens from disk, or with its chunks in a folder next to it."""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neurolect.errors import NeurolectError, RunFolderError
from neurolect.explorer import Answers, write_report
from neurolect.explorer.site import report
from neurolect.store import open_run
from tests.example_run import HOSTILE, write_example_run
from tests.explorer.browsing import Visit, chromium
from tests.explorer.test_export import unpacked, values_of


@pytest.fixture(scope="module")
def path(example_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    said: list[str] = []
    made = write_report(example_folder, tmp_path_factory.mktemp("report") / "report.html", announce=said.append)
    stated = float(re.findall(r"about ([\d.]+) MB", said[0])[0])
    assert stated == pytest.approx(made.stat().st_size / 1e6, abs=0.06)  # said before it was written
    return made


def held(path: Path) -> dict[str, Any]:
    """Read the blocks of data of a report."""
    page = path.read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    for coded in re.findall(r'<script type="text/plain" id="data/[^"]*">([^<]*)</script>', page):
        found |= json.loads(zlib.decompress(base64.b64decode(coded)))
    return {key: unpacked(value) for key, value in found.items()}


def test_every_neuron_has_a_card_with_its_five_strongest_sentences(path: Path, example_folder: Path) -> None:
    values, answers = held(path), Answers([example_folder])
    addresses = open_run(example_folder).neurons().column("address").to_pylist()
    assert {key for key in values if key.startswith("card/")} == {f"card/0/{each}" for each in addresses}
    for address in addresses:
        card, whole = values[f"card/0/{address}"], answers.get(f"card/0/{address}")
        for side, other in zip(card["sides"], whole["sides"], strict=True):
            assert side["examples"] == other["examples"][:5]
            assert side["evidence"] == other["evidence"]
    assert values["overview/0"] == answers.get("overview/0")
    assert HOSTILE in json.dumps(values, ensure_ascii=False).replace('\\"', '"')


def test_a_place_that_cannot_be_written_to_is_refused_before_cards_are_made(
    example_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("kept")
    monkeypatch.delattr(report, "size_of")
    with pytest.raises(NeurolectError, match=r"could not be written: Not a directory(.|\n)*another --out"):
        write_report(example_folder, tmp_path / "file" / "report.html")


def test_only_its_own_script_and_style_are_allowed_by_their_sums(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "unsafe" not in policy[1]
    assert "'self'" not in policy[1]
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy[1]
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:)""", page.split("<script>")[0])
    assert "alert(1)" not in page  # texts are packed


def test_a_larger_one_has_its_chunks_in_a_folder_next_to_it(
    example_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "MAX_BYTES", 1_000)
    said: list[str] = []
    for _ in range(2):  # what was written before is replaced
        made = write_report(example_folder, tmp_path / "large.html", announce=said.append)
    assert "large-data" in said[0]
    page = made.read_text(encoding="utf-8")
    assert 'data-chunks="large-data"' in page
    assert 'id="data/' not in page
    (tmp_path / "site").mkdir()
    (tmp_path / "large-data").rename(tmp_path / "site" / "data")
    assert {key for key in values_of(tmp_path / "site") if key.startswith("card/")} == set(_cards(example_folder))


def _cards(folder: Path) -> list[str]:
    run = open_run(folder)
    return [f"card/0/{each}" for each in run.neurons().column("address").to_pylist()]


def test_a_run_that_is_not_described_says_what_to_do(tmp_path: Path) -> None:
    folder = write_example_run(tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["stages"]["describe"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunFolderError, match="neurolect describe"):
        write_report(folder, tmp_path / "report.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


@pytest.mark.browser
@pytest.mark.parametrize("limit", [report.MAX_BYTES, 1_000])
def test_it_opens_from_disk(
    browser: Any, example_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(report, "MAX_BYTES", limit)
    made = write_report(example_folder, tmp_path / "page of a run.html")
    visit = Visit(browser, made.as_uri())
    visit.go("#/", ".map-canvas canvas")
    page = visit.go("#/neurons?q=jane austen", ".grid-row")
    assert "Jane Austen" in visit.text(".grid-row")
    page.click(".grid-row a")
    page.wait_for_selector(".lines li")
    assert visit.text("h1") == "hidden.1.2"
    visit.go("#/card/0/hidden.2.5", ".lines li")
    assert "<script>alert(1)</script>" in visit.text("main")
    visit.end()
