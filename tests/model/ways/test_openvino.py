"""OpenVINO gives what PyTorch gives, within rounding, and never more than that silently."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.errors import MissingExtraError, ModelError
from neurolect.model.language_model import Model
from neurolect.model.options import ModelOptions
from neurolect.model.trials import openvino
from neurolect.model.trials.choose import way_at_load
from neurolect.model.trials.openvino import TOLERANCE
from neurolect.model.ways.openvino import OpenVino
from neurolect.model.ways.packed import Packed
from tests.model.networks import TEXTS, tiny_model
from tests.tiny_models import tiny_network, tiny_tokenizer

needs_openvino = pytest.mark.skipif(not openvino.BACKEND.there(), reason="needs the extra openvino")
ALL = np.arange(len(TEXTS))
EVERY_SITE = ("hidden", "mlp", "attn", "head")


def new_model(**options: Any) -> Model:
    """Make a model that no other test has."""
    chosen = ModelOptions(backend="torch", **options)
    return Model(tiny_network("Bert"), tiny_tokenizer(), name="Bert", options=chosen, max_tokens=64)


def set_up(model: Model) -> None:
    made = openvino.attempt(model)
    assert isinstance(made, OpenVino)
    model.way = made


def both_ways(family: str, options: ModelOptions) -> tuple[Any, Any, Model]:
    model = tiny_model(family, options)
    batch = model.pad(model.tokenize(TEXTS), ALL)
    ours = model.read(batch)
    set_up(model)
    return ours, model.read(batch), model


@needs_openvino
@pytest.mark.parametrize(("family", "pooling"), [("Bert", "mean"), ("MPNet", "max"), ("GPT2", "last")])
def test_activations_equal_those_of_pytorch(family: str, pooling: str) -> None:
    ours, theirs, _ = both_ways(family, ModelOptions(pooling=pooling, sites=EVERY_SITE, backend="torch"))
    largest = np.abs(ours.values).max()
    np.testing.assert_allclose(theirs.values, ours.values, rtol=0, atol=TOLERANCE["float32"] / 10 * largest)
    assert theirs.values.dtype == np.float32
    if pooling == "max":
        # where two tokens tie but for rounding either may win
        assert (theirs.tokens == ours.tokens).mean() > 0.99


@needs_openvino
def test_what_a_batch_gives_does_not_depend_on_the_batches_before() -> None:
    _, _, model = both_ways("Bert", ModelOptions(backend="torch"))
    tokens = model.tokenize(TEXTS)
    first = model.read(model.pad(tokens, ALL)).values
    for row in range(len(TEXTS)):
        model.read(model.pad(tokens, ALL[row : row + 1]))
    assert np.array_equal(model.read(model.pad(tokens, ALL)).values, first)


@needs_openvino
@pytest.mark.parametrize(("pooling", "bad"), [("mean", float("inf")), ("max", float("nan"))])
def test_activations_that_are_not_finite_are_seen(
    pooling: str, bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = new_model(pooling=pooling, layers=(1,))
    with torch.no_grad():
        model.network.get_parameter("encoder.layer.0.output.LayerNorm.bias")[3] = bad
    assert "gives other activations" in str(openvino.attempt(model))
    monkeypatch.setattr(openvino, "_difference", lambda model, way, lengths: 0.0)
    set_up(model)
    values = model.read(model.pad(model.tokenize(TEXTS), ALL)).values
    assert not np.isfinite(values[:, 3]).any()
    assert np.isfinite(np.delete(values, 3, axis=1)).all()


@needs_openvino
def test_a_half_precision_network_is_refused() -> None:
    model = new_model()
    model.dtype = "float16"
    assert openvino.attempt(model) == "model.dtype is float16, not float32 or bfloat16"
    model.dtype, model.options = "float32", replace(model.options, backend="openvino")
    with pytest.raises(ModelError, match="backend is 'openvino', and sentences are packed"):
        way_at_load(model, Packed(model.body))


@needs_openvino
def test_an_operation_openvino_lacks_is_named() -> None:
    with pytest.raises(ModelError, match=r"does not run there \(No conversion rule"):
        tiny_model("Mixtral", ModelOptions(backend="openvino"))


def test_without_the_extra_the_install_line_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    model = new_model()
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match='pip install "openvino>='):
        openvino.attempt(model)


@needs_openvino
def test_nothing_is_reported_to_the_makers_of_openvino() -> None:
    both_ways("Bert", ModelOptions(backend="torch"))
    assert "openvino_telemetry" not in sys.modules


@needs_openvino
def test_it_computes_with_as_many_threads_as_pytorch() -> None:
    model = tiny_model("Bert", ModelOptions(backend="torch"))
    batch = model.pad(model.tokenize(TEXTS), ALL)
    usual = torch.get_num_threads()
    set_up(model)
    before = model.read(batch).values
    try:
        torch.set_num_threads(usual + 1)
        after = model.read(batch).values
    finally:
        torch.set_num_threads(usual)
    assert isinstance(model.way, OpenVino)
    assert model.way.n_threads == usual + 1
    np.testing.assert_allclose(after, before, atol=1e-5)


@needs_openvino
def test_signals_still_arrive_when_models_have_come_and_gone() -> None:
    script = """
import faulthandler, gc, os, signal
faulthandler.enable()
import numpy as np
from tests.model.ways.test_openvino import new_model, set_up

models = [new_model() for _ in range(3)]
for model in models:
    set_up(model)
    model.read(model.pad(model.tokenize(["a dog"]), np.arange(1)))
del model
while models:
    del models[0]
    gc.collect()
heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
os.kill(os.getpid(), signal.SIGTERM)
print(heard)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[1]\n"), done.stderr
