"""Make the explorer's bundle.js, vendor.js and colours.css from its sources; needs node, npm and nothing else.

python scripts/bundle_page.py [--check]

`--check` compares with what is committed and writes nothing. The libraries come from npm in the versions below,
into node_modules/ of this repository (not committed); tests take esbuild and axe-core from there.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from neurolect.views.palette import page_colours

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "src" / "neurolect" / "explorer" / "page"
MODULES = ROOT / "node_modules"
VERSIONS = {
    "preact": "11.2.0",
    "htm": "3.1.1",
    "@preact/signals": "2.11.4",
    "@preact/signals-core": "1.14.5",
    "esbuild": "0.28.2",
    "axe-core": "4.14.1",
}
VENDOR = """\
export { Fragment, h, render } from "preact";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { computed, signal } from "@preact/signals";
import htm from "htm";
import { h } from "preact";
export const html = htm.bind(h);
"""
BANNER = "// Made by scripts/bundle_page.py; licences in THIRD_PARTY.md."


def install() -> None:
    """Bring the libraries into node_modules, unless they are there in these versions."""
    there = {
        name: json.loads(path.read_text(encoding="utf-8"))["version"]
        for name in VERSIONS
        if (path := MODULES / name / "package.json").is_file()
    }
    if there != VERSIONS:
        wanted = [f"{name}@{version}" for name, version in VERSIONS.items()]
        run("npm", "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--silent", *wanted)


def run(*command: str, typed: str | None = None) -> str:
    done = subprocess.run(command, cwd=ROOT, input=typed, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:3])} failed:\n{done.stderr}")
    return done.stdout


def made(name: str, *options: str, typed: str | None = None) -> str:
    """Bundle with esbuild. Returns: the text of the file."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / name
        esbuild = str(MODULES / ".bin" / "esbuild")
        shared = ("--bundle", "--minify", "--charset=ascii", "--legal-comments=none", f"--banner:js={BANNER}")
        run(esbuild, *options, *shared, f"--outfile={out}", typed=typed)
        return out.read_text(encoding="utf-8")


def files() -> dict[Path, str]:
    """Make every file. Returns: its text by path; the vendor's first, for the bundle has it inside."""
    colours = "/* Made from neurolect.views.palette by scripts/bundle_page.py. */\n" + page_colours()
    vendor = made("vendor.js", "--format=esm", typed=VENDOR)
    bundle = made("bundle.js", str(PAGE / "src" / "main.js"), "--format=iife", "--target=es2022")
    return {PAGE / "colours.css": colours, PAGE / "vendor.js": vendor, PAGE / "bundle.js": bundle}


def main() -> None:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    only_compare = parser.parse_args().check
    install()
    if not only_compare:  # the bundle is made from the vendor's file
        (PAGE / "vendor.js").write_text(made("vendor.js", "--format=esm", typed=VENDOR), encoding="utf-8")
    other = []
    for path, text in files().items():
        if only_compare and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            other.append(path.name)
        elif not only_compare:
            path.write_text(text, encoding="utf-8")
    if other:
        sys.exit(f"Not what the sources give: {', '.join(other)}. Run: python scripts/bundle_page.py")


if __name__ == "__main__":
    main()
