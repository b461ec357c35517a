"""Whether kernels written in Triton can run here."""

from functools import cache


@cache
def triton_here() -> bool:
    """Say whether Triton is there and knows this GPU; a PyTorch for GPUs brings it."""
    from torch.utils._triton import has_triton

    return bool(has_triton())
