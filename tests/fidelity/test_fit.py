"""Weights are those of the discriminant written out, and do not depend on threads."""

import numpy as np
from numpy.typing import NDArray

from neurolect.fidelity.fit import Weights, fit
from neurolect.fidelity.fitting_kernels import score_sentences
from neurolect.fidelity.inputs import Features, no_senses, spread_ranks
from neurolect.fidelity.options import FidelityOptions
from neurolect.signatures.evidence.features import SentenceFeatures
from neurolect.signatures.evidence.registry import kinds

N, RIDGE = 400, 0.1


def dense(kinds: NDArray[np.int8]) -> NDArray[np.float64]:
    random = np.random.default_rng(1)
    table = random.random((N, len(kinds)))
    return np.where(random.random(table.shape) < 0.4, table, 0.0).astype(np.float32).astype(np.float64)


def sparse(table: NDArray[np.float64]) -> SentenceFeatures:
    rows, codes = np.nonzero(table)
    offsets = np.searchsorted(rows, np.arange(len(table) + 1)).astype(np.int64)
    return SentenceFeatures(offsets, codes.astype(np.int32), table[rows, codes].astype(np.float32))


def written_out(own: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    pooled = 0.5 * (np.cov(own.T, bias=True) + np.cov(others.T, bias=True)).reshape(own.shape[1], -1)
    pooled += np.diag(RIDGE * np.diag(pooled) + 1e-9)
    return np.asarray(np.linalg.solve(pooled, own.mean(axis=0) - others.mean(axis=0)))


def fitted(workers: int = 1) -> tuple[Features, NDArray[np.float64], NDArray[np.int32], NDArray[np.int32], Weights]:
    kinds = np.array([0, 0, 0, 1, 1, 2, 5, 5], np.int8)
    features = Features(
        [str(each) for each in range(8)], kinds, np.array([0, 1, 3, 5, 6, 2, 4, 7], np.int32), np.array([0, 5, 8])
    )
    table = dense(kinds)
    lists = np.stack([np.arange(0, 80), np.arange(40, 120)]).astype(np.int32)
    lists[1, 70:] = -1
    background = np.arange(60, N, 2, dtype=np.int32)
    options = FidelityOptions(ridge=RIDGE)
    weights = fit(
        features,
        sparse(table),
        lists=lists,
        background=background,
        options=options,
        senses=no_senses(N, n_lists=2),
        workers=workers,
    )
    return features, table, lists, background, weights


def test_weights_are_the_discriminant_written_out() -> None:
    features, table, lists, background, weights = fitted()
    for each in range(2):
        own = slice(features.offsets[each], features.offsets[each + 1])
        codes, rows = features.codes[own], lists[each][lists[each] >= 0]
        others = background[~np.isin(background, rows)]
        assert np.allclose(
            weights.together[own], written_out(table[rows][:, codes], table[others][:, codes]), rtol=1e-4
        )
        for kind in range(len(kinds())):
            chosen = features.kinds[codes] == kind
            if chosen.any():
                expected = written_out(table[rows][:, codes[chosen]], table[others][:, codes[chosen]])
                assert np.allclose(weights.alone[own][chosen], expected, rtol=1e-4)


def test_threads_change_nothing() -> None:
    for one, three in zip(fitted()[-1], fitted(workers=3)[-1], strict=True):
        assert np.array_equal(one, three)


def test_a_score_is_the_weighted_sum_of_the_features_of_a_sentence() -> None:
    features, table, _, _, weights = fitted()
    own = slice(features.offsets[0], features.offsets[1])
    scores = np.empty((1 + len(kinds()), N), np.float32)
    turned = sparse(table).by_feature(len(features.labels))
    codes = features.codes[own]
    score_sentences(*turned, codes, weights.alone[own], weights.together[own], features.starts, scores)
    assert np.allclose(scores[0], table[:, codes] @ weights.together[own], atol=1e-5)
    phrases = features.kinds[codes] == 1
    assert np.allclose(scores[2], table[:, codes[phrases]] @ weights.alone[own][phrases], atol=1e-5)
    assert not scores[4].any()


def test_ranks_are_taken_from_the_whole_list() -> None:
    assert spread_ranks(5, limit=9).tolist() == [0, 1, 2, 3, 4]
    assert spread_ranks(1000, limit=3).tolist() == [0, 333, 666]
    assert spread_ranks(0, limit=3).tolist() == []
