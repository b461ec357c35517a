import numpy as np

from neurolect.comparison.fates import fates_of


def test_what_became_of_neurons() -> None:
    fates = fates_of(
        same=np.array([0.6, -0.9, 0.1, 0.1, np.nan, 0.2], dtype=np.float32),
        best=np.array([0.95, -0.9, 0.7, -0.7, 0.8, 0.49], dtype=np.float32),
        layers=np.array([1, 1, 1, 1, 1, 1]),
        best_layers=np.array([2, 1, 1, 2, 2, 1]),
        match=0.5,
        gone="vanished",
    )
    moved = ["moved within the layer", "moved to another layer", "moved to another layer"]
    assert fates == ["kept", "kept", *moved, "vanished"]
