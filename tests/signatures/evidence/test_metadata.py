"""Metadata values as evidence."""

import numpy as np
import pyarrow as pa
import pytest

from neurolect.results.field_values import code_categories
from neurolect.signatures.evidence.metadata import field_evidence, metadata_table
from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import DescribeOptions

DASH = "\u2013"


def test_evidence_leaves_out_missing_values_but_counts_their_sentences() -> None:
    column = pa.array(["news"] * 6 + [None] * 4 + ["novel"] * 10)
    field = code_categories(
        "domain", column, background_values=["news", "novel", None], background_counts=np.array([6, 10, 4])
    )
    lists = Lists(rows=np.arange(10, dtype=np.int32).reshape(1, 10), sides=("top",))
    (evidence,) = field_evidence([field], lists, options=DescribeOptions())
    assert [field.values[item] for item in evidence.items] == ["news"]
    assert evidence.share_list.tolist() == pytest.approx([0.6])
    assert evidence.lift.tolist() == pytest.approx([2.0])
    table = metadata_table([(field, evidence)], lists=lists).to_pylist()
    assert [(row["field"], row["value"], row["n_list"], row["side"]) for row in table] == [
        ("domain", "news", 6, "top")
    ]


def test_no_fields_give_an_empty_table_with_all_columns() -> None:
    lists = Lists(rows=np.zeros((1, 1), dtype=np.int32), sides=("top",))
    table = metadata_table([], lists=lists)
    assert table.num_rows == 0
    assert table.column_names[:4] == ["neuron_id", "side", "field", "value"]
