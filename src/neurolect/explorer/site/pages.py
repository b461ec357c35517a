"""Write runs as a site: a folder that opens by a double click or from any server, with what `serve` answers."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from neurolect.errors import NeurolectError, OptionError, RunFolderError
from neurolect.explorer.answers.cards import neuron_card
from neurolect.explorer.answers.columns import n_pieces
from neurolect.explorer.answers.source import Answers
from neurolect.explorer.server.files import page_files
from neurolect.explorer.server.safety import POLICY
from neurolect.explorer.site.chunks import CARDS, N_EXAMPLES, chunk, chunk_name
from neurolect.processes import in_order
from neurolect.progress import Progress

PAGE = ("bundle.js", "colours.css", "icon.svg", "style.css", "THIRD_PARTY.md")
"""Files of the page that a site has as they are."""
MADE_THERE = ("address", "site", "layer", "index", "side")
"""Columns that the page makes of a row's place."""
WITH_PATHS = ("stale", "broken")
"""Parts of a card that name folders: commands that renew a stage, what is damaged."""
N_TRIED = 24
"""Cards that are made to say how large all will be."""


Made = TypeVar("Made")


class Size(NamedTuple):
    """How large something will be, before it is written."""

    n_files: int
    n_bytes: int

    def __str__(self) -> str:
        """Say it.

        >>> str(Size(3, 2_500_000))
        'about 2.5 MB in 3 files'
        """
        return f"about {self.n_bytes / 1e6:,.1f} MB in {self.n_files:,} files"


class Site:
    """What a site of some folders holds; cards have so many sentences a side."""

    def __init__(self, folders: Sequence[Path], *, n_examples: int = N_EXAMPLES) -> None:
        self.folders, self.n_examples = [Path(each) for each in folders], n_examples
        self.answers = Answers(self.folders)
        for each, entry in zip(self.answers.opened.runs, self.answers.start()["runs"], strict=True):
            each.run()  # one that cannot be opened is refused before anything is written
            if (error := entry["error"]) is not None:
                what = f"A run cannot be exported. {error['message']}"
                raise RunFolderError(what, expected=error["expected"], hint=error["hint"])

    def start(self) -> dict[str, Any]:
        """Give the first answer: nothing is live, and nobody's paths are in it."""
        found: dict[str, Any] = _without_paths(self.answers.start(), self.folders)
        for entry in found["runs"]:
            entry |= {"downloads": [], "figures": []}
            entry["options"] = json.loads(_named(json.dumps(entry["options"]), self.folders))
            entry["columns"] = [each for each in entry["columns"] if not each["costly"]]
        return found | {"live": False, "model": False, "chunks": {"card": CARDS, "list": 0}}

    def small(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield file and values of every chunk but those of cards; what is damaged is left out."""
        yield "data/start.js", {"start": self.start()}
        for key, place in self._small_keys():
            try:
                yield chunk_name(key, place=place), {key: self.answers.get(key)}
            except NeurolectError:
                continue  # `start` says what is damaged

    def _small_keys(self) -> Iterator[tuple[str, int | None]]:
        for kind, folders in self.answers.opened.others.items():
            yield from ((f"{kind.removesuffix('s')}/{n}", None) for n in range(len(folders)))
        for n, (of, entry) in enumerate(zip(self.answers.opened.runs, self.start()["runs"], strict=True)):
            yield f"overview/{n}", None
            pieces = range(n_pieces(of.run()))
            for kind, names in (("column", entry["columns"]), ("map", entry["maps"])):
                for place, each in enumerate(names):
                    if kind == "map" or each["name"] not in MADE_THERE:
                        yield from ((f"{kind}/{n}/{each['name']}/{piece}", place) for piece in pieces)
                        if each.get("type") == "text":
                            yield from ((f"order/{n}/{each['name']}/{piece}", place) for piece in pieces)

    def card_chunks(self) -> list[tuple[int, int]]:
        """Name the chunks of cards: number of the run, and of the chunk."""
        runs = [each.run() for each in self.answers.opened.runs]
        return [(n, at) for n, run in enumerate(runs) for at in range(-(-run.n_neurons // CARDS))]

    def size(self) -> Size:
        """Say how large the site will be: small chunks by their first piece, cards by some of them."""
        n_files = n_bytes = 0
        for key, _ in self._small_keys():
            n_files += 1
            if key.split("/")[0] not in ("column", "map", "order"):
                n_bytes += 20_000
            elif key.endswith("/0"):
                of = self.answers.run(key.split("/")[1])
                try:
                    n_bytes += len(chunk({key: self.answers.get(key)})) * n_pieces(of.run())
                except NeurolectError:
                    n_files -= 1
        for of in self.answers.opened.runs:
            run = of.run()
            ids = np.unique(np.linspace(0, run.n_neurons - 1, N_TRIED).astype(int)).tolist()
            tried = [len(chunk({"": card_of(self.answers, of.number, each, self.n_examples)})) for each in ids]
            n_bytes += round(sum(tried) / len(tried) * run.n_neurons)
        pages = page_files()
        n_bytes += sum(len(pages[name][0]) for name in PAGE if name in pages)
        return Size(n_files + len(self.card_chunks()) + len(PAGE) + 2, n_bytes)


def card_of(answers: Answers, run: int, neuron_id: int, n_examples: int) -> dict[str, Any]:
    """Make the card of a neuron as a site has it."""
    of = answers.run(run)
    return neuron_card(of, of.run().index.address(neuron_id), n_examples=n_examples)


def write_site(site: Site, folder: Path, *, workers: int, progress: Progress) -> int:
    """Write a site into a folder; returns the bytes written."""
    written = sum(_write(folder / name, contents) for name, contents in _page().items())
    return written + write_chunks(site, folder / "data", workers=workers, progress=progress)


def write_chunks(site: Site, folder: Path, *, workers: int, progress: Progress) -> int:
    """Write the chunks of a site into a folder; returns the bytes written."""
    written = sum(_write(folder / Path(name).name, chunk(values)) for name, values in site.small())
    wanted = site.card_chunks()
    make = partial(_write_cards, folders=tuple(site.folders), n_examples=site.n_examples, out=folder)
    with progress.task("write cards", total=len(wanted) * CARDS, unit="cards") as task:
        for n in made_in_order(make, wanted, workers=workers):
            written += n
            task.advance(CARDS)
    return written


def made_in_order(
    make: Callable[[tuple[int, int]], Made], wanted: Sequence[tuple[int, int]], *, workers: int
) -> Iterator[Made]:
    """Make chunks, in so many processes."""
    if workers == 1:
        return map(make, wanted)
    return in_order(make, wanted, workers=workers, work="writing cards", error=RunFolderError)


def _page() -> dict[str, bytes]:
    """Give the files of the page, set to read chunks, with its policy in it."""
    pages = delivered()
    index = pages["index.html"][0].decode()
    # from disk no page has an origin: its own files are those of the scheme
    policy = POLICY.replace("'self'", "'self' file:")
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    index = index.replace(" data-live", " data-static", 1).replace("<head>", f"<head>\n{meta}", 1)
    return {"index.html": index.encode()} | {name: pages[name][0] for name in PAGE if name in pages}


def delivered() -> dict[str, tuple[bytes, str]]:
    """Read the files of the page, the bundle among them."""
    pages = page_files()
    if "bundle.js" not in pages:
        what = "This installation of neurolect has no page of the explorer."
        raise OptionError(what, hint="Install neurolect again.")
    return pages


def _write(path: Path, contents: bytes) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(contents)


@lru_cache(maxsize=1)
def _answers(folders: tuple[Path, ...]) -> Answers:
    """Open the folders once in a process."""
    return Answers(folders)


def values_of_cards(
    wanted: tuple[int, int], *, folders: tuple[Path, ...], n_examples: int
) -> tuple[str, dict[str, Any]]:
    """Make one chunk of cards: its file and what it holds."""
    number, at = wanted
    answers = _answers(folders)
    run = answers.run(number).run()
    ids = range(at * CARDS, min((at + 1) * CARDS, run.n_neurons))
    values = {
        f"card/{number}/{run.index.address(each)}": card_of(answers, number, each, n_examples) for each in ids
    }
    for card in values.values():
        card |= _without_paths({name: card[name] for name in WITH_PATHS}, folders)
    return f"data/card-{number}-{at}.js", values


def _write_cards(wanted: tuple[int, int], *, folders: tuple[Path, ...], n_examples: int, out: Path) -> int:
    """Write one chunk of cards."""
    name, values = values_of_cards(wanted, folders=folders, n_examples=n_examples)
    return _write(out / Path(name).name, chunk(values))


def _named(text: str, folders: Sequence[Path]) -> str:
    for each in folders:
        for path in (str(each), str(each.resolve())):
            if len(Path(path).parts) > 1:  # a name alone tells nothing, and "." is in every text
                text = text.replace(path, each.resolve().name)
    return text


def _without_paths(value: Any, folders: Sequence[Path]) -> Any:  # noqa: ANN401 - anything that JSON has
    """Name folders by their last part in all lines: where they lie is nobody else's business."""
    shown = partial(_named, folders=folders)

    def go(each: Any) -> Any:  # noqa: ANN401
        if isinstance(each, dict):
            return {key: shown_lines(key, inner) for key, inner in each.items()}
        return [go(inner) for inner in each] if isinstance(each, list) else each

    def shown_lines(key: str, inner: Any) -> Any:  # noqa: ANN401
        if key in ("stale", "notices", "command", "why", "what", "hint", "message"):
            return [shown(line) for line in inner] if isinstance(inner, list) else shown(inner) if inner else inner
        return go(inner)

    return go(value)
