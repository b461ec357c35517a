import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neurolect.store import Run
from neurolect.views import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def report(example_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(example_run, tmp_path_factory.mktemp("report") / "report.html", n_cards=8)


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1200, "height": 800})
    problems: list[str] = []
    urls: list[str] = []

    def refuse(dialog: Any) -> None:
        problems.append(dialog.message)
        dialog.dismiss()

    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("dialog", refuse)
    opened.on("request", lambda request: urls.append(request.url))
    opened.goto(report.as_uri())
    yield opened
    assert problems == []
    assert urls == [report.as_uri()]
    opened.close()


def test_search_narrows_the_list_and_opens_a_card(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("jane austen")
    page.wait_for_selector("#count:text('1 of 32 lists')")
    page.keyboard.press("Tab")
    page.click("#list tbody a")
    assert page.inner_text("dialog h2") == "hidden.1.2"
    assert "Jane Austen" in page.inner_text("dialog .side.top")
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog")
    page.fill("#query", "")
    page.wait_for_selector("#count:text-is('32 lists')")


def test_hostile_text_stays_text(page: Any) -> None:
    page.evaluate("location.hash = 'hidden.2.5'")
    page.wait_for_selector("dialog[open]")
    assert "<script>alert(1)</script>" in page.inner_text("dialog")
    page.keyboard.press("Escape")
    assert "<script>alert(1)</script>" in page.inner_text("#list")
    assert page.evaluate("document.scripts.length") == 2


def test_a_neuron_without_a_card_has_its_strongest_sentences_and_tells_how_to_get_it(
    page: Any, example_run: Run
) -> None:
    page.evaluate("location.hash = 'hidden.1.7'")
    page.wait_for_selector("dialog[open]")
    assert "neurolect show example hidden.1.7" in page.inner_text("dialog")
    for side in ("top", "bottom"):
        listed = example_run.neuron("hidden.1.7").list(side, limit=5).column("text").to_pylist()
        shown = page.locator(f"dialog .side.{side} .examples li:not(.typical) p").all_inner_texts()
        assert [text[:60].split() for text in shown] == [text[:60].split() for text in listed]
    page.keyboard.press("Escape")


def test_sorting_and_filters(page: Any) -> None:
    page.click("[data-sort='0']")
    assert page.inner_text("#list tbody tr td") == "hidden.1.0"
    page.click("[data-sort='0']")
    assert page.inner_text("#list tbody tr td") == "hidden.2.7"
    page.select_option("#layer", "hidden.1")
    page.select_option("#side", "bottom")
    assert "8 of 32" in page.inner_text("#count")


def test_a_typical_sentence_is_below_the_words(page: Any) -> None:
    span = "document.querySelector('#list tbody td:last-child span')"
    # scored runs have a column more, fidelity
    one_more = "row.insertBefore(document.createElement('td'), row.lastElementChild)"
    for change in ("null", f"document.querySelectorAll('#list tbody tr').forEach(row => {one_more})"):
        page.evaluate(change)
        assert page.evaluate(f"getComputedStyle({span}).display") == "block"
