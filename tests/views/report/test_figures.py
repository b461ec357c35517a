from hypothesis import given
from hypothesis import strategies as st

from neurolect.store import Run
from neurolect.views import card
from neurolect.views.report.figures import CHART_HEIGHT, HISTOGRAM_HEIGHT, histogram_bars, kind_charts, marked


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


def test_charts_fill_their_own_height_and_the_most_common_kind_comes_first() -> None:
    charts = kind_charts(["a", "b"], ["words", "tags"], [(0, 1), (0, 1), (0, 0), (1, 1), (1, 1)])
    assert [chart.label for chart in charts] == ["tags", "words"]
    assert [chart.n for chart in charts] == [4, 1]
    assert [chart.highest for chart in charts] == [1.0, 1 / 3]
    assert charts[0].bars[1].height == charts[1].bars[0].height == CHART_HEIGHT
    assert charts[1].bars[1].height == 0


@given(st.text(), st.lists(st.text(min_size=1)))
def test_marking_loses_nothing(text: str, words: list[str]) -> None:
    assert "".join(piece for piece, _ in marked(text, words)) == text
