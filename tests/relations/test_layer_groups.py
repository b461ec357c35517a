"""One layer's neurons are grouped and mapped by themselves, over one set of sentences."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from neurolect.clustering.k_means import k_means
from neurolect.errors import OptionError
from neurolect.relations import relate
from neurolect.relations.inputs import standardised
from neurolect.store import Run
from neurolect.views import plot
from tests.relations.related_run import QUICK


@pytest.mark.parametrize("responses", ["standard", "raw"])
def test_groups_are_those_of_the_layers_own_responses(related: Run, tmp_path: Path, responses: str) -> None:
    run = Run(shutil.copytree(related.folder, tmp_path / "run"))
    options = dataclasses.replace(
        QUICK, group_layers=(2,), group_sentences=100, group_responses=responses, response_groups=3
    )
    run = relate(run, options=options)
    table = run.table("relations/layer_groups")
    assert set(table.column("layer").to_pylist()) == {2}
    assert set(table.column("n_sentences").to_pylist()) == {100}
    neurons = table.column("neuron_id").to_numpy()
    assert neurons.min() >= 8
    held = np.asarray(run.array("sample/activations"), dtype=np.float32)
    chosen = np.sort(np.random.default_rng([0, 11]).choice(held.shape[1], size=100, replace=False))
    values = held[neurons][:, chosen]
    points = standardised(values) if responses == "standard" else values
    expected = k_means(np.ascontiguousarray(points), k=3, seed=0, n_starts=10, n_iterations=50).labels
    assert table.column("group").to_pylist() == expected.tolist()
    plot(run, "groups", layer=2, out=tmp_path / "groups.html")
    drawn = (tmp_path / "groups.html").read_text()
    assert "Neurons of layer 2 by their responses" in drawn
    assert "the same 100 sentences" in drawn


def test_the_middle_layer_is_grouped_when_none_is_named(related: Run) -> None:
    table = related.table("relations/layer_groups")
    assert set(table.column("layer").to_pylist()) == {1}
    assert 7 not in table.column("neuron_id").to_pylist()  # it does not vary


def test_a_layer_that_is_not_there(related: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(related.folder, tmp_path / "run"))
    with pytest.raises(OptionError, match=r"names the layer 9, which(.|\n)*of 1, 2"):
        relate(run, options=dataclasses.replace(QUICK, group_layers=(2, 9)))
