"""The pages in a browser: every page and control, links, keys, hostile texts, what is missing, accessibility."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect.explorer import ServeOptions, export_folder
from tests.explorer.answers_by_hand import answer
from tests.explorer.browsing import AXE, Visit, chromium, served

pytestmark = pytest.mark.browser

ROUTES = {
    "model": ("#/", "#map canvas, .map-canvas canvas"),
    "neurons": ("#/neurons", ".grid-row"),
    "card": ("#/card/0/hidden.1.2", ".lines li"),
    "range": ("#/card/0/hidden.1.2?side=bottom", ".lines li"),
    "ask": ("#/ask?word=shall", ".answers li"),
    "refused": ("#/ask?regex=(", ".failure"),
    "no neuron": ("#/card/0/hidden.9.1", ".failure"),
    "nothing found": ("#/neurons?q=zzzzzz", ".empty"),
    "rankings": ("#/rankings", ".curves svg"),
    "compare": ("#/compare", ".curves svg"),
    "about": ("#/about", "#keys"),
    "sentence": ("#/sentence?text=The cat sat down.&other=The dog sat down.&change=hidden.1.0=0", "#edited"),
    "no page": ("#/nowhere", "h1"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def address(example_folder: Path) -> str:
    return served([example_folder])


def counted(visit: Visit) -> int:
    """Read how many lists are shown, once the table is still."""
    visit.until("document.querySelector('.page-head p').textContent && !document.querySelector('.busy')")
    return int(re.match(r"[\d,]+", visit.text(".page-head p"))[0].replace(",", ""))  # type: ignore[index]


def test_the_table_searches_sorts_filters_and_keeps_its_state_in_the_address(browser: Any, address: str) -> None:
    visit = Visit(browser, address)
    page = visit.go("#/neurons", ".grid-row")
    assert counted(visit) == 32
    page.keyboard.press("/")
    page.keyboard.type("jane austen")
    visit.until("document.querySelectorAll('.grid-row').length === 1")
    assert "q=jane+austen" in page.url
    assert {"jane", "austen"} <= {each.lower() for each in page.locator(".grid-row mark").all_inner_texts()}
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".lines li")
    assert page.inner_text("h1") == "hidden.1.2"
    page.go_back()
    page.wait_for_selector(".grid-row")
    assert counted(visit) == 1
    page.reload()
    page.wait_for_selector(".grid-row")
    assert (counted(visit), page.input_value("input[type=search]")) == (1, "jane austen")
    page.fill("input[type=search]", "")
    visit.until("document.querySelectorAll('.grid-row').length > 5")
    page.click("text=\u25bc lowest")
    page.select_option(".tools select >> nth=0", "2")
    visit.until("document.querySelector('.page-head p').textContent.startsWith('8 ')")
    assert "f=side%3Abottom" in page.url
    page.click("[role=columnheader] >> text=neuron")
    visit.until("document.querySelector('.grid-row').innerText.includes('hidden.2.0')")
    page.click("[role=columnheader] >> text=neuron")
    visit.until("document.querySelector('.grid-row').innerText.includes('hidden.2.7')")
    page.go_back()
    visit.until("document.querySelector('.grid-row').innerText.includes('hidden.2.0')")
    page.click("summary >> text=Add a condition")
    page.select_option("form select", "mean_length")
    page.fill("input[name=low]", "15")
    page.click("form button >> text=Add")
    page.wait_for_selector(".chips li")
    fewer = counted(visit)
    assert 0 < fewer < 8
    page.click(".chips button")
    visit.until("document.querySelector('.page-head p').textContent.startsWith('8 ')")
    page.click("summary >> text=Columns")
    page.check("fieldset >> text=noun share")
    page.wait_for_selector("[role=columnheader] >> text=noun share")
    visit.go("#/neurons?sort=address", ".grid-row a")
    page.locator(".grid-row a").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "End", "Home", "ArrowDown"):
        page.keyboard.press(key)
    visit.until("document.activeElement.innerText.includes('hidden.1.0')")
    visit.end()


def test_a_card_shows_sentences_first_both_sides_and_hostile_texts_as_text(browser: Any, address: str) -> None:
    visit = Visit(browser, address)
    page = visit.go("#/card/0/hidden.2.5", ".lines li")
    headings = page.locator("main h2").all_inner_texts()
    assert headings[0] == "Sentences"
    visit.page.mouse.wheel(0, 9000)
    page.click("button >> text=Whole")
    visit.until("document.querySelector('.lines').innerText.includes('<script>alert(1)</script>')")
    assert page.evaluate("[...document.scripts].filter((each) => !each.src).length") == 0
    page.click("button >> text=\u25bc Lowest")
    page.wait_for_selector(".lines.bottom li")
    assert "side=bottom" in page.url
    if page.locator("button >> text=Across its range").count():
        page.click("button >> text=Across its range")
        page.wait_for_selector(".range li")
    page.keyboard.press("n")
    visit.until("document.querySelector('h1').innerText === 'hidden.2.6'")
    page.click("summary >> text=Copy")
    with page.expect_download() as picture:
        page.click("button >> text=as a picture")
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for name, holds in (("as JSON", '"address": "hidden.2.6"'), ("as text", "hidden.2.6  ")):
        page.click("summary >> text=Copy")
        page.click(f"button >> text={name}")
        visit.until("document.querySelector('.said').textContent !== ''")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert holds in copied
    assert page.evaluate("document.title").startswith("hidden.2.6")
    visit.end()


def test_a_narrow_screen_begins_with_a_few_sentences_and_unfolds_the_rest(browser: Any, address: str) -> None:
    visit = Visit(browser, address, viewport={"width": 390, "height": 844})
    page = visit.go("#/card/0/hidden.1.2", ".lines li")
    assert page.locator(".lines li").count() == 6
    assert page.evaluate("document.documentElement.scrollHeight") < 3 * 844
    assert page.locator(".evidence, .pairs, .histogram").count() == 0
    page.click(".more button >> text=/^[0-9]+ more$/")
    visit.until("document.querySelectorAll('.lines li').length > 6")
    page.click(".jumps button >> text=Evidence")
    page.wait_for_selector(".side.top .evidence")
    assert page.locator(".side.bottom").count() == 0
    page.click("section:has(#evidence) button >> text=\u25bc lowest")
    page.wait_for_selector("section:has(#evidence) .side.bottom h3")
    assert "side=bottom" in page.url
    assert page.locator(".side.top").count() == 0
    page.click("#evidence button")
    visit.until("!document.querySelector('.side') && document.querySelector('.brief')")
    page.click("#activation button")
    page.keyboard.press("n")
    visit.until("document.querySelector('h1').innerText === 'hidden.1.3'")
    assert page.get_attribute("#activation button", "aria-expanded") == "true"
    page.set_viewport_size({"width": 1200, "height": 800})
    page.wait_for_selector(".side.bottom")
    assert page.locator(".fold").count() == 0
    page.set_viewport_size({"width": 390, "height": 844})
    page = visit.go("#/neurons", ".grid-row")
    page.click("button >> text=Filter and order")
    page.select_option("label:has-text('Layer') select", "2")
    visit.until("location.hash.includes('layer')")
    page = visit.go("#/ask?word=shall", ".answers li")
    assert page.locator(".ask input").count() == 1
    page.click("button >> text=Other ways to ask")
    assert page.locator(".ask input").count() > 4
    visit.end()


def test_the_model_page_leads_to_neurons(browser: Any, address: str) -> None:
    visit = Visit(browser, address)
    page = visit.go("#/", ".map-canvas canvas")
    page.wait_for_selector(".tiles li")
    assert {"striking", "kinds", "numbers", "map"} <= {
        each.get_attribute("id") for each in page.query_selector_all("h2")
    }
    page.select_option("select >> nth=0", "mean_length")
    visit.until("location.hash.includes('number=mean_length')")
    page.wait_for_selector(".boxes svg")
    page.click("text=List what is in view")
    page.wait_for_selector(".picked li")
    page.click("button >> text=Clear")
    page.wait_for_selector(".picked", state="detached")
    page.select_option("text=Coloured by", "mean_length")
    page.wait_for_selector(".map-side .ramp")
    page.click("button >> text=Draw around")
    page.evaluate("document.querySelector('.map-canvas').scrollIntoView({block: 'center'})")
    box = page.locator(".map-canvas canvas").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    for x, y in ((box["width"] - 20, 20), (box["width"] - 20, box["height"] - 80), (20, box["height"] - 80)):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    page.wait_for_selector(".picked li")
    listed = int(re.match(r"\d+", visit.text(".map-side h3"))[0])  # type: ignore[index]
    page.click("text=Open all in the table")
    page.wait_for_selector(".grid-row")
    assert counted(visit) == listed
    visit.go("#/", ".charts a")
    page.click(".charts a >> nth=0")
    page.wait_for_selector(".grid-row")
    assert "f=kind" in page.url
    visit.end()


def test_questions_answers_and_refusals(browser: Any, address: str) -> None:
    visit = Visit(browser, address)
    page = visit.go("#/ask", ".empty")
    page.fill("input[name=word]", "shall")
    page.keyboard.press("Enter")
    page.wait_for_selector(".answers li")
    assert "word=shall" in page.url
    page.fill("input[name=word]", "")
    page.fill("input[name=regex]", "(")
    page.keyboard.press("Enter")
    page.wait_for_selector(".failure")
    assert "regular expression" in visit.text(".failure")
    page.go_back()
    page.wait_for_selector(".answers li")
    page.click(".answers a >> nth=0")
    page.wait_for_selector(".lines li")
    for _ in range(2):
        page.click("button.theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    visit.end()


SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"
LONG = "\u202e" + SCRIPT + "javascript:" + "w" * 100_000
POISONED = {"text", "name", "label", "what", "evidence", "example", "notices", "facts", "words", "v", "labels"}


def poisoned(value: Any, *, here: bool = False) -> Any:
    """Put hostile text in place of every text that comes from a corpus."""
    if isinstance(value, dict):
        kept = {"name": value["name"]} if {"name", "type"} <= value.keys() else {}  # a column's key
        return {key: poisoned(each, here=here or key in POISONED) for key, each in value.items()} | kept
    if isinstance(value, list):
        return [poisoned(each, here=here) for each in value]
    return LONG if here and isinstance(value, str) and value not in ("top", "bottom", "number", "text") else value


def test_whatever_a_corpus_holds_is_shown_as_text(browser: Any, address: str) -> None:
    visit = Visit(browser, address, viewport={"width": 390, "height": 844})

    def poison(route: Any) -> None:
        found = route.fetch().json()
        if "/column/" not in route.request.url or "labels" not in found:
            found = poisoned(found)
        for each in found.get("runs", []):
            each["sites"] = [{**site, "site": "hidden"} for site in each["sites"]]
        route.fulfill(json=found)

    visit.page.route(re.compile("/(data|ask)/"), poison)
    for route, wait in (
        ("#/card/0/hidden.1.2", ".lines li"),
        ("#/card/0/hidden.2.3?side=bottom", ".lines li"),
        ("#/neurons", ".grid-row .sentence"),
        ("#/ask?word=shall", ".answers li"),
        ("#/", ".tiles li"),
        ("#/about", "#keys"),
    ):
        page = visit.go(route, wait)
        page.wait_for_timeout(100)
        assert page.evaluate("document.images.length + document.querySelectorAll('main script').length") == 0
        assert "<img src=x" in page.evaluate("document.body.textContent"), route
        assert "\u202e" not in page.evaluate("document.documentElement.outerHTML"), route
        assert not visit.too_wide(), route
        assert page.evaluate("document.body.textContent.length") < 500_000, route
    visit.end()


def test_runs_with_parts_missing_and_broken_ones_say_so(browser: Any, example_folder: Path, tmp_path: Path) -> None:
    bare, broken = tmp_path / "bare", tmp_path / "broken"
    for each in (bare, broken):
        shutil.copytree(example_folder, each)
    manifest = json.loads((bare / "manifest.json").read_text(encoding="utf-8"))
    for stage in ("describe", "index", "relate", "fidelity"):
        manifest["stages"].pop(stage, None)
    (bare / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    shutil.rmtree(bare / "signatures", ignore_errors=True)
    (broken / "manifest.json").write_text("{", encoding="utf-8")
    visit = Visit(browser, served([example_folder, bare, broken]))
    page = visit.go("#/neurons?run=1", ".grid-row")
    assert counted(visit) == 32
    visit.go("#/card/1/hidden.1.2", ".lines li")
    page.wait_for_selector("text=Only its sentences are shown")
    visit.go("#/?run=1", ".map-canvas canvas")
    visit.go("#/neurons?run=2", ".failure")
    assert "broken cannot be opened" in visit.text()
    visit.go("#/compare", "#two")
    page.select_option("header select", "0")
    visit.end()


SHARE = """async ([a, b, size]) => {
    const { places, shareInBoth } = await import("/src/pairs.js");
    return shareInBoth(places(a, true), places(b, true), size);
}"""


def test_two_runs_are_laid_over_one_another(browser: Any, example_folder: Path, tmp_path: Path) -> None:
    again = Path(shutil.copytree(example_folder, tmp_path / "again"))
    address = served([example_folder, again], options=ServeOptions(unbundled=True))
    visit = Visit(browser, address)
    page = visit.go("#/compare", ".curves svg")
    page.wait_for_selector("text=rank correlation (Spearman) 1, by chance 0")
    assert "Neurons at the same address" in page.locator("main h2").all_inner_texts()
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, size=(2, 7)).astype(float)
    for size in (1, 3, 7):
        drawn = []
        for _ in range(4000):  # equal ones in any order
            first = [set(np.lexsort((rng.random(7), -each))[:size].tolist()) for each in (a, b)]
            drawn.append(len(first[0] & first[1]) / size)
        share = page.evaluate(SHARE, [a.tolist(), b.tolist(), size])
        assert share == pytest.approx(np.mean(drawn), abs=0.04)
        assert share <= 1
    visit.end()


def test_sentences_are_read_compared_and_edited(browser: Any, address: str) -> None:
    visit = Visit(browser, address)
    visit.page.route("**/*", answer)
    page = visit.go("#/sentence", ".empty")
    page.fill("textarea[name=text]", "The cat sat down.")
    page.fill("textarea[name=other]", "The dog sat down.")
    page.fill("input[name=change]", "hidden.1.0=0")
    page.click("button >> text=Read")
    page.wait_for_selector(".layers li")
    page.wait_for_selector("#edited")
    assert "text=The+cat+sat+down." in page.url
    assert {"hidden.1.0", "hidden.1.4"} <= set(page.locator("#changed ~ .columns .address").all_inner_texts())
    page.click(".plain-button >> nth=0")
    page.wait_for_selector(".token-line .shaded")
    assert "The cat sat up." in visit.text()
    page.reload()
    page.wait_for_selector("#edited")
    visit.go("#/sentence?text=refuse", ".failure")
    assert "Wait a second." in visit.text(".failure")
    page.click("nav >> text=Neurons")
    page.wait_for_selector(".grid-row")
    visit.end()


def test_folders_of_rankings_and_comparisons(browser: Any, address: str) -> None:
    visit = Visit(browser, address)
    page = visit.page
    page.route("**/*", answer)
    for route in ("#/rankings", "#/compare"):
        visit.go(route, ".curves svg")
        assert {"In short", "Accuracy", "Classes", "Fates", "A few", "Neurons"} <= set(
            page.locator("main h2").all_inner_texts()
        )
        cells = page.locator("table.plain tbody tr td:first-child")
        page.click("table.plain th >> text=rank")
        assert cells.all_inner_texts() == ["2", "1", "\u2013"]
        page.click("table.plain th >> text=rank")
        assert cells.all_inner_texts() == ["1", "2", "\u2013"]
    visit.go("#/rankings", ".tabs")
    page.click(".tabs >> text=Protocol")
    visit.until("location.hash === '#/rankings/protocol/0'")
    page.wait_for_selector(".grid-row")
    page.fill("input[type=search] >> nth=-1", "VBD")
    visit.until("!document.querySelector('.grid-row') && document.querySelectorAll('table.plain').length === 2")
    page.click("table.plain >> nth=1 >> a >> nth=0")
    page.wait_for_selector(".lines li")
    visit.end()


def test_an_exported_site_opens_from_a_folder_and_from_a_plain_server(
    browser: Any, example_folder: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    export_folder(example_folder, to="site", out=site, workers=1)
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for address in ((site / "index.html").as_uri(), f"http://127.0.0.1:{server.server_port}/"):
            visit = Visit(browser, address)
            page = visit.go("", ".tiles li")
            page.wait_for_selector(".map-canvas canvas")
            page.click("nav >> text=Neurons")
            page.fill("input[type=search]", "jane austen")
            visit.until("document.querySelectorAll('.grid-row').length === 1")
            page.click(".grid-row a")
            page.wait_for_selector(".lines li")
            assert page.inner_text("h1") == "hidden.1.2"
            page.reload()
            page.wait_for_selector(".lines li")
            page.go_back()
            page.wait_for_selector(".grid-row")
            visit.go("#/card/0/hidden.2.7?side=bottom", ".lines.bottom li")
            visit.go("#/ask?word=austen", ".answers li")
            assert "neurolect serve" in visit.text()
            visit.go("#/about", "#keys")
            visit.end()
        server.shutdown()


@pytest.mark.parametrize(
    "state",
    [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}],
    ids=("light", "dark", "narrow"),
)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    state: dict[str, Any], browser: Any, address: str
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not in node_modules: python scripts/bundle_page.py --check")
    visit = Visit(browser, address, reduced_motion="reduce", bypass_csp=True, **state)
    visit.page.route("**/*", answer)
    found = []
    for name, (route, wait) in ROUTES.items():
        page = visit.go(route, wait)
        visit.until("!document.querySelector('.waiting')")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for each in page.evaluate("axe.run()")["violations"]:
            found += [f"{name}: {each['id']}: {node['html'][:160]}" for node in each["nodes"][:3]]
        found += [f"{name}: too wide: {each}" for each in visit.too_wide()]
    assert not found, found
    visit.end()
