import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.finding import find
from neurolect.folders.atomic import write_table
from neurolect.store import Run, open_run
from neurolect.views import card, next_commands
from tests.example_run import write_example_run


def test_each_command_finds_something(example_run: Run) -> None:
    show, search, report = (shlex.split(line) for line in next_commands(example_run, report="a b.html"))
    assert show[:3] == ["neurolect", "show", str(example_run.folder)]
    assert card(example_run.neuron(show[3]))["address"] == show[3]
    assert search[:4] == ["neurolect", "find", str(example_run.folder), "--word"]
    assert find(example_run, word=search[4]).num_rows
    assert report == ["neurolect", "report", str(example_run.folder), "--out", "a b.html"]


def test_without_words_a_metadata_value_without_both_no_search(tmp_path: Path) -> None:
    run = open_run(write_example_run(tmp_path / "my run"))
    clear(run, "words", pa.array([], pa.string()), column="word")
    search = shlex.split(next_commands(run)[1])
    assert search[:4] == ["neurolect", "find", str(run.folder), "--where"]
    assert find(run, where=search[4]).num_rows
    clear(run, "metadata", pa.array([], pa.string()), column="value")
    clear(run, "summary", pa.array([], pa.string()), column="name")
    assert [shlex.split(line)[1] for line in next_commands(run)] == ["show", "report"]
    assert [shlex.split(line)[1] for line in next_commands(run, report=None)] == ["show"]


def clear(run: Run, name: str, kept: pa.Array, *, column: str) -> None:
    table = run.table(f"signatures/{name}")
    write_table(
        run.folder / "signatures" / f"{name}.parquet", table.filter(pc.is_in(table.column(column), value_set=kept))
    )
