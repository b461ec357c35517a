"""Bars of metadata: shares among the labelled sentences of chosen lists."""

import numpy as np
import pytest

from neurolect.store import Run
from neurolect.views.plots.metadata_bars import field_shares


def test_shares_are_among_labelled_sentences(related_run: Run) -> None:
    found = field_shares(related_run, "domain", neurons=[0, 9], side="bottom")
    for row, address in enumerate(("hidden.1.0", "hidden.2.1")):
        listed = related_run.neuron(address).list("bottom").column("domain").to_pylist()
        labelled = [each for each in listed if each is not None]
        assert found.n_labelled[row] == len(labelled)
        assert len(found.values) > 1
        for value, share in zip(found.values, found.shares[row], strict=True):
            assert share == pytest.approx(labelled.count(value) / len(labelled))
    greatest = found.shares.max(axis=0)
    assert (np.diff(greatest) <= 0).all()
    rows = related_run.table("background/metadata").to_pylist()
    counts = {each["value"]: each["n_sentences"] for each in rows if each["field"] == "domain" and each["value"]}
    expected = [counts[value] / sum(counts.values()) for value in found.values]
    assert found.background.tolist() == pytest.approx(expected)
