"""Folders of small sparse autoencoders with random weights, as SAELens and sparsify write them."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

WIDTH, LATENTS = 16, 40
KINDS = ("standard", "jumprelu", "topk", "gated")


def tensors_of(kind: str, *, seed: int = 0, width: int = WIDTH, n: int = LATENTS) -> dict[str, Tensor]:
    """Draw the tensors of a kind of SAELens."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape: int, size: float = 0.3) -> Tensor:
        return size * torch.randn(*shape, generator=random)

    made = {"W_enc": draw(width, n), "W_dec": draw(n, width), "b_dec": draw(width)}
    if kind == "gated":
        return made | {"b_gate": draw(n), "b_mag": draw(n), "r_mag": draw(n)}
    return made | {"b_enc": draw(n)} | ({"threshold": draw(n).abs() + 0.2} if kind == "jumprelu" else {})


def write_sae_lens(
    folder: Path, kind: str = "standard", *, seed: int = 0, width: int = WIDTH, **others: Any
) -> Path:
    """Write a folder as version 6 of SAELens does; ``others`` are more of ``cfg.json``."""
    settings = {"hook_name": "blocks.1.hook_resid_pre", "model_name": "Llama", "prepend_bos": False}
    settings |= {
        name: others.pop(name) for name in [*others] if name in settings or name == "model_from_pretrained_kwargs"
    }
    cfg = {"architecture": kind, "d_in": width, "d_sae": LATENTS, "dtype": "float32", "metadata": settings}
    folder.mkdir(parents=True)
    (folder / "cfg.json").write_text(json.dumps(cfg | ({"k": 5} if kind == "topk" else {}) | others))
    save_file(tensors_of(kind, seed=seed, width=width), folder / "sae_weights.safetensors")
    return folder


def write_sparsify(folder: Path, *, seed: int = 0, **others: Any) -> Path:
    """Write a folder as sparsify does: its name says which module is read."""
    own = tensors_of("topk", seed=seed)
    folder.mkdir(parents=True)
    cfg = {"activation": "topk", "expansion_factor": 32, "num_latents": LATENTS, "k": 5, "d_in": WIDTH}
    (folder / "cfg.json").write_text(json.dumps(cfg | {"transcode": False, "skip_connection": False} | others))
    tensors = {"encoder.weight": own["W_enc"].T.contiguous(), "encoder.bias": own["b_enc"]}
    save_file(tensors | {"W_dec": own["W_dec"], "b_dec": own["b_dec"]}, folder / "sae.safetensors")
    return folder
