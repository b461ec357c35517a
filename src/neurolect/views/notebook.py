"""Runs, neurons and comparisons in a notebook: pages of the report's parts, each in a frame of its own.

A frame keeps the page's style and the notebook's apart. It has no rights (``sandbox``), so nothing in it runs, and
asks for nothing, so it is the same offline.
"""

from html import escape
from typing import Any

import pyarrow as pa

from neurolect.comparison import Comparison
from neurolect.errors import NeurolectError
from neurolect.finding.striking import striking
from neurolect.results import provenance
from neurolect.results.shown import ShownRanking
from neurolect.store import Neuron, Run
from neurolect.views.cards.contents import card, short_name
from neurolect.views.cards.facts import run_facts
from neurolect.views.comparisons.summary import comparison_summary
from neurolect.views.report.page import card_html, rendered
from neurolect.views.texts.bars import number, percent
from neurolect.views.texts.rankings import cut
from neurolect.views.texts.striking import striking_tile
from neurolect.visible import one_line, visible

N_SENTENCES, N_RANKED, LONGEST = 5, 20, 80
"""Sentences a side of a card, rows of a ranking, characters of a text in a row."""
HEIGHTS = {"Run": 520, "Neuron": 620, "Comparison": 420, "ShownRanking": 560}
"""Pixels of a frame; its lower edge can be dragged."""
_FATES = ("kept", "moved", "vanished", "appeared")


def framed(shown: object) -> str:
    """Give what a notebook shows of a run, a neuron, a comparison or a ranking."""
    page = escape(visible(page_of(shown)), quote=True)
    kind = type(shown).__name__
    style = f"width:100%;height:{HEIGHTS.get(kind, 420)}px;border:1px solid #8886;border-radius:8px;resize:vertical"
    return f'<iframe sandbox srcdoc="{page}" title="{kind}" style="{style}"></iframe>'


def page_of(shown: object) -> str:
    """Write the page; of what is damaged or not made yet it says so, and shows the rest."""
    if isinstance(shown, Neuron):
        try:
            return card_html(card(shown, n_examples=N_SENTENCES))
        except NeurolectError as error:
            return _page(shown.address, facts=[], lines=[str(error)], lists=_lists(shown))
    if isinstance(shown, Run):
        return _run_page(shown)
    if isinstance(shown, Comparison):
        return _comparison_page(shown)
    if isinstance(shown, ShownRanking):
        return _ranking_page(shown.table)
    raise TypeError(type(shown))


def _page(title: str, **parts: Any) -> str:  # noqa: ANN401 - parts of the template
    """Fill the template; parts that are not given are left out."""
    return rendered("notebook.html", title=title, **({"tiles": [], "tables": [], "lists": []} | parts))


def _run_page(run: Run) -> str:
    title = f"What {run.n_neurons:,} neurons of {short_name(run.manifest['model']['name'])} read"
    lines, tiles = run.stale(), []
    try:
        tiles = [striking_tile(run, each) for each in striking(run).to_pylist()]
    except NeurolectError as error:
        lines = [*lines, str(error)]
    return _page(title, facts=run_facts(run), lines=lines, tiles=tiles)


def _lists(neuron: Neuron) -> list[tuple[str, list[dict[str, Any]]]]:
    """Give the strongest sentences alone."""
    try:
        return [(side, neuron.list(side, limit=N_SENTENCES).to_pylist()) for side in neuron.run.sides]
    except NeurolectError:
        return []


def _comparison_page(made: Comparison) -> str:
    facts = [("Sentences", f"{made.n_sentences:,}"), ("Activations", made.source)]
    try:
        found = comparison_summary(made, n_examples=0)
    except NeurolectError as error:
        return _page(" and ".join(made.labels), facts=facts, lines=[*made.notices, str(error)])
    tables = []
    for pair in found["pairs"]:
        fates = ", ".join(f"{n:,} {fate}" for fate, n in pair["fates"].items())
        rows = [
            (f"{each['site']} {each['layer']}", [_share(each[name]) for name in _FATES] + [_number(each)])
            for each in pair["layers"]
        ]
        heads = ["layer", *_FATES, "best |r|, median"]
        tables.append((f"{pair['run']} -> {pair['other']}", fates, heads, rows))
    return _page(" and ".join(made.labels), facts=facts, lines=found["notices"], tables=tables)


def _ranking_page(table: pa.Table) -> str:
    """Draw the first neurons of a ranking, the bars by the greatest score of those shown."""
    made, first = provenance(table), table.slice(0, N_RANKED).to_pylist()
    options = ", ".join(f"{name} {_short(value)}" for name, value in made.options.items() if value is not None)
    seed = [] if made.seed is None else [("Seed", str(made.seed))]
    facts = [("Method", made.method), ("Options", options or "none"), *seed]
    facts += [("Rows", f"{len(table):,}"), ("Runs", ", ".join(each[:8] for each in made.runs) or "none")]
    most = max((abs(row["score"]) for row in first if row["score"] is not None), default=0.0) or 1.0
    shown_too = [
        name for name in ("side", "sign", "evidence", "name") if any(row.get(name) is not None for row in first)
    ]
    if len(first) > 1 and len({row.get("evidence") for row in first}) == 1:
        shown_too = [name for name in shown_too if name != "evidence"]  # what was asked for, in every row
    rows = [
        (
            row["address"],
            [
                {"share": round(100 * abs(row["score"] or 0.0) / most, 1)},
                "-" if row["score"] is None else number(row["score"]),
                *(_cell(row[name]) for name in shown_too),
            ],
        )
        for row in first
    ]
    note = f"the first {len(first)} of {len(table):,}" if len(first) < len(table) else ""
    title = "Neurons found" if made.method == "find" else f"Neurons by {made.details.get('label') or made.method}"
    lines = [str(each) for each in made.details.get("notes") or ()]
    heads = ["neuron", "", "score", *shown_too]
    return _page(title, facts=facts, lines=lines, tables=[("The best first", note, heads, rows)])


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:+d}" if isinstance(value, int) else _short(value)


def _short(value: object) -> str:
    return cut(one_line(str(value)), LONGEST)


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _number(layer: dict[str, Any]) -> str:
    value = layer["median_correlation"]
    return "-" if value is None else f"{value:.2f}"
