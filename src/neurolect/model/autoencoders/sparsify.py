"""Read what EleutherAI's sparsify writes: a folder called by the module that it reads, and its tensors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from neurolect.model.autoencoders.weights import checked, refuse, whole_number

WEIGHTS = ("sae.safetensors", "sae.pt")
_PLAIN = {"activation": "topk", "transcode": False, "skip_connection": False, "signed": False}
"""What each setting must be, if it is there."""


def read_sparsify(cfg: Mapping[str, Any], weights: dict[str, Tensor], *, folder: Path) -> dict[str, Any]:
    """Give the fields of an autoencoder but for names; refuse what would be computed in another way."""
    for name, plain in _PLAIN.items():
        if cfg.get(name, plain) != plain:
            raise refuse(folder, name, cfg[name], expected=f"{plain!r}: top-k of states, not of a module's input")
    width = whole_number(cfg, "d_in", folder=folder)
    n_latents = int(cfg.get("num_latents") or 0) or width * whole_number(cfg, "expansion_factor", folder=folder)
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.weight": (n_latents, width),
        "encoder.bias": (n_latents,),
        "W_dec": (n_latents, width),
        "b_dec": (width,),
    }
    tensors = checked(weights, shapes, folder=folder)
    return {
        "kind": "topk",
        "hook": str(cfg.get("hookpoint") or folder.resolve().name),
        "trained_on": None,
        "prepends": False,
        "encoder": tensors["encoder.weight"].T.contiguous(),
        "bias": tensors["encoder.bias"],
        "decoder": tensors["W_dec"],
        "middle": tensors["b_dec"],
        "k": min(whole_number(cfg, "k", folder=folder), n_latents),
    }
