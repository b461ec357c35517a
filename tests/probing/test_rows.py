"""Rows of arrays, of read-only memory maps, and of a reader of any kind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.probing import LinearOptions, choose_greedily, detect, fit_forest, fit_gaussian, fit_linear
from neurolect.probing.class_moments import class_moments
from neurolect.probing.rankings.groups import correlations
from neurolect.probing.rows import ArrayRows, Rows, Selection, as_rows, columns_of, row_numbers

SOME = st.lists(st.integers(0, 19), min_size=1, max_size=25).map(lambda ids: np.array(ids, np.int64))


@given(st.one_of(st.none(), SOME, st.just(slice(3, 17, 2))), st.one_of(st.none(), SOME.map(lambda ids: ids % 4)))
def test_blocks_are_the_chosen_rows_in_their_order(rows: Selection, columns: Selection) -> None:
    array = np.arange(80.0).reshape(20, 4)
    found = list(ArrayRows(array, block=6).blocks(rows, columns))
    ids = row_numbers(rows, 20)
    assert np.concatenate([each for each, _ in found]).tolist() == ids.tolist()
    expected = array[ids] if columns is None else array[ids][:, columns]
    assert np.concatenate([block for _, block in found]).tolist() == expected.tolist()
    assert columns_of(ArrayRows(array, block=6), ids, slice(1, 3)).tolist() == array[ids, 1:3].T.tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_method_reads_read_only_maps(tmp_path: Path, dtype: type) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    np.save(tmp_path / "rows.npy", (rng.normal(size=(60, 4)) + labels[:, None]).astype(dtype))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    rows, units = ArrayRows(mapped, block=60), np.arange(60)
    assert isinstance(rows, Rows)
    assert as_rows(rows) is rows
    for options in (LinearOptions(), LinearOptions(memory=1), LinearOptions(compat="neurox")):
        assert fit_linear(rows, labels, options=options).accuracy(rows, labels) > 0.5
    greedy = choose_greedily(rows, labels, train=units[:40], dev=units[40:], n_picks=2)
    assert fit_gaussian(rows, labels, columns=greedy.order()[:2]).accuracy(rows, labels) > 0.5
    assert fit_forest(rows, labels, train=units[:40], dev=units[40:], n_trees=3).accuracy > 0.4
    assert class_moments(rows, labels, units, n_classes=2).n_K.tolist() == [30, 30]
    assert detect(rows, labels, classes=["a", "b"]).average_precision.shape == (2, 2, 4)
    assert correlations(rows).shape == (4, 4)


class Reversed:
    """A reader of its own: only the three names are needed."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array
        self.n_rows, self.n_neurons = array.shape

    def blocks(self, rows: Selection, columns: Selection) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
        for each in row_numbers(rows, self.n_rows):
            ids = np.array([each])
            block = self.array[::-1][ids]
            yield ids, block if columns is None else block[:, columns]


def test_any_reader_will_do() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(50) % 2
    array = rng.normal(size=(50, 3)) + labels[:, None]
    one = fit_linear(Reversed(array[::-1]), labels)
    assert one.weights == pytest.approx(fit_linear(array, labels).weights)
