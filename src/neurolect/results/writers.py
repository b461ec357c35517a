"""Write a ranking as JSON, CSV or Parquet, and read it back."""

import csv
import io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.atomic import write_table, write_text
from neurolect.errors import OptionError, RunFolderError
from neurolect.results.table import provenance


def ranking_json(table: pa.Table) -> str:
    """Write a ranking as one JSON object.

    Parameters
    ----------
    table : pyarrow.Table
        A ranking.

    Returns
    -------
    str
        ``method``, ``options``, ``seed``, ``runs``, ``version``, whatever details the method has, and ``rows``.
    """
    facts = provenance(table)._asdict()
    details = facts.pop("details")
    made = facts | details | {"rows": [_plain(row) for row in table.to_pylist()]}
    return json.dumps(made, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def ranking_csv(table: pa.Table) -> str:
    """Write the rows of a ranking for a spreadsheet.

    Parameters
    ----------
    table : pyarrow.Table
        A ranking.

    Returns
    -------
    str
        A line of heads and a line a row, with the numbers in full; what is not there is empty, lists are JSON.
    """
    return "".join(_line(each) for each in [table.column_names, *(row.values() for row in table.to_pylist())])


def write_ranking(table: pa.Table, path: str | Path) -> Path:
    """Write a ranking into a file.

    Parameters
    ----------
    table : pyarrow.Table
        A ranking.
    path : str or Path
        Ends in ``.parquet`` (keeps everything), ``.json`` or ``.csv`` (rows only); replaced if it exists.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        If it ends otherwise, or the table is no ranking.
    """
    path = Path(path)
    provenance(table)
    if path.suffix == ".parquet":
        write_table(path, table)
    elif path.suffix in (".json", ".csv"):
        write_text(path, ranking_json(table) if path.suffix == ".json" else ranking_csv(table))
    else:
        what = f"A ranking cannot be written as {path.name!r}."
        raise OptionError(what, expected="a name that ends in .parquet, .json or .csv")
    return path


def read_ranking(path: str | Path) -> pa.Table:
    """Read a ranking that was written as Parquet.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    pyarrow.Table
        The same table, with its metadata.

    Raises
    ------
    RunFolderError
        If it is no Parquet file.
    OptionError
        If its table is no ranking of neurolect.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        what = f"{path} cannot be read as a ranking: {error}"
        hint = "Rankings are read from Parquet: --out RANKING.parquet."
        raise RunFolderError(what, expected="a Parquet file", hint=hint) from error
    provenance(table)
    return table


def _line(row: Iterable[Any]) -> str:
    """Write one row."""
    written = io.StringIO(newline="")
    cells = (_plain(cell) for cell in row)
    # with this line end the writer also quotes a lone carriage return
    csv.writer(written, lineterminator="\r\n").writerow(
        [json.dumps(cell, ensure_ascii=False) if isinstance(cell, list | dict) else cell for cell in cells]
    )
    return written.getvalue().removesuffix("\r\n") + "\n"


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever Arrow holds
    """Turn NaN and infinity into null, which JSON has."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
