"""The report: the site of a run in one file; where that would be large, with its chunks in a folder next to it."""

import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from neurolect.errors import RunFolderError
from neurolect.explorer.server.files import BUNDLE
from neurolect.explorer.server.safety import POLICY
from neurolect.explorer.site.chunks import CARDS, packed
from neurolect.explorer.site.pages import PAGE, Site, Size, delivered, made_in_order, values_of_cards, write_chunks
from neurolect.folders.atomic import check_writable, replacing_folder, write_text
from neurolect.folders.formats import check_no_part
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run, open_run
from neurolect.visible import quoted, strict_json

MAX_BYTES = 40_000_000
"""A larger page takes seconds to open: its chunks go into a folder next to it."""
N_SENTENCES = 5
"""Sentences a side of a card."""
N_TRIED = 3
"""Chunks that are made to say how large all will be."""
STYLES = '<link rel="stylesheet" href="colours.css">\n<link rel="stylesheet" href="style.css">'
ICON = '<link rel="icon" href="icon.svg">'


def write_report(
    run: Run | str | Path,
    out: str | Path,
    *,
    workers: int = 1,
    announce: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a run's site as one page that opens by a double click and asks nothing of the network.

    Parameters
    ----------
    run : Run, str or Path
        A described run.
    out : str or Path
        The HTML file; replaced if it exists. It has a card of every neuron with its five strongest sentences
        a side. Where that would take more than 40 MB, the data are chunks in a folder next to it, of the file's
        name with ``-data``.
    workers : int, >= 1
        Processes that make cards.
    announce : callable, optional
        Is given a line on how large it will be, before anything is written.
    progress : Progress, optional
        Reports what is made.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RunFolderError
        If the run has not been described or is damaged, or ``out`` is a part of a run.
    """
    path, folder = Path(out), run.folder if isinstance(run, Run) else Path(run)
    check_no_part(path)
    if path.is_dir():
        what = f"{path} could not be written: Is a directory."
        raise RunFolderError(what, hint=f"Name the file: --out {quoted(path / 'report.html')}")
    check_writable(path)
    open_run(run).table("signatures/summary", columns=["neuron_id"])
    site, progress = Site([folder], n_examples=N_SENTENCES), progress or NullProgress()
    say = announce or (lambda _: None)
    size = size_of(site)
    if size.n_bytes <= MAX_BYTES:
        say(f"Writing {quoted(path)}: {size}.")
        write_text(path, _page(_inlined(site, workers=workers, progress=progress)))
        return path
    chunks = path.with_name(f"{path.stem}-data")
    say(f"Writing {quoted(path)} with its data in {quoted(chunks)}: {site.size()}.")
    with replacing_folder(chunks, error=RunFolderError) as temporary:
        write_chunks(site, temporary, workers=workers, progress=progress)
    write_text(path, _page([], chunks=chunks.name))
    return path


def size_of(site: Site) -> Size:
    """Say how large the page will be: some of its chunks of cards are made."""
    wanted = site.card_chunks()
    tried = wanted[:: max(1, len(wanted) // N_TRIED)][:N_TRIED]
    cards = [
        len(_block(wanted_one, folders=tuple(site.folders), n_examples=site.n_examples)) for wanted_one in tried
    ]
    small = sum(len(_zipped(name, values)) for name, values in site.small())
    pages = sum(len(contents) for contents, _ in _parts().values())
    return Size(1, small + pages + round(sum(cards) / max(1, len(cards)) * len(wanted)))


def _inlined(site: Site, *, workers: int, progress: Progress) -> Iterator[str]:
    """Yield a block of data a chunk."""
    yield from (_zipped(name, values) for name, values in site.small())
    wanted = site.card_chunks()
    make = partial(_block, folders=tuple(site.folders), n_examples=site.n_examples)
    with progress.task("make cards", total=len(wanted) * CARDS, unit="cards") as task:
        for block in made_in_order(make, wanted, workers=workers):
            yield block
            task.advance(CARDS)


def _block(wanted: tuple[int, int], *, folders: Sequence[Path], n_examples: int) -> str:
    """Make the block of one chunk of cards."""
    name, values = values_of_cards(wanted, folders=tuple(folders), n_examples=n_examples)
    return _zipped(name, values)


def _zipped(name: str, values: dict[str, Any]) -> str:
    """Write a chunk as a block that is no script: the page's policy allows none but its own."""
    written = strict_json(packed(values), separators=(",", ":"))
    coded = b64encode(zlib.compress(written.encode("utf-8", "replace"), 9)).decode()
    return f'<script type="text/plain" id="{escape(name, quote=True)}">{coded}</script>\n'


def _parts() -> dict[str, tuple[bytes, str]]:
    return {name: each for name, each in delivered().items() if name in (*PAGE, "index.html")}


def _page(blocks: Iterator[str] | list[str], *, chunks: str | None = None) -> str:
    """Put page, style, script and data into one file; script and style are allowed by their sums alone."""
    parts = {name: contents.decode() for name, (contents, _) in _parts().items()}
    script, style = parts["bundle.js"], parts["colours.css"] + parts["style.css"]
    policy = POLICY.replace("connect-src 'self'", "connect-src 'none'").replace("'self' data:", "data:")
    policy = policy.replace("script-src 'self'", f"script-src {_sum(script)}{' file:' if chunks else ''}")
    policy = policy.replace("style-src 'self'", f"style-src {_sum(style)}")
    icon = f"data:image/svg+xml;base64,{b64encode(parts['icon.svg'].encode()).decode()}"
    index = parts["index.html"]
    for before, after in (
        (" data-live", f" data-static{f' data-chunks={chr(34)}{escape(chunks)}{chr(34)}' if chunks else ''}"),
        ("<head>", f'<head>\n<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        (ICON, f'<link rel="icon" href="{icon}">'),
        (STYLES, f"<style>{style}</style>"),
        (f"{BUNDLE}\n", ""),
    ):
        index = index.replace(before, after, 1)
    licences = f'<script type="text/plain" id="licences">{escape(parts["THIRD_PARTY.md"])}</script>\n'
    return index.replace("</body>", f"{''.join(blocks)}{licences}<script>{script}</script>\n</body>", 1)


def _sum(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
