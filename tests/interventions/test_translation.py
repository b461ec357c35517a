"""Translated neurons move by the difference of class means, less and less down the ranking."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.errors import OptionError
from neurolect.interventions import edit, translation
from neurolect.probing import rank_activations
from tests.model.networks import TEXTS, tiny_model
from tests.probing.stores import example_store


def test_words_of_a_class_have_the_means_of_another(tmp_path: Path) -> None:
    store = example_store(tmp_path, dtype="float32")
    source, target = store.classes[:2]
    ranking = rank_activations(store, by="probeless")
    changes: Any = translation(store, ranking, 3, source=source, target=target, strength=2.0)
    first = ranking.column("address").to_pylist()[:3]
    assert list(changes) == first
    train = store.rows_of("train")
    values = np.concatenate([block for _, block in store.blocks(train)])
    means = [values[store.labels[train] == code].mean(axis=0) for code in (0, 1)]
    for address, factor in zip(first, (2.0, np.sqrt(2.0 * 1e-3), 1e-3), strict=True):
        place = store.addresses.index(address)
        assert changes[address][0] == "add"
        assert changes[address][1] == pytest.approx(factor * (means[1] - means[0])[place], rel=1e-3, abs=1e-6)
    one = translation(store, ranking, 1, source=source, target=target, strength=1.0)
    model = tiny_model("Bert")
    before = model.activations(TEXTS)
    with edit(model, one), torch.no_grad():
        after = model.activations(TEXTS)
    assert not np.allclose(before, after)


def test_what_cannot_be_translated_is_refused(tmp_path: Path) -> None:
    store = example_store(tmp_path)
    classes: dict[str, Any]
    ranking, classes = (
        rank_activations(store, by="random"),
        {"source": store.classes[0], "target": store.classes[1]},
    )
    with pytest.raises(OptionError, match=r"There is no class 'nothing'"):
        translation(store, ranking, 2, source="nothing", target=store.classes[0])
    for strength in (0, np.inf):
        with pytest.raises(OptionError, match=rf"strength of a translation is {strength}"):
            translation(store, ranking, 2, **classes, strength=strength)
    with pytest.raises(OptionError, match="to itself"):
        translation(store, ranking, 2, source=store.classes[0], target=store.classes[0])
    other = ranking.set_column(1, "address", [[f"mlp.1.{each}" for each in range(len(ranking))]])
    with pytest.raises(OptionError, match=r"have no neuron mlp\.1\.0 \(2 of 2 are missing\)"):
        translation(store, other, 2, **classes)
    with pytest.raises(OptionError, match=r"The units are pairs of words"):
        translation(example_store(tmp_path / "pairs", concept="arcs"), ranking, 2, **classes)
