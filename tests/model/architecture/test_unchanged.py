"""A network is put back as it was, whatever it does while it runs."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurolect.model.architecture.unchanged import put_back


class Restless(nn.Module):
    """Does all that networks do to themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.other = nn.Linear(2, 2), nn.Linear(2, 2)
        self.register_buffer("table", torch.arange(4.0))
        self.cache: dict[str, int] = {"a": 1}
        self.seen: list[int] = []
        self.plain = torch.ones(3)
        self.kind = "sparse"
        self.requires_grad_(False)

    def forward(self) -> Tensor:
        self.kind, self.inner, self.new = "full", self.other, 1
        self.table: Tensor
        self.table += 1
        self.register_buffer("another", torch.zeros(1))
        self.cache["b"] = 2
        self.seen.append(1)
        self.plain.zero_()
        self.train()
        random.random()
        np.random.rand()
        return torch.rand(1)


def test_everything_is_put_back() -> None:
    network = Restless()
    inner, table = network.inner, network.table
    dice = (torch.random.get_rng_state(), str(np.random.get_state()), random.getstate())
    network.eval()
    with put_back(network), torch.inference_mode():
        network()
    assert (network.kind, network.inner, network.table) == ("sparse", inner, table)
    assert table.tolist() == [0, 1, 2, 3]
    assert network.plain.tolist() == [1, 1, 1]
    assert (network.cache, network.seen, network.training, inner.training) == ({"a": 1}, [], False, False)
    assert not hasattr(network, "new")
    assert [name for name, _ in network.named_buffers()] == ["table"]
    assert torch.equal(torch.random.get_rng_state(), dice[0])
    assert (str(np.random.get_state()), random.getstate()) == dice[1:]


def test_after_a_failure_as_well() -> None:
    network = Restless()

    def fail(module: nn.Module, args: object, out: Tensor) -> None:
        raise KeyError

    network.register_forward_hook(fail)
    with pytest.raises(KeyError), put_back(network):
        network()
    assert network.kind == "sparse"


def test_what_changes_its_weights_stays_as_it_made_itself() -> None:
    network = Restless()

    def rescale(module: Any, args: object) -> None:
        module.inner.weight.div_(2)

    network.register_forward_pre_hook(rescale)
    weight = network.inner.weight.clone()
    before = torch.random.get_rng_state()
    with put_back(network), torch.inference_mode():
        network()
    assert (network.kind, network.table.tolist()) == ("full", [1, 2, 3, 4])
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not torch.equal(network.inner.weight, weight)
