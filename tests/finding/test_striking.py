import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.finding import striking
from neurolect.results import provenance
from neurolect.store import Run, open_run, read_manifest, write_manifest


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


def renamed(run: Run, folder: Path, kinds: dict[int, str]) -> Run:
    """Copy a run and say what the top lists of some neurons are named after."""
    shutil.copytree(run.folder, folder)
    path = folder / "signatures" / "summary.parquet"
    table = pq.read_table(path)
    rows = [
        {**row, "name_kind": kinds.get(row["neuron_id"], "word") if row["side"] == "top" else "word"}
        for row in table.to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    return open_run(folder)


def test_a_field_is_shown_by_a_list_that_is_named_after_it(example_run: Run, tmp_path: Path) -> None:
    assert {each["kind"]: each["address"] for each in striking(example_run).to_pylist()}["domain"] == "hidden.2.4"
    run = renamed(example_run, tmp_path / "run", {0: "metadata:domain"})
    found = {each["kind"]: each for each in striking(run).to_pylist()}
    assert (found["domain"]["address"], found["domain"]["evidence"]) == ("hidden.1.0", "recipe")
    assert not {"party", "sentiment", "author"} & set(found)


def test_a_field_has_no_tile_for_one_document(example_run: Run, tmp_path: Path) -> None:
    run = renamed(example_run, tmp_path / "run", {5: "metadata:party", 0: "metadata:domain"})
    assert "party" in {each["kind"] for each in striking(run).to_pylist()}
    for name in ("words", "skip_ngrams", "tags", "metadata"):
        path = run.folder / "signatures" / f"{name}.parquet"
        table = pq.read_table(path)
        alone = [row.get("value") == "Republican" for row in table.to_pylist()]
        table = table.append_column("share_10", pa.array([1.0] * len(alone)))
        pq.write_table(table.append_column("n_documents", pa.array([1 if each else 9 for each in alone])), path)
    manifest = read_manifest(run.folder)
    manifest["stages"]["describe"]["tables_version"] = 2
    write_manifest(run.folder, manifest)
    assert "party" not in {each["kind"] for each in striking(open_run(run.folder)).to_pylist()}
