import numpy as np
import pytest

from neurolect.relations.same_index import layers_of_site, rank_correlations
from neurolect.results import numbers
from neurolect.store import Run


def test_a_row_a_number_and_side(related: Run) -> None:
    rows = {(row["number"], row["side"]): row for row in related.table("relations/same_index").to_pylist()}
    assert ("field=domain", "top") in rows
    values = numbers(related, "length").values
    layers = layers_of_site(related.manifest["model"]["sites"], values, site="hidden")
    assert layers is not None
    assert rows["length", "top"]["correlation"] == pytest.approx(rank_correlations(layers)[0, 1])
    assert rows["length", "top"]["n_indices"] == 8


def test_layers_of_other_sites_and_widths_are_distinguished() -> None:
    sites = [
        {"site": "mlp", "layer": 1, "width": 2},
        {"site": "hidden", "layer": 1, "width": 3},
        {"site": "hidden", "layer": 2, "width": 3},
        {"site": "mlp", "layer": 2, "width": 1},
    ]
    found = layers_of_site(sites, np.arange(9.0), site="hidden")
    assert found is not None
    assert found.tolist() == [[2, 3, 4], [5, 6, 7]]
    assert layers_of_site(sites, np.arange(9.0), site="mlp") is None
    assert layers_of_site(sites, np.arange(9.0), site="attn") is None
