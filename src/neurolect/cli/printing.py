"""What verbs print, and where progress is shown."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neurolect.cli.app import echo
from neurolect.cli.arguments import RankingFormat
from neurolect.visible import escaped_json

if TYPE_CHECKING:
    import pyarrow as pa

    from neurolect.progress import Progress
    from neurolect.store import Run


def width() -> int:
    """Give the terminal's columns; 100 where the output is no terminal."""
    return shutil.get_terminal_size((100, 40)).columns if sys.stdout.isatty() else 100


def as_json(value: object) -> str:
    """Write a result as JSON."""
    return escaped_json(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_ranking(ranking: "pa.Table", *, text: str, output: RankingFormat, out: Path | None) -> None:
    """Print a ranking, and write it where a file was given."""
    from neurolect.results import ranking_csv, ranking_json, write_ranking

    if out is not None:
        write_ranking(ranking, out)
    writers = {RankingFormat.json: ranking_json, RankingFormat.csv: ranking_csv}
    echo(writers[output](ranking) if output in writers else text, nl=False)


def write_figure(path: Path, svg: str) -> None:
    """Write a drawing, but never over a part of a run or corpus."""
    from neurolect.folders.atomic import write_text
    from neurolect.folders.formats import check_no_part

    check_no_part(path)
    write_text(path, svg)


def make_progress() -> "Progress":
    """Choose bars for a terminal, log lines for everything else."""
    from neurolect.progress import LogProgress, RichProgress

    return RichProgress() if sys.stderr.isatty() else LogProgress()


def print_notices(notices: Sequence[str]) -> None:
    """Print what people should know of a run."""
    for notice in notices:
        echo(f"Note: {notice}")


def print_next(run: "Run") -> None:
    """Print the commands to try next."""
    from neurolect.views import next_commands

    echo("Next:")
    for command in next_commands(run):
        echo(f"  {command}")
