"""The page's committed files are what its sources, the palette and the libraries give."""

import gzip
import importlib.util
import shutil
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from neurolect.views.palette import PAGE_CATEGORIES, PAGE_CATEGORIES_DARK, SEQUENCE_STOPS, page_colours

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "src" / "neurolect" / "explorer" / "page"
MOST = 150_000
"""Bytes of the page's code, compressed."""


def made() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("bundle_page", ROOT / "scripts" / "bundle_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    files: Callable[[], dict[Path, str]] = module.files
    return files()


@pytest.mark.skipif(
    shutil.which("node") is None or not (ROOT / "node_modules" / ".bin" / "esbuild").exists(),
    reason="node or esbuild is not there: python scripts/bundle_page.py --check",
)
def test_the_bundle_is_what_the_sources_give() -> None:
    for path, text in made().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python scripts/bundle_page.py"


def test_the_colours_are_the_palettes() -> None:
    text = (PAGE / "colours.css").read_text(encoding="utf-8")
    assert text.endswith(page_colours())
    assert f"--category-0: {PAGE_CATEGORIES[0]};" in text
    matplotlib = pytest.importorskip("matplotlib")
    stops = [matplotlib.colors.to_hex(matplotlib.colormaps["viridis"](place / 10)) for place in range(11)]
    assert stops == list(SEQUENCE_STOPS)


# Machado, Oliveira and Fernandes (2009): linear RGB as seen without one kind of cone.
SEEN = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
APART = 10.0
"""CIE 1976 difference; 2.3 is just noticeable."""


def lab(colour: str, seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place a colour in CIELAB as somebody sees it."""
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(seen @ linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("seen", SEEN)
def test_colours_of_groups_differ_without_a_kind_of_cone(seen: str) -> None:
    for colours in (PAGE_CATEGORIES, PAGE_CATEGORIES_DARK):
        places = [lab(each, SEEN[seen]) for each in colours]
        near = min(float(np.linalg.norm(one - other)) for one, other in combinations(places, 2))
        assert near > APART


def test_the_page_is_small_plain_and_puts_nothing_in_as_markup() -> None:
    shipped = [
        path for path in PAGE.iterdir() if path.suffix in (".html", ".js", ".css") and path.name != "vendor.js"
    ]
    assert sum(len(gzip.compress(path.read_bytes())) for path in shipped) < MOST
    for path in [*PAGE.rglob("*.js"), PAGE / "index.html", PAGE / "style.css"]:
        text = path.read_text(encoding="utf-8")
        assert text.isascii(), path.name
        if path.parent.name == "src":
            for word in (
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                'style="',
            ):
                assert word not in text, f"{path.name}: {word}"
            assert len(text.splitlines()) <= 400, path.name
