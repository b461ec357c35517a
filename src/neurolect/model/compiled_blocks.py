"""Compile a network's blocks, each by itself, so that what is read between them stays readable."""

import torch
from torch import nn

from neurolect.model.structure import find_blocks, n_layers_of

__all__ = ["compile_blocks"]


def compile_blocks(network: nn.Module) -> bool:
    """Compile every block for batches of any size.

    All blocks share one compiled function, so the first batch waits for one block only.

    Parameters
    ----------
    network : nn.Module
        Its blocks' ``forward`` is replaced.

    Returns
    -------
    bool
        False where the network has no list of blocks.
    """
    blocks = find_blocks(network, n_layers=n_layers_of(network))
    if blocks is None:
        return False
    # 12 layers differ in nothing but their weights and a few attributes; they must not use up the compiler's
    # limit of variants.
    torch._dynamo.config.cache_size_limit = max(torch._dynamo.config.cache_size_limit, 4 * len(blocks))
    for block in blocks:
        block.forward = torch.compile(block.forward, dynamic=True)
    return True
