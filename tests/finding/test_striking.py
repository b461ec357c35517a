import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.finding import striking
from neurolect.results import provenance
from neurolect.store import Run, open_run


def evidence(run: Run) -> dict[str, str]:
    return {each["kind"]: each["evidence"] for each in striking(run).to_pylist()}


def test_one_neuron_a_kind_and_none_twice(example_run: Run) -> None:
    table = striking(example_run)
    found = {each["kind"]: each for each in table.to_pylist()}
    assert len(found) == len(table)
    assert len({each["address"] for each in found.values()}) == len(found)
    assert provenance(table).method == "striking"
    assert all(each["sign"] == (1 if each["side"] == "top" else -1) for each in found.values())
    assert table.column("kind").to_pylist()[:3] == ["word", "phrase", "part of speech"]  # content before origin
    assert (found["word"]["address"], found["word"]["evidence"]) == ("hidden.1.2", "she")
    assert (found["domain"]["address"], found["domain"]["evidence"]) == ("hidden.2.4", "technical")
    assert (found["party"]["address"], found["party"]["evidence"]) == ("hidden.1.5", "Republican")
    assert found["sentiment"]["address"] == "hidden.1.6"
    assert found["part of speech"]["evidence"] == "NN"
    assert (found["sentence length"]["address"], found["sentence length"]["evidence"]) == (
        "hidden.1.4",
        "long sentences",
    )
    assert found["phrase"]["evidence"] == "of the"


def test_a_kind_without_anything_distinctive_is_left_out(example_run: Run) -> None:
    assert "year" not in set(striking(example_run).column("kind").to_pylist())


def test_limit_keeps_the_first_kinds(example_run: Run) -> None:
    assert striking(example_run, limit=2).to_pylist() == striking(example_run).slice(0, 2).to_pylist()


def test_phrases_that_end_in_words_found_everywhere_come_last(example_run: Run, tmp_path: Path) -> None:
    assert evidence(example_run)["phrase"] == "of the"
    folder = tmp_path / "run"
    shutil.copytree(example_run.folder, folder)
    path = folder / "signatures" / "skip_ngrams.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    strongest = max((row for row in rows if row["pattern"] == "of the"), key=lambda row: float(row["log_odds_z"]))
    weaker = {**strongest, "pattern": "golden fleece", "log_odds_z": strongest["log_odds_z"] - 1.0}
    pq.write_table(pa.Table.from_pylist([*rows, weaker], schema=table.schema), path)
    assert evidence(open_run(folder))["phrase"] == "golden fleece"
