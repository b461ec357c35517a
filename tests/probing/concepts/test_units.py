"""Parts, class minimums and balancing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.errors import OptionError, ProbingError
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.probing.concepts.splits import class_counts, class_weights, part_groups, undersample
from neurolect.probing.concepts.units import Units, read_labelled, settle


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), min_size=1, max_size=80),
    st.integers(0, 5),
    st.sampled_from([(0.8, 0.1), (0.5, 0.25), (0.6, 0.0)]),
)
def test_groups_stay_together_and_parts_are_near_their_shares(
    sentences: list[tuple[int, int]], seed: int, shares: tuple[float, float]
) -> None:
    groups, sizes = (np.array(each, np.int64) for each in zip(*sentences, strict=True))
    _, groups = np.unique(groups, return_inverse=True)
    parts = part_groups(groups, sizes=sizes, train=shares[0], dev=shares[1], seed=seed)
    assert all(len(set(parts[groups == each].tolist())) == 1 for each in groups)
    total, largest = sizes.sum(), np.bincount(groups, weights=sizes).max()
    for part, share in enumerate((*shares, 1 - sum(shares))):
        assert abs(sizes[parts == part].sum() - share * total) <= largest + 1e-6
    again = part_groups(groups, sizes=sizes, train=shares[0], dev=shares[1], seed=seed)
    np.testing.assert_array_equal(parts, again)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=4, max_size=200), st.integers(0, 3))
def test_undersampled_classes_are_equal_in_every_part(units: list[tuple[int, int]], seed: int) -> None:
    labels, parts = (np.array(each, np.int64) for each in zip(*units, strict=True))
    before = class_counts(labels, parts.astype(np.int8), n_classes=4)
    kept = undersample(labels, parts.astype(np.int8), n_classes=4, seed=seed)
    after = class_counts(labels[kept], parts[kept].astype(np.int8), n_classes=4)
    assert (np.diff(kept) > 0).all()
    np.testing.assert_array_equal(after, np.tile(before.min(axis=0), (4, 1)))


def test_weights_make_classes_count_alike() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    parts = np.zeros(100, np.int8)
    weights = class_weights(labels, parts, n_classes=2)
    assert weights[labels == 0].sum() == pytest.approx(weights[labels == 1].sum())
    assert weights.mean() == pytest.approx(1.0)


def settled(
    tmp_path: Path, rows: list[dict[str, Any]], concept: str = "tags", **options: Any
) -> tuple[Units, list[str]]:
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    chosen = ActivationsOptions(**{"min_train": 5, "min_test": 1} | options)
    _, units, _, notices = read_labelled([path], concept, options=chosen)
    units, more, _ = settle(units, options=chosen)
    return units, notices + more


def rows_of(n: int, **fields: Any) -> list[dict[str, Any]]:
    return [
        {"tokens": [f"w{k}", "x", "y"], "tags": ["A", "B", "C" if k % 40 == 0 else "A"]}
        | {name: value(k) for name, value in fields.items()}
        for k in range(n)
    ]


def test_small_classes_are_left_out_and_counted(tmp_path: Path) -> None:
    units, notices = settled(tmp_path, rows_of(100))
    assert units.classes == ["A", "B"]
    assert notices[-1] == (
        "1 classes of fewer than 5 units to train on or 1 to test with are left out (3 units): 'C' 3."
    )
    assert sorted(set(units.labels.tolist())) == [0, 1]
    with pytest.raises(ProbingError, match=r"There are not two classes to distinguish(.|\n)*'A' 1\d\d and \d+"):
        settled(tmp_path, rows_of(100), min_train=100)
    one = [{"tokens": ["a"], "tags": ["A"]} for _ in range(30)]
    with pytest.raises(ProbingError, match=r"There are not two classes"):
        settled(tmp_path, one)


def test_documents_stay_together_where_there_are_ten(tmp_path: Path) -> None:
    units, notices = settled(tmp_path, rows_of(200, document=lambda k: f"d{k // 5}"))
    assert units.parted_by == "document"
    for document in range(40):
        assert len(set(units.parts[units.sentences // 5 == document].tolist())) == 1
    units, notices = settled(tmp_path, rows_of(200, document=lambda k: f"d{k // 100}"))
    assert (units.parted_by, notices[0]) == ("sentence", "There are only 2 documents: parts are by sentence.")


def test_sentences_of_the_same_words_are_in_one_part(tmp_path: Path) -> None:
    rows = [each for each in rows_of(60) for _ in range(2)]
    units, _ = settled(tmp_path, rows)
    for number in range(60):
        assert len(set(units.parts[units.sentences // 2 == number].tolist())) == 1


def test_parts_can_be_the_datas_own(tmp_path: Path) -> None:
    names = ("train", "train", "train", "validation", "Test")
    units, _ = settled(tmp_path, rows_of(100, split=lambda k: names[k % 5]), split_column="split")
    assert units.parts.tolist() == [(0, 0, 0, 1, 2)[number % 5] for number in units.sentences.tolist()]
    with pytest.raises(
        ProbingError, match=r"The part of data\.jsonl, sentence 1 is 'other' \(activations\.split_column"
    ):
        settled(tmp_path, rows_of(100, split=lambda k: "other"), split_column="split")
    with pytest.raises(ProbingError, match=r"No sentence has the field 'part'"):
        settled(tmp_path, rows_of(100), split_column="part")


def test_balancing(tmp_path: Path) -> None:
    units, _ = settled(tmp_path, rows_of(100))
    assert units.weights is None
    units, notices = settled(tmp_path, rows_of(100), "tags=B")
    assert (units.positive, np.bincount(units.labels.astype(int)).tolist()) == ("B", [100, 100])
    assert notices[-1].startswith("Undersampled: 200 of 300 units")
    units, _ = settled(tmp_path, rows_of(100), "tags=B", balance="none")
    assert np.bincount(units.labels.astype(int)).tolist() == [100, 200]
    units, _ = settled(tmp_path, rows_of(100), balance="weights")
    assert units.weights is not None
    assert units.weights.min() < 1 < units.weights.max()


def test_numbers_have_parts_and_no_classes(tmp_path: Path) -> None:
    units, _ = settled(tmp_path, rows_of(100), "position")
    assert (units.classes, str(units.labels.dtype)) == ([], "float64")
    with pytest.raises(OptionError, match=r"labels are numbers, and activations\.balance is 'weights'"):
        settled(tmp_path, rows_of(100), "position", balance="weights")
    with pytest.raises(ProbingError, match=r"There are \d+ units to train on and \d+ to test with"):
        settled(tmp_path, rows_of(100), "position", min_train=1000)
    same = [{"tokens": [str(k), "b"], "y": 0.5} for k in range(60)]
    with pytest.raises(ProbingError, match=r"All 60 labels are the number 0\.5"):
        settled(tmp_path, same, "y")


def test_shares_leave_a_test_part() -> None:
    with pytest.raises(OptionError, match=r"activations\.train is 0\.9 and activations\.dev 0\.1"):
        ActivationsOptions(train=0.9, dev=0.1)


def test_nothing_labelled_is_an_error_that_names_the_first_sentence(tmp_path: Path) -> None:
    rows = [{"tokens": ["a", "b"], "tags": ["A"]} for _ in range(3)]
    with pytest.raises(
        ProbingError,
        match=r"No unit has a label(.|\n)*3 sentences were skipped, the first: data\.jsonl, sentence 1: 2 words",
    ):
        settled(tmp_path, rows)
