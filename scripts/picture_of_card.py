"""Take the picture of a neuron card for the README: the HTML card of a real run, as Chromium draws it.

    python scripts/picture_of_card.py RUN hidden.5.48 --out docs/images/card.png

Needs ``pip install pillow playwright`` and Chromium (Debian: ``apt-get install chromium``).
"""

import argparse
import shutil
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright

from neurolect.store import open_run
from neurolect.views import card
from neurolect.views.report.page import card_html

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("neuron")
    parser.add_argument("--side", default="top")
    parser.add_argument("--scheme", default="light", choices=["light", "dark"])
    parser.add_argument("--out", type=Path, default=Path("docs/images/card.png"))
    options = parser.parse_args()
    made = card(open_run(options.run).neuron(options.neuron), sides=(options.side,), n_examples=4, n_evidence=5)
    # The picture shows the card in ten seconds; the long tail of fields stays with the report.
    evidence = made["sides"][0]["evidence"]
    evidence["metadata"] = dict(list(evidence["metadata"].items())[:3])
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "card.html"
        page_file.write_text(card_html(made), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": 1000, "height": 700}, device_scale_factor=1.5, color_scheme=options.scheme
        )
        page.goto(page_file.as_uri())
        shot = page.locator(".card").screenshot()
        browser.close()
    # Few colours: a palette makes the file a third as large.
    Image.open(BytesIO(shot)).convert("RGB").quantize(96).save(options.out, optimize=True)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
