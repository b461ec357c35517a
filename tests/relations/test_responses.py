import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.relations import inputs as responses
from neurolect.relations.inputs import compare_responses, finite_sentences, standardised


@settings(max_examples=40)
@given(st.integers(2, 9), st.integers(0, 100), st.integers(1, 3))
def test_pairs_are_correlated_as_by_numpy(n: int, seed: int, k: int) -> None:
    acts = np.random.default_rng(seed).normal(size=(n, 12)).astype(np.float32) * 1e-4 + 7
    groups = (np.arange(n) % 2).astype(np.int32)
    found = compare_responses(standardised(acts), groups, k=k, with_distances=True)
    correlations = np.asarray(np.corrcoef(acts.astype(np.float64)))
    assert found.distances is not None
    assert np.allclose(found.distances, 1 - np.abs(correlations[np.triu_indices(n, 1)]), atol=1e-4)
    np.fill_diagonal(correlations, 0.0)
    for neuron, row in enumerate(correlations):
        best = np.sort(np.abs(row))[::-1][: min(k, n - 1)]
        assert np.allclose(np.abs(found.nearest.values[neuron, : len(best)]), best, atol=1e-4)
        own = np.abs(np.where(groups == groups[neuron], row, 0.0))
        assert abs(found.correlation_in_layer[neuron]) == pytest.approx(own.max(), abs=1e-4)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = standardised(np.random.default_rng(0).normal(size=(23, 30)).astype(np.float32))
    groups = np.zeros(23, dtype=np.int32)
    whole = compare_responses(unit, groups, k=4, with_distances=True)
    monkeypatch.setattr(responses, "BLOCK_BYTES", 4 * 23 * 5)
    steps: list[float] = []
    parts = compare_responses(unit, groups, k=4, with_distances=True, advance=steps.append)
    assert steps == [5, 5, 5, 5, 3]
    assert np.array_equal(whole.nearest.ids, parts.nearest.ids)
    assert whole.distances is not None
    assert parts.distances is not None
    assert np.allclose(whole.distances, parts.distances, atol=1e-6)


def test_neurons_that_do_not_vary_or_are_not_finite_are_like_no_other() -> None:
    acts = np.random.default_rng(0).normal(size=(4, 20)).astype(np.float32)
    acts[1] = 3.3
    acts[2, 5] = np.nan
    unit = standardised(acts)
    assert not unit[1:3].any()
    found = compare_responses(unit, np.zeros(4, dtype=np.int32), k=2)
    assert found.nearest.ids[1].tolist() == [-1, -1]
    assert found.twin_in_layer[2] == -1
    assert found.nearest.ids[0].tolist() == [3, -1]
    assert found.distances is None


def test_a_sentence_that_overflowed_in_a_layer_is_left_out_and_not_the_layer() -> None:
    acts = np.random.default_rng(0).normal(size=(1030, 20)).astype(np.float32)
    acts[2:6, 5] = np.nan
    acts[1027, 9] = np.inf
    acts[7] = np.nan
    kept = np.flatnonzero(finite_sentences(acts))
    assert kept.tolist() == [each for each in range(20) if each not in (5, 9)]
    unit = standardised(acts[:, kept])
    assert np.flatnonzero(~unit.any(axis=1)).tolist() == [7]
