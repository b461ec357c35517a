"""Whether kernels written in Triton can run here."""

from functools import cache

__all__ = ["triton_here"]


@cache
def triton_here() -> bool:
    """Say whether Triton is there and knows this GPU; a PyTorch for GPUs brings it.

    Returns
    -------
    bool
        False on hosts without a GPU.
    """
    from torch.utils._triton import has_triton

    return bool(has_triton())
