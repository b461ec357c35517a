"""Where a network runs that accelerate spread over several devices, or over a device, memory and disk."""

from typing import Any

import torch
from torch import nn

SPREAD = "auto"
"""The device of a network whose blocks go where there is room."""


def main_device(network: nn.Module) -> torch.device:
    """Give the device that a network's input goes to: of a spread one that of its first module with a place.

    Weights that wait in memory or on disk for their turn have no device of their own.
    """
    for module in network.modules():
        hook: Any = getattr(module, "_hf_hook", None)
        for each in getattr(hook, "hooks", (hook,)):
            if getattr(each, "execution_device", None) is not None:
                return torch.device(each.execution_device)
    return next(network.parameters()).device


def is_spread(network: nn.Module) -> bool:
    """Say whether accelerate brings weights and states together, module by module."""
    return any(hasattr(module, "_hf_hook") for module in network.modules())
