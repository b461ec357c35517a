"""What the folder of a comparison has for people: a summary and a figure."""

from typing import Any

from neurolect.atomic import replacing, write_text
from neurolect.comparison import Comparison
from neurolect.errors import MissingExtraError
from neurolect.progress import NullProgress, Progress
from neurolect.views.comparison_figure import comparison_figure
from neurolect.views.comparison_text import comparison_text


def write_pages(made: Comparison, summary: dict[str, Any], *, progress: Progress | None = None) -> None:
    """Put ``summary.txt`` and ``layers.png`` into a comparison's folder, where they are not yet."""
    if made.folder is None:
        return
    text, figure = made.folder / "summary.txt", made.folder / "layers.png"
    if not text.is_file():
        write_text(text, comparison_text(summary))
    if figure.is_file():
        return
    try:
        drawn = comparison_figure(made, summary)
    except MissingExtraError as error:
        (progress or NullProgress()).message(f"No figure was drawn. {error}")
        return
    with replacing(figure) as temporary:
        temporary.write_bytes(drawn)
