"""Copies between host and device that neither side waits for."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class OnItsWay:
    """A copy of a tensor on its way to the host; what the device is asked to do later does not change it."""

    def __init__(self, tensor: Tensor) -> None:
        self._event: Any = None
        if tensor.is_cuda:
            self._copy = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._copy.copy_(tensor, non_blocking=True)
            event: Any = torch.cuda.Event
            self._event = event()
            self._event.record(torch.cuda.current_stream(tensor.device))
        else:
            self._copy = tensor.detach().clone()

    def array(self) -> NDArray[Any]:
        """Wait until it is there.

        Returns: Same shape and dtype.
        """
        if self._event is not None:
            self._event.synchronize()
            self._event = None
        there: NDArray[Any] = self._copy.numpy()
        return there


def to_device(array: NDArray[np.generic], device: torch.device) -> Tensor:
    """Copy an array to a device, through pinned memory where that lets the host go on at once."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def in_stream_of_here(device: torch.device) -> Callable[[], AbstractContextManager[Any]]:
    """Give what lets another thread ask a device for work in the stream that this thread asks in.

    A stream is a thread's own: another thread would read what this one's stream has yet to write.
    """
    if device.type != "cuda":
        return nullcontext
    cuda: Any = torch.cuda
    return partial(cuda.stream, cuda.current_stream(device))
