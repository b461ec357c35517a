"""Build what is published: the documentation, and below demo/ the pages of a run that can be looked at as they are.

python scripts/build_site.py                     # a new demo: five minutes
python scripts/build_site.py --run neurolect-demo
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SITE = ROOT / "build" / "site"


def neurolect(*arguments: str) -> None:
    """Give a command."""
    subprocess.run([sys.executable, "-m", "neurolect", *arguments], check=True, cwd=ROOT)


def size_of(folder: Path) -> str:
    """Say how many files a folder has and how large they are."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return f"{len(sizes):,} files, {sum(sizes) / 1e6:.1f} MB"


def main() -> None:
    """Build documentation and demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a finished run folder; without it the demo is run")
    parser.add_argument("--without-docs", action="store_true", help="the documentation was built just now")
    given = parser.parse_args()
    run = given.run
    if run is None:
        run = ROOT / "build" / "demo-run"
        neurolect("demo", "--out", str(run))
    if not given.without_docs:
        subprocess.run([sys.executable, "-m", "mkdocs", "build", "-q"], check=True, cwd=ROOT)
    demo = SITE / "demo"
    shutil.rmtree(demo, ignore_errors=True)
    neurolect("export", str(run.absolute()), "--to", "site", "--out", str(demo))
    print(f"{SITE / 'index.html'}: {size_of(SITE)}, of these the demo: {size_of(demo)}.")


if __name__ == "__main__":
    main()
