import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.store import Run, open_run
from neurolect.views import striking


def test_one_neuron_a_kind_and_none_twice(example_run: Run) -> None:
    found = {each.kind: each for each in striking(example_run)}
    assert len(found) == len(striking(example_run))
    assert len({each.neuron_id for each in found.values()}) == len(found)
    assert (found["domain"].address, found["domain"].evidence) == ("hidden.1.2", "fiction")
    assert (found["party"].address, found["party"].evidence) == ("hidden.1.5", "Republican")
    assert found["sentiment"].address == "hidden.1.6"
    assert found["part of speech"].evidence == "NN"
    assert (found["sentence length"].address, found["sentence length"].evidence) == ("hidden.1.4", "long sentences")
    assert found["phrase"].evidence == "of the"


def test_a_kind_nothing_stands_out_in_is_left_out(example_run: Run) -> None:
    assert "year" not in {each.kind for each in striking(example_run)}


def test_limit_keeps_the_first_kinds(example_run: Run) -> None:
    assert striking(example_run, limit=2) == striking(example_run)[:2]


def test_phrases_that_end_in_words_found_everywhere_come_last(example_run: Run, tmp_path: Path) -> None:
    assert {each.kind: each.evidence for each in striking(example_run)}["phrase"] == "of the"
    folder = tmp_path / "run"
    shutil.copytree(example_run.folder, folder)
    path = folder / "signatures" / "skip_ngrams.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    strongest = max((row for row in rows if row["pattern"] == "of the"), key=lambda row: float(row["log_odds_z"]))
    weaker = {**strongest, "pattern": "golden fleece", "log_odds_z": strongest["log_odds_z"] - 1.0}
    pq.write_table(pa.Table.from_pylist([*rows, weaker], schema=table.schema), path)
    assert {each.kind: each.evidence for each in striking(open_run(folder))}["phrase"] == "golden fleece"
