"""The one table: what it refuses, what it remembers, what its writers keep."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurolect.errors import NeuronAddressError, OptionError, RunFolderError
from neurolect.folders.atomic import write_table
from neurolect.folders.formats import neurolect_version
from neurolect.results import provenance, ranking_csv, ranking_json, ranking_table, read_ranking, write_ranking
from neurolect.results.table import COLUMNS, fingerprint
from neurolect.store import SIDES, Run, read_manifest

HOSTILE = [
    'a "b", c',
    "line\nbreak",
    "carriage\rreturn",
    "=1+1",
    "",
    "\u6771\u4eac \u2028",
    "\x1b[31m",
    "\x00",
    "NaN",
    "'",
]
texts = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
scores = st.one_of(st.none(), st.floats(width=64))
rows = st.lists(
    st.fixed_dictionaries(
        {
            "neuron_id": st.integers(0, 15),
            "side": st.sampled_from([*SIDES, None]),
            "score": scores,
            "sign": st.sampled_from([-1, 1, None]),
            "name": st.one_of(st.none(), texts),
            "class_scores": st.one_of(
                st.none(), st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3)
            ),
        }
    ),
    max_size=6,
)
TYPES = {
    **{"neuron_id": pa.int32(), "side": pa.string(), "score": pa.float64(), "sign": pa.int8(), "name": pa.string()},
    "class_scores": pa.list_(pa.float64()),
}
anything = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def made_of(run: Run, given: list[dict[str, Any]], **facts: Any) -> pa.Table:
    columns = {name: pa.array([row[name] for row in given], kind) for name, kind in TYPES.items()}
    return ranking_table(columns, runs=run, method="test", **facts)


@anything
@given(given=rows)
def test_rows_come_back_as_they_were_given(described: Run, given: list[dict[str, Any]]) -> None:
    table = made_of(described, given)
    assert table.column_names == [*COLUMNS, "name", "class_scores"]
    assert table.schema.types[:5] == list(COLUMNS.values())
    assert table.column("rank").to_pylist() == list(range(1, len(given) + 1))
    for row, asked in zip(table.to_pylist(), given, strict=True):
        assert row["address"] == described.index.address(asked["neuron_id"])
        assert {name: row[name] for name in ("side", "sign", "name", "class_scores")} == {
            name: asked[name] for name in ("side", "sign", "name", "class_scores")
        }
        score = asked["score"]
        assert row["score"] == (None if score is None or math.isnan(score) else score)


@anything
@given(given=rows, seed=st.one_of(st.none(), st.integers(0)), options=st.dictionaries(texts, texts, max_size=3))
def test_parquet_keeps_rows_and_provenance(
    described: Run, tmp_path: Path, given: list[dict[str, Any]], seed: int | None, options: dict[str, str]
) -> None:
    table = made_of(described, given, seed=seed, options=options, details={"notes": HOSTILE})
    again = read_ranking(write_ranking(table, tmp_path / "ranking.parquet"))
    assert again.equals(table, check_metadata=True)
    known = provenance(again)
    assert (known.method, known.seed, known.options) == ("test", seed, options)
    assert known.details == {"notes": HOSTILE}
    assert known.runs == (fingerprint(described),)
    assert known.version == neurolect_version()


@anything
@given(given=rows)
def test_json_and_csv_hold_any_string(described: Run, given: list[dict[str, Any]]) -> None:
    table = made_of(described, given)
    made = json.loads(ranking_json(table))
    assert (made["method"], len(made["rows"])) == ("test", len(given))
    lines = list(csv.DictReader(io.StringIO(ranking_csv(table), newline="")))
    for row, line, asked in zip(made["rows"], lines, given, strict=True):
        assert row["name"] == asked["name"]
        assert line["name"] == (asked["name"] or "")
        assert row["class_scores"] == asked["class_scores"]
        assert line["class_scores"] == ("" if asked["class_scores"] is None else json.dumps(asked["class_scores"]))
        finite = asked["score"] is not None and math.isfinite(asked["score"])
        assert row["score"] == (asked["score"] if finite else None)
        assert line["score"] == (repr(asked["score"]) if finite else "")


def test_parts_keep_the_provenance_and_pandas_gets_the_columns(described: Run) -> None:
    table = ranking_table({"neuron_id": [3, 1], "score": [2.0, 1.0]}, runs=described, method="test")
    assert provenance(table.slice(1)) == provenance(table.filter(pa.array([True, False]))) == provenance(table)
    assert table.to_pandas()["address"].tolist() == ["hidden.1.3", "hidden.1.1"]
    with pytest.raises(OptionError, match="does not say how it came about"):
        provenance(pa.table({"score": [1.0]}))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"neuron_id": None}, "no column 'address'"),
        ({"score": None}, "no column 'score'"),
        ({"side": ["left"]}, r"'side' of .* has the value 'left'(.|\n)*top or bottom, or null"),
        ({"sign": [0]}, r"'sign' of .* has the value 0(.|\n)*-1 or 1"),
        ({"rank": [0]}, r"'rank' of .* has the value 0(.|\n)*1 or more"),
        ({"rank": [None]}, "'rank' of .* has the value None"),
        ({"sign": [1, 1]}, r"'sign' of .* has 2 rows(.|\n)*1, as the scores"),
        ({"score": pa.array(["high"])}, "'score' of .* is of the type string"),
        ({"neuron_id": None, "address": pa.array([None], pa.string())}, "'address' of .* has the value None"),
    ],
)
def test_what_cannot_be_a_ranking_is_refused(described: Run, columns: dict[str, Any], message: str) -> None:
    whole = {"neuron_id": [0], "score": [1.0]} | columns
    with pytest.raises(OptionError, match=message):
        ranking_table(
            {name: column for name, column in whole.items() if column is not None}, runs=described, method="test"
        )


def test_neurons_that_the_run_has_not_and_odd_options_are_refused(described: Run) -> None:
    with pytest.raises(NeuronAddressError, match="no neuron number 16"):
        ranking_table({"neuron_id": [16], "score": [1.0]}, runs=described, method="test")
    for odd in (float("nan"), np.float32(1)):
        with pytest.raises(OptionError, match="cannot be written as JSON"):
            ranking_table({"neuron_id": [1], "score": [1.0]}, runs=described, method="test", options={"odd": odd})


def test_files_of_other_kinds_are_refused(described: Run, tmp_path: Path) -> None:
    table = ranking_table({"neuron_id": [1], "score": [1.0]}, runs=described, method="test")
    with pytest.raises(OptionError, match=r"cannot be written as 'a\.txt'(.|\n)*\.parquet, \.json or \.csv"):
        write_ranking(table, tmp_path / "a.txt")
    write_ranking(table, tmp_path / "a.csv")
    with pytest.raises(RunFolderError, match=r"a\.csv cannot be read as a ranking(.|\n)*--out RANKING\.parquet"):
        read_ranking(tmp_path / "a.csv")
    write_table(tmp_path / "b.parquet", pa.table({"a": [1]}))
    with pytest.raises(OptionError, match="does not say how it came about"):
        read_ranking(tmp_path / "b.parquet")
    write_ranking(table, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["rows"][0]["address"] == "hidden.1.1"
    assert b"neurolect.method" in pq.read_schema(write_ranking(table, tmp_path / "a.parquet")).metadata


def test_other_options_are_another_fingerprint(described: Run) -> None:
    other = Run(described.folder)
    assert fingerprint(other) == fingerprint(described)
    other.manifest = read_manifest(described.folder)
    other.manifest["options"]["collect"] = {"list_size": 7}
    assert fingerprint(other) != fingerprint(described)


def test_a_ranking_names_the_models_whose_neurons_it_ranks(described: Run, tmp_path: Path) -> None:
    table = made_of(described, [])
    assert provenance(table).models == (described.manifest["model"]["fingerprint"],)
    named = ranking_table({"address": ["mlp.1.0"], "score": [1.0]}, runs=["run"], method="test", models=["abc"])
    file = write_ranking(named, tmp_path / "named.parquet")
    assert provenance(read_ranking(file)).models == ("abc",)
    kept = {key: value for key, value in named.schema.metadata.items() if key != b"neurolect.models"}
    older = named.replace_schema_metadata(kept)
    assert provenance(older).models == ()
