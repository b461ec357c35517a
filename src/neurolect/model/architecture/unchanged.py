"""Put a network back as it was before it ran: some change their buffers, settings or weights while they run.

BigBird takes another attention for good once it has read a short sentence, rotary embeddings keep what they made
for a long one, and some networks seed the random numbers of the whole process.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@contextmanager
def put_back(network: nn.Module) -> Iterator[None]:
    """Leave a network and all random numbers as they were, whatever it does inside the ``with``.

    Attributes, submodules, buffers and configuration are kept by value, weights are watched by their version.
    Where a network changes its weights, as RWKV does when it first runs, it stays as it made itself: any pass would
    do so.
    """
    weights = [(each, _version(each)) for each in network.parameters()]
    kept = [_Kept(vars(each)) for each in _owners(network)]
    tensors = [_KeptTensor(each) for each in _other_tensors(network)]
    dice = _Dice(network)
    try:
        yield
    finally:
        dice.put_back()
        if all(_version(each) == version for each, version in weights):
            for each in kept:
                each.put_back()
            for tensor in tensors:
                tensor.put_back()


def _owners(network: nn.Module) -> list[Any]:
    """Give all modules, and the configurations that they hold."""
    found: dict[int, Any] = {id(each): each for each in network.modules()}
    waiting = [getattr(each, "config", None) for each in network.modules()]
    while waiting:
        config = waiting.pop()
        if hasattr(config, "to_dict") and id(config) not in found:
            found[id(config)] = config
            waiting += vars(config).values()
    return list(found.values())


def _other_tensors(network: nn.Module) -> list[Tensor]:
    """Give buffers, and tensors that modules hold as plain attributes."""
    found = {id(each): each for each in network.buffers()}
    for module in network.modules():
        found |= {id(each): each for each in vars(module).values() if isinstance(each, Tensor)}
    return list(found.values())


def _version(tensor: Tensor) -> int:
    """Tell how often a tensor was written to."""
    return 0 if tensor.is_inference() else tensor._version


class _Kept:
    """The attributes of an object, and what the containers among them hold."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self._there, self._attributes = attributes, dict(attributes)
        self._containers: list[tuple[Any, Any]] = [
            (each, each.copy()) for each in attributes.values() if isinstance(each, dict | list | set)
        ]

    def put_back(self) -> None:
        if _differ(self._there, self._attributes):
            self._there.clear()
            self._there.update(self._attributes)
        for now, then in self._containers:
            if isinstance(now, list):
                now[:] = then
            elif isinstance(now, set) or _differ(now, then):
                now.clear()
                now.update(then)


def _differ(now: dict[Any, Any], then: dict[Any, Any]) -> bool:
    """Say whether two dictionaries hold other objects, or in another order."""
    same = list(now) == list(then)
    return not same or any(now[key] is not value for key, value in then.items())


class _KeptTensor:
    """The values of a tensor."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor, self._values, self._version = tensor, tensor.detach().clone(), _version(tensor)

    def put_back(self) -> None:
        if self._tensor.is_inference() or _version(self._tensor) != self._version:
            with torch.inference_mode(self._tensor.is_inference()), torch.no_grad():
                self._tensor.copy_(self._values)


class _Dice:
    """The state of every source of random numbers."""

    def __init__(self, network: nn.Module) -> None:
        devices = {each.device for each in network.parameters() if each.is_cuda}
        self._torch = torch.random.get_rng_state()
        self._cuda = [(each, torch.cuda.get_rng_state(each)) for each in devices]
        self._numpy, self._python = np.random.get_state(), random.getstate()

    def put_back(self) -> None:
        torch.random.set_rng_state(self._torch)
        for device, state in self._cuda:
            torch.cuda.set_rng_state(state, device)
        np.random.set_state(self._numpy)
        random.setstate(self._python)
