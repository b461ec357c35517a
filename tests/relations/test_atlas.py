import numpy as np

from neurolect.store import Run


def test_every_neuron_is_a_row_that_embedding_atlas_reads(related: Run) -> None:
    table = related.table("relations/neurons")
    assert table.column("neuron_id").to_pylist() == list(range(16))
    row = table.to_pylist()[0]
    assert row["address"] == "hidden.1.0"
    assert row["description"].startswith("top: ")
    assert "bottom: " in row["description"]
    assert np.isfinite([row["x"], row["y"]]).all()
    # the form that embedding-atlas documents for --neighbors: row numbers from 0, and distances
    assert set(row["neighbors"]) == {"ids", "distances"}
    assert len(row["neighbors"]["ids"]) == len(row["neighbors"]["distances"])
    assert row["neighbors"]["distances"] == sorted(row["neighbors"]["distances"])
    assert 0 not in row["neighbors"]["ids"]


def test_neighbours_are_the_nearest_by_vector(related: Run) -> None:
    vectors = np.array(related.array("relations/vectors/words_top"))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)
    nearest = [row["ids"][0] for row in related.table("relations/neurons").column("neighbors").to_pylist()]
    assert nearest == cosines.argmax(axis=1).tolist()
