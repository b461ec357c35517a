"""A run folder answers plain SQL, with no neurolect in between."""

import re
from pathlib import Path

import duckdb

from neurolect.store import open_run
from tests.example_run import write_example_run

ROOT = Path(__file__).parent.parent.parent


def test_the_documented_query_gives_a_neurons_list(tmp_path: Path) -> None:
    run = open_run(write_example_run(tmp_path / "run"))
    page = (ROOT / "docs" / "run_folder.md").read_text(encoding="utf-8")
    found = re.search(r'duckdb -c "(.*?)"', page, re.DOTALL)
    assert found is not None
    address = run.index.address(3)
    query = found[1].replace("RUN/", f"{run.folder}/").replace("hidden.6.200", address)
    rows = duckdb.sql(query).fetchall()
    expected = run.neuron(address).list("top", limit=10)
    assert rows == list(zip(expected["text"].to_pylist(), expected["activation"].to_pylist(), strict=True))


def test_neurons_that_respond_to_a_word(tmp_path: Path) -> None:
    run = open_run(write_example_run(tmp_path / "run"))
    word = run.table("signatures/words")["word"][0].as_py()
    query = f"""
        select address, side, log_odds_z from '{run.folder}/signatures/words.parquet'
        join '{run.folder}/neurons.parquet' using (neuron_id)
        where word_class = 'all' and word = ? order by log_odds_z desc
    """
    rows = duckdb.sql(query, params=[word]).fetchall()
    assert rows
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)
