"""Average precision and overlap of neurons as detectors, against scikit-learn and sets."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.probing.rankings.sorting_kernels import bits_of, make_sortable, sort_labels, values_of
from neurolect.probing.rankings.thresholds import average_precision, detect, n_experts, overlap
from neurolect.probing.rows import ArrayRows
from tests.reference import rankings_plain as plain

VALUES = st.lists(
    st.floats(-1e4, 1e4, width=16, allow_subnormal=True)
    | st.floats(width=32, allow_nan=False, allow_infinity=False),
    min_size=1,
    max_size=40,
)


@given(VALUES, st.booleans())
def test_units_are_sorted_as_by_a_stable_sort(values: list[float], half: bool) -> None:
    array: NDArray[Any] = np.clip(np.array(values), -6e4, 6e4).astype(np.float16 if half else np.float32)
    keys = bits_of(array).copy()
    n_bits = 8 * keys.itemsize
    make_sortable(keys, n_bits)
    units = np.arange(len(array), dtype=np.int32)
    found, order = np.empty_like(keys), np.empty_like(units)
    sort_labels(keys, units, found, order, np.empty_like(keys), np.empty_like(units))
    assert order.tolist() == np.argsort(array, kind="stable").tolist()
    assert found.tolist() == keys[order].tolist()
    assert values_of(found.astype(np.int64), n_bits=n_bits).tolist() == np.sort(array).tolist()


def test_float32_that_are_halves_are_sorted_as_halves() -> None:
    halves = np.array([1.5, -2.0], np.float16)
    assert bits_of(halves.astype(np.float32)).dtype == np.uint16
    assert bits_of(np.array([0.1, 0.2], np.float32)).dtype == np.uint32


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 4), st.sampled_from([np.float16, np.float32]), st.booleans())
@example(3285, 4, np.float16, False)  # a class of two units
def test_precision_overlap_and_quantiles_are_those_of_the_definitions(
    seed: int, n_classes: int, dtype: type, coarse: bool
) -> None:
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=30)])
    rows = rng.normal(size=(len(labels), 3))
    rows = (np.round(rows, 0) if coarse else rows).astype(dtype)
    shares = (0.05, 0.2)
    found = detect(ArrayRows(rows, block=7), labels, classes="abcd"[:n_classes], shares=shares, workers=2)
    for neuron in range(3):
        values = rows[:, neuron].astype(np.float64)
        for label in range(n_classes):
            own = labels == label
            for side, sign in enumerate((1, -1)):
                expected = average_precision_score(own, sign * values)
                assert found.average_precision[side, label, neuron] == pytest.approx(expected)
                units = set(np.flatnonzero(own).tolist())
                sizes = [*(int(share * len(labels)) for share in shares), len(units)]
                expected = [plain.overlap(values.tolist(), units, size, below=sign < 0) for size in sizes]
                assert found.overlap[side, label, neuron] == pytest.approx(expected)
            assert found.on_p50[label, neuron] == pytest.approx(np.quantile(values[own], 0.5))
            assert found.on_p90[label, neuron] == pytest.approx(np.quantile(values[own], 0.9))
    assert found.base_rate.tolist() == (np.bincount(labels) / len(labels)).tolist()


def test_rectified_neurons_are_thresholded_at_zero_and_silent_ones_are_not_scored() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=400)
    rows = np.maximum(rng.normal(size=(400, 3)) + labels[:, None], 0).astype(np.float32)
    rows[:, 2] = 0
    rows[:3, 2] = 1
    found = detect(rows, labels, classes=["a", "b"], zero=True)
    active, own = set(np.flatnonzero(rows[:, 0] > 0).tolist()), set(np.flatnonzero(labels == 1).tolist())
    assert found.overlap[0, 1, 0, 0] == pytest.approx(len(active & own) / len(active | own))
    assert np.isnan(found.overlap[:, :, 2]).all()
    ranked = overlap(found, label=1)
    assert ranked.order[-1] == 2
    assert ranked.signs is not None
    assert ranked.signs[0] == 1


def test_a_planted_detector_of_either_sign_is_first() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=600)
    rows = rng.normal(size=(600, 20))
    rows[:, 7] -= 5 * (labels == 2)
    rows[:, 3] += 3 * (labels == 0)
    found = detect(rows, labels, classes=["a", "b", "c"])
    for ranked in (average_precision(found, label=2), overlap(found, label=2), overlap(found, label=2, share=0.05)):
        assert ranked.order[0] == 7
        assert ranked.signs is not None
        assert ranked.signs[7] == -1
        assert ranked.class_scores is None
    overall = average_precision(found)
    assert set(overall.order[:2].tolist()) == {3, 7}
    assert overall.class_scores is not None
    assert overall.class_scores.shape == (3, 20)
    assert n_experts(found)[2, 0] >= 1


def test_values_that_are_not_finite_are_refused() -> None:
    rows = np.ones((6, 4), np.float32)
    rows[3, 2] = np.inf
    with pytest.raises(ProbingError, match="1 of the neurons 0 to 3 have activations that are not finite"):
        detect(rows, np.array([0, 1] * 3), classes=["a", "b"])
