"""Networks that are given padded sentences ask a GPU for all their work at once, and give what they gave."""

from typing import Any

import numpy as np
import pytest
import torch

from neurolect.model.batching import PaddedBatch
from neurolect.model.language_model import Model
from neurolect.model.options import ModelOptions
from neurolect.model.pooling.receive import on_device
from neurolect.model.ways import unwaited
from neurolect.model.ways.plain import Plain
from neurolect.model.ways.unwaited import Unwaited
from tests.model.families import network_of
from tests.model.networks import TEXTS
from tests.tiny_models import tiny_tokenizer

CUDA: Any = torch.cuda


def model_of(family: str, *, device: str = "cpu") -> Model:
    network: Any = network_of(family)
    options = ModelOptions(packing="off")
    return Model(network.to(device), tiny_tokenizer(), name="n", options=options, max_tokens=64)


def batches_of(model: Model) -> list[PaddedBatch]:
    """One of several lengths, and one whose rows are all as long."""
    tokens = model.tokenize(TEXTS)
    return [model.pad(tokens, np.arange(len(TEXTS))), model.pad(tokens, np.array([3, 3]))]


def states_of(model: Model, batch: PaddedBatch) -> torch.Tensor:
    with torch.inference_mode():
        return model.forward(batch, output_hidden_states=False).last_hidden_state


CPU = torch.device("cpu")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What is sent to a stand-in for a GPU: the processor, where it is named by a device of PyTorch's."""
    found = list[torch.Tensor]()

    def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        found.append(tensor)
        return tensor.clone()

    monkeypatch.setattr(unwaited, "_on_gpu", lambda device: isinstance(device, torch.device))
    monkeypatch.setattr(unwaited, "_sent", send)
    return found


@pytest.mark.parametrize("family", ["MPNet", "Llama", "Bert"])
def test_what_the_host_knows_is_not_asked(family: str, sent: list[torch.Tensor]) -> None:
    answers = list[tuple[int, bool]]()

    class Watched(Unwaited):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = super().__torch_function__(func, types, args, kwargs)
            if func in (torch.Tensor.all, torch.Tensor.sum):
                answers.append((int(made), self._is_mask(args[0])))
            return made

    model = model_of(family)
    some, full = batches_of(model)
    n_some, n_full = int(some.mask.sum()), full.mask.numel()
    assert n_some < some.mask.numel()
    assert (some.n_tokens, full.n_tokens) == (n_some, n_full)
    for batch in (some, full):
        usual = states_of(model, batch)
        with Watched(batch.mask, n_tokens=batch.n_tokens or 0):
            ahead = states_of(model, batch)
        assert torch.equal(ahead, usual)
    expected: list[Any] = [n_some, n_some, n_full] if family == "Llama" else [False, True]
    assert answers == [(each, True) for each in expected]


def test_small_things_of_the_host_are_sent(sent: list[torch.Tensor]) -> None:
    here, large = torch.arange(5), torch.zeros((1 << 20) + 1, dtype=torch.bool)
    with Unwaited(torch.ones(2), n_tokens=2):
        made = [torch.tensor(0.1, device=CPU, dtype=torch.float16), torch.tensor([2, 3], device=CPU), here.to(CPU)]
        assert [each.tolist() for each in sent] == [each.tolist() for each in made]
        assert made[0] == torch.tensor(0.1, dtype=torch.float16)
        assert here.to(torch.float32).dtype == torch.float32
        assert large.to(CPU) is large
        assert torch.tensor([1.5]).tolist() == [1.5]
        assert not torch.tensor([True, False]).all()
    assert len(sent) == 3


def test_a_wrong_answer_would_be_believed() -> None:
    """So that the test above can fail: networks do ask this way."""
    model = model_of("MPNet")
    some, _ = batches_of(model)
    usual = states_of(model, some)
    with Unwaited(some.mask, n_tokens=some.mask.numel()):
        assert not torch.equal(states_of(model, some), usual)


def test_compiled_blocks_and_processors_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    entered = list[bool]()
    monkeypatch.setattr(Unwaited, "__enter__", lambda self: entered.append(True))
    model = model_of("MPNet")
    for batch in batches_of(model):
        Plain().forward(model, batch)
    assert not entered


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.parametrize("family", ["MPNet", "Llama", "Bert"])
def test_a_gpu_is_waited_for_nowhere(family: str) -> None:
    model = model_of(family, device="cuda")
    for batch in batches_of(model):
        there = on_device(batch, model.device)
        assert isinstance(there, PaddedBatch)
        usual = states_of(model, there)
        model.torch_way.forward(model, there)
        CUDA.synchronize()
        try:
            CUDA.set_sync_debug_mode("error")
            with torch.inference_mode():
                ahead = model.torch_way.forward(model, there).last_hidden_state
        finally:
            CUDA.set_sync_debug_mode("default")
        assert torch.equal(ahead, usual)
