import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.errors import VariantError
from neurolect.variants.finetune_options import FinetuneOptions
from neurolect.variants.labelled_texts import part_texts, read_labelled


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def rows_of(sizes: dict[str, int]) -> list[dict[str, object]]:
    return [
        {"text": f"this is text {number} of {name}", "label": name}
        for name, n in sizes.items()
        for number in range(n)
    ]


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    rows = rows_of({"a": 12, "b": 11, "rare": 3})
    rows += [{"text": " ", "label": "a"}, {"text": None, "label": "a"}, {"text": "no label here"}]
    rows += [{"text": "no label here either", "label": ""}, rows[0], {**rows[1], "label": "b"}]
    read = read_labelled([write(tmp_path / "t.jsonl", rows)], options=FinetuneOptions(label="label"))
    assert read.classes == ("a", "b")
    assert np.bincount(read.labels).tolist() == [11, 11]
    assert len(set(read.texts)) == 22
    assert read.notices == (
        "2 rows without text left out.",
        "2 rows without 'label' left out.",
        "2 rows whose text came before left out.",
        "1 rows whose text has several classes left out.",
        "3 rows of 1 classes with fewer than 10 texts left out.",
    )


def test_numbers_are_classes_alike_in_all_formats(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"body": f"text number {n} is here", "stars": 4.0 * (n % 2)} for n in range(40)
    ]
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["body", "stars"])
        writer.writeheader()
        writer.writerows({"body": f"and {each['body']}", "stars": int(4 * (n % 2))} for n, each in enumerate(rows))
    sources = [write(tmp_path / "t.jsonl", rows), tmp_path / "t.csv"]
    read = read_labelled(sources, options=FinetuneOptions(label="stars"))
    assert read.classes == ("0", "4")
    assert len(read.texts) == 80


def test_the_limit_is_a_seeded_choice(tmp_path: Path) -> None:
    source = write(tmp_path / "t.jsonl", rows_of({"a": 100, "b": 100}))
    chosen = [
        read_labelled([source], options=FinetuneOptions(label="label", limit=60, seed=seed)).texts
        for seed in (0, 0, 1)
    ]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(chosen[0]) == 60


@pytest.mark.parametrize(
    ("rows", "label", "message"),
    [
        (
            rows_of({"a": 20, "b": 20}),
            "lable",
            r"no column 'lable'.\nExpected: .*'text', 'label'\nHint: .*'label'",
        ),
        (rows_of({"a": 20}), "label", r"Texts by 'label': 'a': 20(.|\n)*another class"),
        (rows_of({"a": 9, "b": 30}), "label", r"'b': 30, 'a': 9(.|\n)*10 different texts or more"),
        (rows_of({f"v{n}": 1 for n in range(300)}), "label", "has 300 different values"),
        (
            [{"text": "there is no label", "label": None}] * 5,
            "label",
            r"Texts by 'label': none\. 5 rows without 'label' left out",
        ),
    ],
)
def test_data_that_cannot_be_learned_from(
    rows: list[dict[str, object]], label: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(VariantError, match=message):
        read_labelled([write(tmp_path / "t.jsonl", rows)], options=FinetuneOptions(label=label))


def test_a_missing_text_column_is_named(tmp_path: Path) -> None:
    source = write(tmp_path / "t.jsonl", rows_of({"a": 20, "b": 20}))
    with pytest.raises(VariantError, match="has no column 'body'"):
        read_labelled([source], options=FinetuneOptions(label="label", text="body"))


@given(st.lists(st.integers(2, 30), min_size=2, max_size=5), st.floats(0.01, 0.99), st.integers(0, 5))
def test_parts_are_disjoint_whole_and_hold_every_class(sizes: list[int], share: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    train, validation = part_texts(labels, validation=share, seed=seed)
    assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(labels)))
    for number, size in enumerate(sizes):
        n = int((labels[validation] == number).sum())
        assert 1 <= n <= size - 1
        assert abs(n - share * size) <= 1
