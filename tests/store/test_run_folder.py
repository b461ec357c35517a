"""Opening run folders, and refusing what is none."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from neurolect.errors import FormatVersionError, NeuronAddressError, OptionError, RunFolderError
from neurolect.folders.atomic import write_npy, write_table
from neurolect.store import new_manifest, open_run, read_manifest, write_manifest
from tests.example_run import write_example_run


def small_run(folder: Path, *, status: str = "complete") -> Path:
    """Write a run folder of two layers with three neurons each and lists of two sentences."""
    sites = [{"site": "hidden", "layer": layer, "width": 3} for layer in (1, 2)]
    manifest = new_manifest(model={"name": "tiny", "sites": sites}, corpus={"path": "x", "fields": []}, options={})
    manifest["stages"]["collect"] = {"status": status}
    write_manifest(folder, manifest)
    ids = np.repeat(np.arange(6, dtype=np.int32), 2)
    lists = {
        "neuron_id": ids,
        "rank": np.tile([0, 1], 6).astype(np.int32),
        "sentence_id": ids.astype(np.int64) % 4 * 10,
    }
    lists["activation"] = np.arange(12, dtype=np.float32)
    write_table(folder / "lists" / "top.parquet", pa.table(lists), row_group_size=5)
    texts = [f"sentence {number}" for number in range(4)]
    write_table(
        folder / "sentences.parquet", pa.table({"sentence_id": [0, 10, 20, 30], "text": texts, "author": texts})
    )
    write_table(folder / "neurons.parquet", pa.table({"neuron_id": pa.array(range(6), pa.int32()), "n": [7] * 6}))
    write_npy(folder / "histograms.npy", np.zeros((6, 4), dtype=np.int64))
    return folder


def test_reads_one_neuron_across_row_groups(tmp_path: Path) -> None:
    run = open_run(small_run(tmp_path))
    for neuron_id, address in enumerate(run.index.addresses()):
        rows = run.neuron(address).rows("lists/top")
        assert rows.column("activation").to_pylist() == [2.0 * neuron_id, 2.0 * neuron_id + 1]
    neuron = run.neuron("hidden.2.1")
    assert (neuron.neuron_id, neuron.site, neuron.layer, neuron.index) == (4, "hidden", 2, 1)
    assert neuron.list("top", limit=1).to_pylist() == [
        {"rank": 0, "sentence_id": 0, "activation": 8.0, "text": "sentence 0", "author": "sentence 0"}
    ]
    assert neuron.row["n"] == 7
    assert run.array("histograms").shape == (6, 4)
    assert "6 neurons" in repr(run)


def test_takes_sentences_in_the_order_asked(tmp_path: Path) -> None:
    run = open_run(small_run(tmp_path))
    taken = run.take_sentences(np.array([30, 0, 30]))
    assert run.take_sentences(np.array([30, 0, 30]), columns=["text"]).equals(taken.select(["text"]))
    assert taken.column("text").to_pylist() == ["sentence 3", "sentence 0", "sentence 3"]
    with pytest.raises(RunFolderError, match="Sentence 15 is not kept"):
        run.take_sentences(np.array([10, 15]))
    with pytest.raises(RunFolderError, match="Sentence 99 is not kept"):
        run.take_sentences(np.array([99]))


def test_says_what_is_missing(tmp_path: Path) -> None:
    run = open_run(small_run(tmp_path))
    with pytest.raises(RunFolderError, match=r"has not been described(.|\n)*neurolect describe"):
        run.table("signatures/words")
    with pytest.raises(RunFolderError, match=r"no table 'lists/bottom'(.|\n)*nearest: 'lists/top'"):
        run.table("lists/bottom")
    with pytest.raises(RunFolderError, match=r"no array 'sample/activations'"):
        run.array("sample/activations")
    with pytest.raises(NeuronAddressError, match=r"hidden\.2\.2"):
        run.neuron("hidden.2.7")


def test_refuses_what_is_no_finished_run(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a run folder: there is no such folder"):
        open_run(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match="unfinished"):
        open_run(small_run(tmp_path / "half", status="running"))


def test_refuses_a_newer_version(tmp_path: Path) -> None:
    folder = small_run(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 99, "neurolect": "9.1"}))
    with pytest.raises(
        FormatVersionError, match=r"schema version 99, written by neurolect 9\.1(.|\n)*Hint: Update"
    ):
        open_run(folder)


def test_tables_of_an_unfinished_description_are_refused(tmp_path: Path) -> None:
    folder = write_example_run(tmp_path / "run")
    manifest = read_manifest(folder)
    manifest["stages"]["describe"] = {"status": "running"}
    write_manifest(folder, manifest)
    run = open_run(folder)
    assert run.neuron("hidden.1.1").list("top").num_rows
    for read in (lambda: run.table("signatures/words"), lambda: run.neuron("hidden.1.1").signature()):
        with pytest.raises(RunFolderError, match=r"begun and not finished(.|\n)*neurolect describe"):
            read()


def test_a_table_that_is_cut_off_is_named(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    path = folder / "neurons.parquet"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(RunFolderError, match=r"table 'neurons'(.|\n)*cut off(.|\n)*collect into a new one"):
        open_run(folder).table("neurons")


def test_what_is_not_there_is_answered_with_what_is(tmp_path: Path) -> None:
    run = open_run(small_run(tmp_path))
    assert open_run(run) is run
    assert run.tables() == ["lists/top", "neurons", "sentences"]
    with pytest.raises(RunFolderError, match=r"no table 'neuron'\.\n.*3 tables(.|\n)*nearest: 'neurons'"):
        run.table("neuron")
    with pytest.raises(RunFolderError, match=r"no array 'histogram'(.|\n)*nearest: 'histograms'"):
        run.array("histogram")


def test_sides_that_the_run_has_not_are_refused(tmp_path: Path) -> None:
    neuron = open_run(write_example_run(tmp_path)).neuron("hidden.1.0")
    assert neuron.name("top") == neuron.signature("top")["summary"].column("name")[0].as_py()
    for read in (neuron.list, neuron.signature, neuron.name):
        with pytest.raises(OptionError, match=r"no side 'up'\.\n.*'top' or 'bottom'"):
            read("up")
    only_top = open_run(small_run(tmp_path / "one")).neuron("hidden.1.0")
    with pytest.raises(OptionError, match=r"has no bottom lists"):
        only_top.list("bottom")
