from typing import Any

import numpy as np
import pytest

from neurolect.store import Run


def neighbours(run: Run, neuron_id: int, by: str) -> list[dict[str, Any]]:
    return [row for row in run.rows("relations/neighbours", neuron_id=neuron_id).to_pylist() if row["by"] == by]


def test_shared_sentences_are_counted(related: Run) -> None:
    first = neighbours(related, 0, "lists")[0]
    lists = [
        set(related.rows(f"lists/{side}", neuron_id=neuron).column("sentence_id").to_pylist())
        for neuron, side in ((0, first["side"]), (first["other_id"], first["other_side"]))
    ]
    assert first["likeness"] == pytest.approx(len(lists[0] & lists[1]) / 60)
    assert first["side"] == "top"
    every = {
        (neuron, side): set(related.rows(f"lists/{side}", neuron_id=neuron).column("sentence_id").to_pylist())
        for neuron in range(16)
        for side in ("top", "bottom")
    }
    own = every.pop((0, "top"))
    assert max(len(own & other) for other in every.values()) / 60 == pytest.approx(first["likeness"])


def test_the_copy_is_the_twin(related: Run) -> None:
    first = neighbours(related, 3, "response")[0]
    assert (first["other_id"], first["other_side"], first["side"]) == (15, None, None)
    assert first["likeness"] == pytest.approx(-1.0, abs=1e-5)
    rows = related.table("relations/responses").to_pylist()
    assert (rows[15]["twin_id"], rows[3]["twin_id"]) == (3, 15)
    assert rows[3]["correlation_group"] == rows[15]["correlation_group"]
    assert rows[7]["twin_id"] is None
    assert rows[7]["response_group"] is None


def test_signatures_are_most_similar_where_lists_are(related: Run) -> None:
    table = related.table("relations/neighbours")
    likeness = table.column("likeness").to_numpy()
    by = np.array(table.column("by").to_pylist())
    assert (likeness[by == "signature"] > 0).all()
    assert (likeness[by == "signature"] <= 1.0001).all()
    assert neighbours(related, 3, "signature")[0]["rank"] == 0


def test_the_rows_of_a_neuron_are_together(related: Run) -> None:
    ids = related.table("relations/neighbours").column("neuron_id").to_numpy()
    assert (np.diff(ids) >= 0).all()
