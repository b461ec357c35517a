"""Sparse autoencoders number by number, in float64, from the tensors as their files have them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.floating]]


def latents_of(state: NDArray[np.floating], cfg: Mapping[str, Any], tensors: Tensors) -> list[float]:
    """Give the latents of one state by a SAELens or sparsify file."""
    x = [float(each) for each in state]
    if (cfg.get("model_from_pretrained_kwargs") or {}).get("center_writing_weights"):
        x = [each - sum(x) / len(x) for each in x]
    if cfg.get("normalize_activations") == "layer_norm":
        mean = sum(x) / len(x)
        deviation = math.sqrt(sum((each - mean) ** 2 for each in x) / (len(x) - 1))
        x = [(each - mean) / (deviation + 1e-5) for each in x]
    if cfg.get("normalize_activations") == "constant_norm_rescale":
        length = math.sqrt(sum(each**2 for each in x))
        x = [each * math.sqrt(len(x)) / length for each in x]
    if cfg.get("apply_b_dec_to_input", True):
        x = [each - float(middle) for each, middle in zip(x, tensors["b_dec"], strict=True)]
    if "encoder.weight" in tensors:
        columns, bias = tensors["encoder.weight"], tensors["encoder.bias"]
    else:
        columns, bias = tensors["W_enc"].T, tensors["b_gate" if "b_gate" in tensors else "b_enc"]
    raw = [sum(a * float(b) for a, b in zip(x, column, strict=True)) for column in columns]
    before = [value + float(own) for value, own in zip(raw, bias, strict=True)]
    if "r_mag" in tensors:
        return [
            max(0.0, value * math.exp(scale) + own) if gate > 0 else 0.0
            for value, gate, scale, own in zip(raw, before, tensors["r_mag"], tensors["b_mag"], strict=True)
        ]
    if cfg.get("rescale_acts_by_decoder_norm"):
        before = [value * math.sqrt(sum(row**2)) for value, row in zip(before, tensors["W_dec"], strict=True)]
    if "k" in cfg:
        kept = sorted(range(len(before)), key=lambda number: -before[number])[: cfg["k"]]
        return [max(0.0, value) if number in kept else 0.0 for number, value in enumerate(before)]
    least = tensors.get("threshold", np.zeros(len(before)))
    return [value if value > max(0.0, float(own)) else 0.0 for value, own in zip(before, least, strict=True)]
