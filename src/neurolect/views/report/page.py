"""Pages that hold no script: a card, and what notebooks show; all texts are escaped."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from neurolect.signatures.evidence.registry import shown_in_order
from neurolect.signatures.evidence.tags import tag_name
from neurolect.views.cards.activating_words import pieces
from neurolect.views.cards.numbers import (
    align_line,
    cause_line,
    concepts_line,
    held_line,
    name_fidelity,
    writes_line,
)
from neurolect.views.palette import page_colours
from neurolect.views.report.figures import histogram_bars, marked
from neurolect.views.texts.bars import number, percent

if TYPE_CHECKING:
    from jinja2 import Environment


def card_html(neuron_card: dict[str, Any]) -> str:
    """Write one card as a page of its own, e.g. to take a picture of it."""
    return rendered("one_card.html", card=neuron_card)


def rendered(template: str, **parts: Any) -> str:  # noqa: ANN401 - whatever the template shows
    """Fill a template of the report; everything is escaped."""
    page: str = _environment().get_template(template).render(style=_style(), **parts)
    return page


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
        held_line=held_line,
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
