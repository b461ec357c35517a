"""A network that accelerate spread, by offloading here, gives what it gives in one place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.errors import MissingExtraError
from neurolect.model import ModelOptions, load_model
from neurolect.model.architecture.devices import is_spread, main_device
from neurolect.model.language_model import Model
from tests.tiny_models import write_tiny

accelerate = pytest.importorskip("accelerate")
TEXTS = ["The whale was seen from the deck.", "Add two eggs.", "She sailed home in the morning, and nobody came."]
OPTIONS = ModelOptions(sites=("hidden", "mlp"), pooling="max")


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("llama"), family="Llama")


@pytest.mark.parametrize("how", ["memory", "disk"])
def test_weights_that_wait_elsewhere_change_nothing(llama: Path, tmp_path: Path, how: str) -> None:
    usual = load_model(str(llama), options=OPTIONS)
    network: Any = load_model(str(llama), options=OPTIONS).network
    if how == "memory":
        accelerate.cpu_offload(network, execution_device=torch.device("cpu"))
    else:
        accelerate.disk_offload(network, str(tmp_path), execution_device=torch.device("cpu"))
    assert next(network.parameters()).device.type == "meta"
    spread = Model(network, usual.tokenizer, name="spread", options=OPTIONS, max_tokens=usual.max_tokens)
    assert spread.device == main_device(network) == torch.device("cpu")
    assert is_spread(network)
    assert not is_spread(usual.network)
    assert spread.addresses == usual.addresses
    np.testing.assert_array_equal(spread.activations(TEXTS), usual.activations(TEXTS))


def test_a_model_goes_where_there_is_room(llama: Path) -> None:
    spread, usual = (load_model(str(llama), options=OPTIONS, device=device) for device in ("auto", "cpu"))
    np.testing.assert_allclose(spread.activations(TEXTS), usual.activations(TEXTS), atol=1e-2)


def test_accelerate_is_named_where_it_is_missing(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "accelerate", None)
    with pytest.raises(MissingExtraError, match="accelerate"):
        load_model(str(llama), device="auto")
