import numpy as np
import pytest

from neurolect.clustering.average_linkage import Merges
from neurolect.relations.alike import THRESHOLDS, redundancy_table


def test_shares_count_neurons_at_or_above_each_threshold() -> None:
    twins = np.array([0.95, -0.85, 0.55, 0.1], dtype=np.float32)
    inside = np.array([0.4, -0.85, 0.2, 0.1], dtype=np.float32)
    groups = np.array([0, 0, 1, 1], dtype=np.int32)
    merges = Merges(np.zeros((3, 2), np.int32), np.array([0.05, 0.3, 0.9], dtype=np.float32))
    rows = redundancy_table(
        twins, inside, site_layers=[("hidden", 1), ("hidden", 2)], groups=groups, merges=merges
    ).to_pylist()
    assert len(rows) == 3 * len(THRESHOLDS)
    whole = {round(row["threshold"], 2): row for row in rows if row["layer"] is None}
    assert whole[0.8]["share_with_twin"] == 0.5
    assert whole[0.8]["share_with_twin_in_layer"] == 0.25
    assert whole[0.8]["share_redundant"] == 0.25
    assert whole[0.5]["share_redundant"] == 0.5
    second = next(row for row in rows if row["layer"] == 2 and row["threshold"] == pytest.approx(0.5))
    assert (second["n_neurons"], second["share_with_twin"], second["share_redundant"]) == (2, 0.5, None)
