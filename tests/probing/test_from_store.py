"""Probes and rankings read the store of activations as it is, words and pairs of words."""

from pathlib import Path

import numpy as np
import pytest

from neurolect.probing import (
    ActivationsOptions,
    LinearOptions,
    choose_greedily,
    detect,
    fit_linear,
    read_activations,
    table_of,
)
from neurolect.probing.class_moments import class_moments
from neurolect.probing.rankings.lca import join_parts, lca_order
from neurolect.probing.rankings.means import probeless
from neurolect.probing.rankings.thresholds import average_precision
from tests.model.networks import tiny_model
from tests.probing.activations.test_read_activations import FEW
from tests.probing.treebanks import write_treebank


@pytest.mark.parametrize("concept", ["tags", "arcs"])
def test_a_store_is_ranked_by_several_methods(concept: str, tmp_path: Path) -> None:
    write_treebank(tmp_path / "treebank.jsonl")
    store = read_activations(
        tiny_model("Bert"),
        tmp_path / "treebank.jsonl",
        out=tmp_path / "acts",
        concept=concept,
        options=ActivationsOptions(**FEW),
    )
    train, dev, classes = store.rows_of("train"), store.rows_of("dev"), store.classes
    probe = fit_linear(store, store.labels, chosen=train, classes=classes, options=LinearOptions(gap=0.01))
    assert probe.fit.ended_by == "gap"
    share = np.bincount(store.labels[train]).max() / len(train)
    assert probe.accuracy(store, store.labels, train) > share
    moments = class_moments(store, store.labels, train, n_classes=len(classes))
    greedy = choose_greedily(store, store.labels, train=train, dev=dev, n_picks=3, classes=classes)
    found = detect(store, store.labels, chosen=train, classes=classes)
    n = store.n_neurons // store.n_parts
    rankings = {
        "lca": lca_order(join_parts(probe.weights, n_parts=store.n_parts)),
        "probeless": probeless(moments).join_parts(store.n_parts),
        "average-precision": average_precision(found).join_parts(store.n_parts),
    }
    assert len(greedy.order()) == store.n_neurons
    for method, ranked in rankings.items():
        table = table_of(ranked, addresses=store.addresses[:n], rests_on=["store"], method=method, classes=classes)
        assert sorted(table.column("address").to_pylist()) == sorted(store.addresses[:n])
        assert table.column("score").null_count == 0
