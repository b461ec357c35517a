"""Let a network ask a GPU for its work without waiting for answers that the host knows already.

Hugging Face's networks wait two or three times before their first block: they ask whether a mask masks anything,
and copy small things that they make on the host. A host that waits cannot ask ahead, and the GPU waits for it then.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_MOST = 1 << 20
"""Elements of what is copied without waiting; weights that accelerate brings along are not meant."""
_FUNCTIONS: Any = torch.Tensor
_TO, _PART = _FUNCTIONS.to, _FUNCTIONS.__getitem__
_ALL, _SUM = (_FUNCTIONS.all, torch.all), (_FUNCTIONS.sum, torch.sum)


class Unwaited(TorchFunctionMode):
    """What PyTorch gives inside the ``with`` is the same; some of it is there without waiting for the device.

    ``mask``: Integers, 1 at tokens, 0 at padding, on a GPU.
    ``n_tokens``: How often it is 1.
    """

    def __init__(self, mask: Tensor, *, n_tokens: int) -> None:
        super().__init__()
        self._masks, self._n_tokens = [mask], n_tokens

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Call a function of PyTorch's, or give what it would."""
        named = kwargs or {}
        if func is _TO:
            return self._moved(args, named)
        if len(args) == 1 and not named and func in (*_ALL, *_SUM) and self._is_mask(args[0]):
            return torch.tensor(self._n_tokens if func in _SUM else self._n_tokens == args[0].numel())
        if func is torch.tensor and _on_gpu(named.get("device")):
            return _sent(func(*args, **{**named, "device": "cpu"}), named["device"])
        made = func(*args, **named)
        if func is _PART and self._is_mask(args[0]) and made.is_set_to(args[0]):
            self._masks.append(made)  # all of it
        return made

    def _is_mask(self, tensor: Tensor) -> bool:
        return any(tensor is each for each in self._masks)

    def _moved(self, args: tuple[Any, ...], named: Mapping[str, Any]) -> Tensor:
        tensor: Tensor = args[0]
        if not tensor.is_cuda and len(args) == 2 and not named and _on_gpu(args[1]) and tensor.numel() <= _MOST:
            return _sent(tensor, args[1])
        made: Tensor = _TO(*args, **named)
        if self._is_mask(tensor) and not made.is_floating_point():
            self._masks.append(made)
        return made


def _on_gpu(device: object) -> bool:
    return isinstance(device, str | torch.device) and torch.device(device).type == "cuda"


def _sent(tensor: Tensor, device: torch.device | str) -> Tensor:
    """Copy a tensor of the host's through pinned memory, which need not be waited for."""
    return tensor.pin_memory().to(device, non_blocking=True)
