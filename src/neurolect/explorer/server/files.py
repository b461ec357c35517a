"""The page's own files, by name: nothing else of the disk is ever delivered."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from neurolect.errors import OptionError

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".md": "text/plain; charset=utf-8",
}
"""Endings that are delivered, with what a browser takes them for."""
BUNDLE, MODULES = '<script src="bundle.js" defer></script>', '<script type="module" src="src/main.js"></script>'


def page_files() -> dict[str, tuple[bytes, str]]:
    """Read the files of the page; by path, contents and type."""
    found: dict[str, tuple[bytes, str]] = {}
    _read(files("neurolect.explorer") / "page", "", found)
    return found


def _read(folder: Traversable, path: str, found: dict[str, tuple[bytes, str]]) -> None:
    for each in folder.iterdir():
        name = f"{path}{each.name}"
        if each.is_dir():
            _read(each, f"{name}/", found)
        elif (ending := f".{each.name.rpartition('.')[2]}") in TYPES:
            found[name] = (each.read_bytes(), TYPES[ending])


class Page:
    """What the browser is sent; read once, or at every request while the page is worked on."""

    def __init__(self, *, unbundled: bool) -> None:
        self._unbundled = unbundled
        self._files = page_files()

    def file(self, path: str) -> tuple[bytes, str] | None:
        """Give a file of the page and its type; None where there is none."""
        if self._unbundled:
            self._files = page_files()
        return self._files.get(path)

    def index(self) -> bytes:
        """Give the page, which loads the bundle or the modules."""
        found = self.file("index.html")
        if found is None:
            what = "This installation of neurolect has no page of the explorer."
            raise OptionError(what, hint="Install neurolect again.")
        page = found[0]
        return page.replace(BUNDLE.encode(), MODULES.encode()) if self._unbundled else page
