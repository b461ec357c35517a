import pytest

from neurolect.store import Run
from neurolect.views import card, card_text


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_lines_fit_and_the_box_is_closed(example_run: Run, width: int) -> None:
    text = card_text(card(example_run.neuron("hidden.1.1")), width=width)
    lines = text.splitlines()
    assert {len(line) for line in lines} == {width}
    assert all(line[0] + line[-1] in ("\u256d\u256e", "\u2502\u2502", "\u2570\u256f") for line in lines)


def test_it_tells_name_evidence_and_sentences(example_run: Run) -> None:
    text = card_text(card(example_run.neuron("hidden.1.0")))
    top = text[: text.index("BOTTOM")]
    for expected in (
        "hidden.1.0",
        "TOP  domain: recipe",
        "recipe  ",
        "list corpus  lift",
        "typical",
        "900 sentences",
    ):
        assert expected in top
    assert "block 1 of 2" in text


def test_plain_text_has_no_escape_codes_and_colour_does(example_run: Run) -> None:
    made = card(example_run.neuron("hidden.1.0"))
    assert "\x1b" not in card_text(made)
    assert "\x1b[" in card_text(made, colour=True)


def test_text_of_the_corpus_is_not_read_as_markup(example_run: Run) -> None:
    made = card(example_run.neuron("hidden.2.5"))
    made["sides"][0]["name"] = "[bold]name[/bold] [/nonsense]"
    made["sides"][0]["examples"][0]["text"] = "[red]text[/] with [link]"
    text = card_text(made)
    assert "[bold]name[/bold] [/nonsense]" in text
    assert "[red]text[/] with [link]" in text


def test_a_side_without_evidence_still_has_a_card(example_run: Run) -> None:
    made = card(example_run.neuron("hidden.1.7"))
    for side in made["sides"]:
        side["evidence"] = {kind: {} if kind == "metadata" else [] for kind in side["evidence"]}
        side["typical"], side["name"], side["length"]["mean"] = [], None, None
    assert "no clear theme" in card_text(made)


def test_labels_that_begin_alike_stay_apart_and_the_legend_is_one_line(example_run: Run) -> None:
    made = card(example_run.neuron("hidden.1.0"))
    rows = made["sides"][0]["evidence"]["words"][:2]
    for row, word in zip(rows, ("bake", "stir"), strict=True):
        row["label"] = f'begins with "{word}"'
    text = card_text(made)
    assert 'begins "bake" ' in text
    assert 'begins "stir" ' in text
    assert 'begins with "stir" ' in card_text(made, width=140)
    assert (
        sum("log-odds z, by documents" in line and "the corpus's share" in line for line in text.splitlines()) == 1
    )


def test_figures_that_are_no_numbers_are_dashes(example_run: Run) -> None:
    """As of tables that somebody wrote infinite numbers into: cards hold none of them."""
    made = card(example_run.neuron("hidden.1.0"))
    for side in made["sides"]:
        for kind, rows in side["evidence"].items():
            for row in rows if kind != "metadata" else [row for own in rows.values() for row in own]:
                row |= {"z": None, "lift": None, "share_list": None}
    assert any(line.count("\u2013") >= 2 for line in card_text(made).splitlines())
