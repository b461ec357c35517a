"""A run folder answers plain SQL, with no neurolect in between."""

import re
from pathlib import Path

import duckdb
import pytest

from neurolect.finding import find
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


@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        ("regexp_matches(text, '(?i)the.*of')", {"regex": "(?i)the.*of"}),
        ("domain = 'recipe' and year is null", {"where": "domain=recipe"}),
        (
            "sentence_id in (select sentence_id from (select sentence_id, unnest(words) as word "
            "from 'RUN/annotations.parquet') where lower(word) = 'water')",
            {"word": "water"},
        ),
    ],
)
def test_the_documented_search_counts_what_find_counts(
    tmp_path: Path, condition: str, asked: dict[str, str]
) -> None:
    run = open_run(write_example_run(tmp_path / "run"))
    page = (ROOT / "docs" / "run_folder.md").read_text(encoding="utf-8")
    query = re.findall(r'duckdb -c "(.*?)"', page, re.DOTALL)[1]
    query = query.replace("regexp_matches(text, '(?i)years? ago')", condition).replace("limit 10", "")
    rows = duckdb.sql(query.replace("RUN/", f"{run.folder}/")).fetchall()
    found = find(run, side="top", limit=100, **asked).to_pylist()
    assert {row[0]: row[1] for row in rows if row[1]} == {row["address"]: row["n_list"] for row in found}
    lifts = {row["address"]: row["lift"] for row in found}
    assert all(abs(row[2] - lifts[row[0]]) < 1e-4 * lifts[row[0]] for row in rows if row[1])


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
