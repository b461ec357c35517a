import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.paper.sentence_distances import balancing_weights, clustered_mean, within_reach

DOCUMENTS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), max_size=6)


@given(DOCUMENTS, st.integers(0, 12))
def test_sentences_are_read_until_the_text_is_cut(documents: list[list[int]], max_tokens: int) -> None:
    wanted = [sum(each[: at + 1]) <= max_tokens for each in documents for at in range(len(each))]
    numbers = np.repeat(np.arange(len(documents)) * 7 + 3, [len(each) for each in documents])
    n_tokens = np.array([n for each in documents for n in each], dtype=np.int64)
    assert within_reach(numbers.astype(np.int64), n_tokens, max_tokens=max_tokens).tolist() == wanted


@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("abcd"), min_size=1))
def test_weighed_labels_have_the_shares_of_the_others(labels: list[str], like: list[str]) -> None:
    weights = balancing_weights(np.array(labels), like=np.array(like))
    common = [name for name in like if name in labels]
    assert (weights > 0).any() == bool(common)
    for name in set(common):
        share = weights[np.array(labels) == name].sum() / weights.sum()
        assert share == pytest.approx(common.count(name) / len(common))


def test_an_error_counts_documents_not_sentences() -> None:
    random = np.random.default_rng(0)
    documents = np.repeat(np.arange(30), 20)
    values = random.normal(size=30)[documents] + 0.01 * random.normal(size=600)
    found = clustered_mean(values, weights=np.ones(600), documents=documents)
    means = values.reshape(30, 20).mean(axis=1)
    assert found.value == pytest.approx(values.mean())
    assert found.error == pytest.approx(means.std(ddof=1) / 30**0.5)
    alone = clustered_mean(values, weights=np.ones(600), documents=np.arange(600))
    assert alone.error == pytest.approx(values.std(ddof=1) / 600**0.5)


def test_what_has_no_weight_does_not_count() -> None:
    values, documents = np.array([1.0, 2.0, 9.0, 4.0]), np.array([0, 1, 2, 3])
    weights = np.array([1.0, 2.0, 0.0, 1.0])
    kept = weights > 0
    assert clustered_mean(values, weights=weights, documents=documents) == clustered_mean(
        values[kept], weights=weights[kept], documents=documents[kept]
    )
    assert np.isnan(clustered_mean(values, weights=np.zeros(4), documents=documents).value)
    alone = clustered_mean(values[:1], weights=np.ones(1), documents=documents[:1])
    assert alone.value == 1.0
    assert np.isnan(alone.error)
