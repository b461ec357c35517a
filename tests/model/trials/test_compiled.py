"""Compiled blocks: they change nothing, and stay as they are where they would."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.model import Model, ModelOptions, load_model
from neurolect.model.trials import compiled
from neurolect.model.ways.plain import Compiled
from tests.tiny_models import write_tiny

BUDGET = 512
"""Model tokens of the trial's batches here."""


def loaded(folder: Path, **options: Any) -> Model:
    return load_model(str(folder), options=ModelOptions(**options))


def some_activations(model: Model) -> np.ndarray[Any, np.dtype[np.float32]]:
    tokens = model.tokenize(["the cat sat on the mat", "a dog", "one more sentence of some words"])
    make = model.batch
    return model.read(make(tokens, np.arange(3))).values


def attempted(model: Model) -> Compiled | str:
    return compiled.attempt(model, model.torch_way, token_budget=BUDGET)


def compiled_way(model: Model) -> Compiled:
    made = attempted(model)
    assert isinstance(made, Compiled)
    return made


def compiled_by(monkeypatch: pytest.MonkeyPatch, make: Callable[..., Any]) -> None:
    monkeypatch.setattr(torch, "compile", make)


usual = torch.compile


def by_tracing(forward: Any, **options: Any) -> Any:
    """Trace as the real one does, and run the trace in PyTorch."""
    return usual(forward, backend="eager", **options)


MORE = (("Bert", "on"), ("Bert", "off"), ("GPT2", "off"))


@pytest.mark.parametrize(
    ("family", "packing"),
    [
        ("MPNet", "off"),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in MORE),
    ],
)
def test_activations_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, packing: str
) -> None:
    n_layers = 2 if packing == "on" else 1  # tracing takes long
    model = loaded(write_tiny(tmp_path, family=family, n_layers=n_layers), packing=packing)
    before = some_activations(model)
    compiled_by(monkeypatch, by_tracing)
    model.way = compiled_way(model)
    assert model.way.compiled
    np.testing.assert_allclose(some_activations(model), before, atol=1e-6)


def test_blocks_stay_as_they_are_where_they_would_give_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded(write_tiny(tmp_path, family="Bert"))
    before = some_activations(model)

    def wrong(forward: Any, **_: Any) -> Any:
        def run(states: torch.Tensor, *args: Any, **keywords: Any) -> Any:
            return forward(states * 1.1, *args, **keywords)

        return run

    compiled_by(monkeypatch, wrong)
    assert "gives other activations once compiled" in str(attempted(model))
    np.testing.assert_array_equal(some_activations(model), before)


def test_blocks_stay_as_they_are_where_they_cannot_be_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded(write_tiny(tmp_path, family="Bert"))
    before = some_activations(model)

    def refusing(_: Any, **__: Any) -> Any:
        def run(*_: Any, **__: Any) -> Any:
            msg = "no compiler was found"
            raise RuntimeError(msg)

        return run

    compiled_by(monkeypatch, refusing)
    why_not = attempted(model)
    assert why_not == "a BertModel cannot be compiled here (no compiler was found)"
    np.testing.assert_array_equal(some_activations(model), before)


def test_what_is_read_inside_of_blocks_is_not_compiled_away(tmp_path: Path) -> None:
    model = loaded(write_tiny(tmp_path, family="Bert"), sites=("mlp",))
    assert attempted(model) == "activations are read inside of blocks"
