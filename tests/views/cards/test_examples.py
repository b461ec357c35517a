import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.store import Run, open_run
from neurolect.views.cards.contents import examples, is_near_duplicate


def test_near_duplicates_share_most_words() -> None:
    shown = [frozenset({"god", "save", "the", "king"})]
    assert is_near_duplicate(frozenset({"god", "save", "the", "queen", "king"}), shown)
    assert not is_near_duplicate(frozenset({"save", "the", "whales"}), shown)
    assert not is_near_duplicate(frozenset({"god"}), [])


def test_a_list_of_boilerplate_shows_it_once_and_counts_the_rest(example_run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(example_run.folder, folder)
    listed = example_run.neuron("hidden.1.0").list(limit=6)["sentence_id"].to_pylist()
    path = folder / "sentences.parquet"
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        if row["sentence_id"] in listed[:5]:
            row["text"] = f"See page {row['sentence_id']} of the manual for all the details of this."
    pq.write_table(pa.Table.from_pylist(rows), path)
    neuron = open_run(folder).neuron("hidden.1.0")
    assert examples([neuron.list()], limit=2) == examples(
        (neuron.list(start=at, limit=1) for at in range(9)), limit=2
    )
    shown = examples([neuron.list()], limit=2)
    assert [each["rank"] for each in shown["examples"]] == [0, 5]
    assert shown["n_skipped"] == 4
