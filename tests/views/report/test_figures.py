from hypothesis import given
from hypothesis import strategies as st

from neurolect.store import Run
from neurolect.views import card
from neurolect.views.report.figures import HISTOGRAM_HEIGHT, histogram_bars, marked


def test_histogram_bars_fill_the_drawing_and_colour_its_ends(example_run: Run) -> None:
    bars = histogram_bars(card(example_run.neuron("hidden.1.0")))
    assert max(bar.height for bar in bars) == HISTOGRAM_HEIGHT
    styles = [bar.style for bar in bars]
    assert styles[0] == "bottom"
    assert styles[-1] == "top"
    assert styles == sorted(styles, key=["bottom", "rest", "top"].index)


def test_an_empty_histogram_has_no_bars(example_run: Run) -> None:
    made = card(example_run.neuron("hidden.1.0"))
    made["activation"]["histogram"]["counts"] = [0, 0]
    assert histogram_bars(made) == []


@given(st.text(), st.lists(st.text(min_size=1)))
def test_marking_loses_nothing(text: str, words: list[str]) -> None:
    assert "".join(piece for piece, _ in marked(text, words)) == text
