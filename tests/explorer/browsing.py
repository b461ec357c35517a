"""A browser for tests, and the explorer served to it from a thread."""

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from neurolect.explorer import serve

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
AXE = Path(__file__).parent.parent.parent / "node_modules" / "axe-core" / "axe.min.js"

TOO_WIDE = """
document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 ||
        (each.scrollWidth > innerWidth && getComputedStyle(each).overflowX === "visible"))
    .map((each) => `${each.tagName}.${each.getAttribute("class")} ${each.textContent.slice(0, 40)}`).slice(0, 8)
"""
WAIT = 20
"""Seconds until what should appear is given up."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Debian's Chromium; skips the test where it or Playwright is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield launched
        finally:
            launched.close()


def served(folders: Sequence[Path], **given: Any) -> str:
    """Serve folders from a thread that ends with the tests. Returns: the address."""
    addresses: Queue[str] = Queue()
    threading.Thread(
        target=lambda: serve(folders, port=0, ready=addresses.put, **given), daemon=True, name="serve"
    ).start()
    return addresses.get(timeout=60)


class Visit:
    """A page, with everything that went wrong on it and every address that it asked for."""

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}} | context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * WAIT)
        self.address = address
        self.problems: list[str] = []
        self.urls: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._console)
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda request: self.urls.append(request.url))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning") and "status of 422" not in message.text:
            self.problems.append(message.text)

    def _dialog(self, dialog: Any) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def go(self, route: str, wait: str = "h1") -> Any:
        """Open a route, and wait for what it shows."""
        self.page.goto(f"{self.address}{route}")
        self.page.wait_for_selector(wait)
        return self.page

    def until(self, expression: str) -> None:
        """Wait until an expression holds; Playwright's own way needs a page that allows eval."""
        end = time.monotonic() + WAIT
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, expression
            self.page.wait_for_timeout(30)

    def too_wide(self) -> list[str]:
        """Name what makes the page wider than the screen."""
        found: list[str] = self.page.evaluate(TOO_WIDE)
        return found

    def text(self, selector: str = "main") -> str:
        return str(self.page.inner_text(selector))

    def end(self) -> None:
        """Close it; nothing may have failed, and nothing but the page's own origin was asked."""
        self.context.close()
        assert self.problems == []
        origin = self.address.split("#")[0].rsplit("/", 1)[0]
        assert [url for url in self.urls if not url.startswith((origin, "data:", "blob:"))] == []
