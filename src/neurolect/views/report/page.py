"""Write a run as one HTML file that opens from disk and asks nothing of the network."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from neurolect.finding.striking import striking
from neurolect.folders.atomic import write_text
from neurolect.folders.formats import check_no_part
from neurolect.results import corpus_statistics
from neurolect.signatures.evidence.registry import shown_in_order
from neurolect.signatures.evidence.tags import tag_name
from neurolect.signatures.evidence.words import WORDS
from neurolect.store import Run, open_run
from neurolect.views.cards.activating_words import pieces
from neurolect.views.cards.contents import card
from neurolect.views.cards.facts import run_facts
from neurolect.views.cards.numbers import align_line, cause_line, concepts_line, name_fidelity, writes_line
from neurolect.views.palette import page_colours
from neurolect.views.report.convergence import convergence_panels
from neurolect.views.report.figures import histogram_bars, kind_charts, marked
from neurolect.views.report.strongest import compact, strongest_sentences
from neurolect.views.texts.bars import number, percent
from neurolect.views.texts.domains import domain_rows
from neurolect.views.texts.striking import kind_label, striking_tile
from neurolect.visible import harmless_values, visible

if TYPE_CHECKING:
    from jinja2 import Environment

# The typical sentence of every row makes the file large; beyond so many rows it is left to the cards.
MAX_ROWS_WITH_SENTENCE = 20_000
SENTENCE_LENGTH, N_WORDS = 110, 5


def write_report(run: Run | str | Path, out: str | Path, *, n_cards: int = 60) -> Path:
    """Write the report of a run.

    Parameters
    ----------
    run : Run, str or Path
        A described run.
    out : str or Path
        The HTML file; replaced if it exists.
    n_cards : int, >= 0
        Neurons with a whole card: the striking ones, then the ones with the strongest names of each layer in
        turn. All others have name, strength, words, a typical sentence and the five strongest sentences of each
        side; sentences that would take more than 40 MB are left out, and the page says so.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RunFolderError
        If the run has not been described, or ``out`` is a part of a run.
    """
    path = Path(out)
    check_no_part(path)
    run = open_run(run)
    summary = run.table("signatures/summary").sort_by([("neuron_id", "ascending"), ("side", "descending")])
    rows = summary.to_pylist()
    chosen = striking(run).to_pylist()
    cards = [card(run.neuron(run.index.address(each))) for each in _selection(run, rows, chosen, n_cards)]
    strongest = strongest_sentences(run)
    data = _data(run, rows, {each["address"] for each in cards}) | compact(strongest, rows)
    page = rendered(
        "report.html",
        manifest=run.manifest,
        stale=run.stale(),
        n_neurons=run.n_neurons,
        facts=run_facts(run),
        striking=[striking_tile(run, each) for each in chosen],
        charts=_charts(run, rows),
        domains=domain_rows(corpus_statistics(run)),
        convergence=convergence_panels(run),
        ending=run.manifest["stages"]["collect"].get("ending"),
        cards=cards,
        scored=run.is_current("fidelity"),
        data=script_json(harmless_values(data)),
        too_large=strongest.n_bytes if strongest.texts is None else None,
        name=run.folder.name,
        options=json.dumps(run.manifest["options"], indent=2, ensure_ascii=False),
        script=_template_text("report.js"),
    )
    write_text(path, visible(page))
    return path


def card_html(neuron_card: dict[str, Any]) -> str:
    """Write one card as a page of its own, e.g. to take a picture of it."""
    return rendered("one_card.html", card=neuron_card)


def rendered(template: str, **parts: Any) -> str:  # noqa: ANN401 - whatever the template shows
    """Fill a template of the report; everything is escaped."""
    page: str = _environment().get_template(template).render(style=_style(), **parts)
    return page


def script_json(value: Any) -> str:  # noqa: ANN401
    r"""Write JSON that is safe inside a script element whatever strings it holds.

    Examples
    --------
    >>> script_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    """Set the templates up: everything is escaped unless a template says otherwise."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("neurolect.views.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, percent=percent, tag_name=tag_name)
    environment.globals.update(histogram_bars=histogram_bars, marked=marked, pieces=pieces, blocks=_blocks)
    environment.globals.update(
        align_line=align_line,
        cause_line=cause_line,
        concepts_line=concepts_line,
        name_fidelity=name_fidelity,
        writes_line=writes_line,
    )
    return environment


def _blocks(side: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]], Mapping[str, str]]]:
    """Yield title, rows and gloss of the blocks of evidence of one side of a card."""
    for shown in shown_in_order():
        found = side["evidence"].get(shown.name, {})
        titled = found if isinstance(found, dict) else {shown.page_title or shown.title: found}
        for title, rows in titled.items():
            yield title, rows[: shown.n_on_page], shown.gloss


def _style() -> str:
    """Give the style sheet with its colours."""
    return page_colours() + _template_text("report.css")


def _template_text(name: str) -> str:
    """Read a file that is put into the page as it is."""
    return (files("neurolect.views.report") / "templates" / name).read_text(encoding="utf-8")


def _selection(run: Run, rows: list[dict[str, Any]], chosen: list[dict[str, Any]], n_cards: int) -> list[int]:
    """Choose the neurons that get a card."""
    ids = dict.fromkeys(run.index.neuron_id(each["address"]) for each in chosen)
    layers: dict[tuple[str, str], list[int]] = {}
    for row in sorted(rows, key=lambda row: (-(row["name_z"] or 0.0), row["neuron_id"])):
        site, layer, _ = run.index.address(row["neuron_id"]).rsplit(".", 2)
        layers.setdefault((site, layer), []).append(row["neuron_id"])
    waiting = [list(dict.fromkeys(layers[key]))[::-1] for key in sorted(layers)]
    while len(ids) < n_cards and any(waiting):
        for layer_ids in waiting:
            if layer_ids and len(ids) < n_cards:
                ids.setdefault(layer_ids.pop())
    return sorted(list(ids)[:n_cards])


def _charts(run: Run, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Lay out the overview."""
    sites = run.manifest["model"]["sites"]
    layers = [(site["site"], str(site["layer"])) for site in sites]
    single = len({site for site, _ in layers}) == 1
    kinds = sorted({kind_label(row["name_kind"]) for row in rows})
    places = []
    for row in rows:
        site, layer, _ = run.index.address(row["neuron_id"]).rsplit(".", 2)
        places.append((layers.index((site, layer)), kinds.index(kind_label(row["name_kind"]))))
    labels = [f"layer {layer}" if single else f"{site} {layer}" for site, layer in layers]
    return {"charts": kind_charts(labels, kinds, places), "first": labels[0], "last": labels[-1]}


def _fidelity(run: Run) -> dict[tuple[int, str], float]:
    """Give the area under the curve of every scored list's whole signature."""
    if not run.is_current("fidelity"):
        return {}
    table = run.table("fidelity/scores", columns=["neuron_id", "side", "evidence", "auroc"])
    rows = table.filter(pc.field("evidence") == "all").to_pylist()
    return {(row["neuron_id"], row["side"]): round(row["auroc"], 2) for row in rows if row["auroc"] is not None}


def _data(run: Run, rows: list[dict[str, Any]], with_card: set[str]) -> dict[str, Any]:
    """Gather the rows of the searchable list, as compact arrays."""
    words: dict[tuple[int, str], list[str]] = {}
    few = WORDS.shown[0].rows.read(run, "rank_relative").filter(pc.field("rank_relative") <= N_WORDS)
    for row in few.sort_by([("neuron_id", "ascending"), ("rank_relative", "ascending")]).to_pylist():
        words.setdefault((row["neuron_id"], row["side"]), []).append(row["display"])
    texts: dict[int, str] = {}
    fidelity = _fidelity(run)
    if len(rows) <= MAX_ROWS_WITH_SENTENCE:
        ids = sorted({row["typical_sentence_id"] for row in rows if row["typical_sentence_id"] is not None})
        found = run.sentences().select(["sentence_id", "text"])
        found = found.filter(pc.field("sentence_id").isin(ids))
        texts = {row["sentence_id"]: _short(row["text"]) for row in found.to_pylist()}
    kinds = sorted({kind_label(row["name_kind"]) for row in rows})
    compact = [
        [
            run.index.address(row["neuron_id"]),
            "bottom" if row["side"] == "bottom" else "top",
            row["name"] or "no clear theme",
            kinds.index(kind_label(row["name_kind"])),
            round(row["name_z"], 1) if row["name_z"] is not None else None,
            fidelity.get((row["neuron_id"], row["side"])),
            " ".join(words.get((row["neuron_id"], row["side"]), [])),
            texts.get(row["typical_sentence_id"], ""),
        ]
        for row in rows
    ]
    shown = {"kinds": kinds, "cards": sorted(with_card), "run": run.folder.name, "scored": bool(fidelity)}
    return {**shown, "rows": compact}


def _short(text: str) -> str:
    """Cut a sentence for the list."""
    return text if len(text) <= SENTENCE_LENGTH else text[: SENTENCE_LENGTH - 1] + "\u2026"
