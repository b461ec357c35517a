"""The sentences nearest to the middle of a list."""

import numpy as np

from neurolect.signatures.inputs import Lists
from neurolect.signatures.vectors.typical_sentences import find_typical, typical_sentences_table, unit_rows

# Directions 0 degrees (twice, near-duplicates), 20, 40 and 90 degrees; the last sentence has no vector.
ANGLES = np.deg2rad([0.0, 1.0, 20.0, 40.0, 90.0])
VECTORS = np.vstack([np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), [[0.0, 0.0]]]).astype(np.float32)
TEXTS = ["a", "b", "c", "d", "e", "f"]


def test_nearest_first_and_no_near_duplicates() -> None:
    lists = Lists(rows=np.array([[4, 0, 1, 2, 3, 5]], dtype=np.int32), sides=("top",))
    found = find_typical(VECTORS, lists, texts=TEXTS, n_typical=3)
    assert found.rows.tolist() == [2, 3, 1]
    assert found.ranks.tolist() == [0, 1, 2]
    assert np.all(np.diff(found.cosines) < 0)


def test_texts_that_start_alike_count_once() -> None:
    lists = Lists(rows=np.array([[0, 2, 3]], dtype=np.int32), sides=("top",))
    start = "The very same forty letters at the beginning "
    found = find_typical(VECTORS, lists, texts=[start + "x", "b", start + "y", start.upper(), "", ""], n_typical=3)
    assert found.rows.tolist() == [2]


def test_lists_without_vectors_have_none_and_workers_change_nothing() -> None:
    lists = Lists(rows=np.array([[5, -1], [-1, -1], [3, 4]], dtype=np.int32), sides=("top",))
    one = find_typical(VECTORS, lists, texts=TEXTS, n_typical=1)
    two = find_typical(VECTORS, lists, texts=TEXTS, n_typical=1, workers=2)
    assert one.lists.tolist() == two.lists.tolist() == [2]
    table = typical_sentences_table(one, sentence_ids=np.arange(100, 106), lists=lists).to_pylist()
    assert [(row["neuron_id"], row["side"], row["rank"], row["sentence_id"]) for row in table] == [
        (2, "top", 0, 103)
    ]


def test_by_distance_the_nearest_to_the_mean_of_any_lengths_is_first() -> None:
    points = np.array([[0, 0], [9, 0], [1, 0], [0, 2], [3, 1]], np.float32)  # the first has no vector
    lists = Lists(rows=np.array([[0, 1, 2, 3, 4], [0, -1, -1, -1, -1]], dtype=np.int32), sides=("top",))
    found = find_typical(points, lists, texts=TEXTS, n_typical=4, euclidean=True)
    distances = np.linalg.norm(points[1:] - points[1:].mean(axis=0), axis=1)
    # 1 and 2 point one way: the farther one is a near-duplicate of the nearer
    assert found.rows.tolist() == [row for row in (1 + np.argsort(distances)).tolist() if row != 1]
    assert found.lists.tolist() == [0, 0, 0]
    mean = points[1:].mean(axis=0)
    expected = points[4] @ mean / np.linalg.norm(points[4]) / np.linalg.norm(mean)
    assert found.cosines[0] == np.float64(expected) or abs(found.cosines[0] - expected) < 1e-6


def test_unit_rows_keep_zero_rows() -> None:
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)
