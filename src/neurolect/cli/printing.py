"""What verbs print, and where progress is shown."""

import csv
import io
import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neurolect.cli.app import echo
from neurolect.cli.arguments import RankingFormat
from neurolect.visible import escaped_json, strict_json

if TYPE_CHECKING:
    import pyarrow as pa

    from neurolect.progress import Progress
    from neurolect.store import Run


def width() -> int:
    """Give the terminal's columns; 100 where the output is no terminal."""
    return shutil.get_terminal_size((100, 40)).columns if sys.stdout.isatty() else 100


def as_json(value: object) -> str:
    """Write a result as JSON."""
    return escaped_json(strict_json(value, indent=2))


def csv_text(rows: Sequence[Mapping[str, object]]) -> str:
    """Write rows for a spreadsheet, below a line of heads; nothing where there is no row. Lists are JSON."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0] if rows else (), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        nested = {name: strict_json(each) for name, each in row.items() if isinstance(each, list | dict)}
        writer.writerow({**row, **nested})
    return text.getvalue()


def print_ranking(ranking: "pa.Table", *, text: str, output: RankingFormat, out: Path | None) -> None:
    """Print a ranking, and write it where a file was given."""
    from neurolect.results import ranking_csv, ranking_json, write_ranking

    if out is not None:
        write_ranking(ranking, out)
    writers = {RankingFormat.json: ranking_json, RankingFormat.csv: ranking_csv}
    echo(writers[output](ranking) if output in writers else text, nl=False)


def print_rows(
    rows: Sequence[Mapping[str, object]],
    *,
    text: str,
    output: RankingFormat,
    facts: Mapping[str, object] | None = None,
    name: str = "rows",
) -> None:
    """Print rows as text, as CSV, or as JSON: a list; an object, rows by ``name``, where there are facts too."""
    if output is RankingFormat.json:
        echo(as_json(rows if facts is None else {**facts, name: rows}))
    else:
        echo(csv_text(rows) if output is RankingFormat.csv else text, nl=False)


def write_figure(path: Path, svg: str) -> None:
    """Write a drawing, but never over a part of a run or corpus."""
    from neurolect.folders.atomic import write_text
    from neurolect.folders.formats import check_no_part

    check_no_part(path)
    write_text(path, svg)


def make_progress() -> "Progress":
    """Choose bars for a terminal, log lines for everything else, nothing after ``--quiet``."""
    from neurolect.progress import LogProgress, NullProgress, RichProgress

    if is_quiet():
        return NullProgress()
    return RichProgress() if sys.stderr.isatty() else LogProgress()


def is_quiet() -> bool:
    """Say whether ``--quiet`` was given, which raises the level of the log."""
    return logging.getLogger("neurolect").level > logging.INFO


def print_notices(notices: Sequence[str]) -> None:
    """Print what people should know of a run."""
    if is_quiet():
        return
    for notice in notices:
        echo(f"Note: {notice}")


def echo_next(next_command: str) -> None:
    """Print the one command to try next."""
    if not is_quiet():
        echo(f"Next: {next_command}")


def print_next(run: "Run") -> None:
    """Print the commands to try next."""
    if is_quiet():
        return
    from neurolect.views import next_commands

    echo("Next:")
    for command in next_commands(run):
        echo(f"  {command}")
