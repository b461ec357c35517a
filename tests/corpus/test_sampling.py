"""A sample of documents is uniform, seeded, and keeps the shares of a field that is named."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from neurolect.corpus import Corpus, PrepareOptions, prepare
from neurolect.corpus.sampling import sampling_order
from neurolect.errors import CorpusError, OptionError
from tests.corpus.test_account import adds_up


@pytest.mark.parametrize("grouped", [False, True])
def test_every_number_is_sampled_as_often(grouped: bool) -> None:
    groups = np.repeat([0, 1, 2], [50, 30, 20]) if grouped else None
    counts = np.zeros(100)
    for seed in range(400):
        counts[sampling_order(np.arange(100), seed=seed, groups=groups)[:20]] += 1
    # binomial, 400 times 0.2: a deviation of 8
    assert counts.sum() == 8000
    assert abs(counts - 80).max() < 5 * 8
    assert 4 < counts.std() < 12


def test_the_order_rests_on_numbers_and_seed_alone() -> None:
    numbers = np.random.default_rng(0).permutation(1000)
    taken = np.sort(numbers[sampling_order(numbers, seed=3)[:100]])
    assert np.array_equal(taken, np.sort(sampling_order(np.arange(1000), seed=3)[:100]))
    assert not np.array_equal(taken, np.sort(sampling_order(np.arange(1000), seed=4)[:100]))


@pytest.mark.parametrize("share", [0.1, 0.37, 0.8])
def test_groups_keep_their_share_of_what_is_counted(share: float) -> None:
    rng = np.random.default_rng(1)
    groups, sizes = rng.integers(0, 4, 2000), rng.integers(1, 60, 2000)
    order = sampling_order(np.arange(2000), seed=0, sizes=sizes, groups=groups)
    assert np.array_equal(np.sort(order), np.arange(2000))
    taken = order[: np.searchsorted(np.cumsum(sizes[order]), share * sizes.sum())]
    for group in range(4):
        mine = sizes[groups == group].sum()
        assert abs(sizes[taken][groups[taken] == group].sum() - share * mine) <= 2 * 60


def domains(path: Path, n: int = 200) -> Path:
    """Write documents ordered by domain: three quarters mail, the rest talk."""
    rows = [
        {"text": f"Document {i} is here now. It has two parts, {i}.", "domain": "mail" if i < n * 0.75 else "talk"}
        for i in range(n)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def texts(corpus: Corpus) -> list[str]:
    return [text for table in corpus.batches(part="all") for text in table["text"].to_pylist()]


def test_a_corpus_of_a_sample(tmp_path: Path) -> None:
    source = domains(tmp_path / "a.jsonl")
    whole = prepare(source, out=tmp_path / "whole")
    asked = PrepareOptions(sample=40, sample_field="domain")
    sampled = [prepare(source, out=tmp_path / f"w{n}", options=asked, workers=n) for n in (1, 2)]
    assert sampled[0].fingerprint == sampled[1].fingerprint != whole.fingerprint
    assert adds_up(sampled[0])
    assert sampled[0].manifest["sums"]["rows"] == {
        "read": 200, "broken": 0, "without text": 0, "documents": 40, "not sampled": 160,
    }  # fmt: skip
    assert set(texts(sampled[0])) < set(texts(whole))
    found = Counter(sampled[0].take(np.arange(80))["domain"].to_pylist())
    assert found == {"mail": 60, "talk": 20}
    all_of_it = prepare(source, out=tmp_path / "all", options=PrepareOptions(sample=1000))
    assert all_of_it.fingerprint == whole.fingerprint
    other = prepare(source, out=tmp_path / "other", options=PrepareOptions(sample=40, seed=1))
    assert set(texts(other)) != set(texts(sampled[0]))
    assert 0 < sum("mail" in str(each) for each in other.take(np.arange(80))["domain"].to_pylist()) < 80


def test_what_cannot_be_sampled_is_refused(tmp_path: Path) -> None:
    source = domains(tmp_path / "a.jsonl", n=8)
    with pytest.raises(OptionError, match=r"sample_field is 'domain', and nothing is sampled"):
        PrepareOptions(sample_field="domain")
    with pytest.raises(CorpusError, match=r"sample_field is 'domian'(.|\n)*Nearest: 'domain'"):
        prepare(source, out=tmp_path / "c", options=PrepareOptions(sample=4, sample_field="domian"))
    assert not (tmp_path / "c").exists()
