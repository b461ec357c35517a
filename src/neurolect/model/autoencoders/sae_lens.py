"""Read what SAELens writes: ``cfg.json`` of version 6 (with ``metadata``) or before (flat), and its tensors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurolect.errors import ModelError
from neurolect.model.autoencoders.autoencoder import KINDS, NORMALISATIONS
from neurolect.model.autoencoders.weights import checked, refuse, whole_number

WEIGHTS = ("sae_weights.safetensors", "sae_weights.pt")
_SCALES = ("scaling_factor", "finetuning_scaling_factor")


def read_sae_lens(cfg: Mapping[str, Any], weights: dict[str, Tensor], *, folder: Path) -> dict[str, Any]:
    """Give the fields of an autoencoder but for names; refuse what would be computed in another way."""
    metadata = cfg.get("metadata")
    settings = {**cfg, **(metadata if isinstance(metadata, dict) else {})}
    kind = _kind(settings, folder)
    _check_the_rest(settings, weights, folder)
    width = whole_number(settings, "d_in", folder=folder)
    n_latents = (
        whole_number(settings, "d_sae", folder=folder) if "d_sae" in settings else len(weights.get("W_dec", ()))
    )
    shapes: dict[str, tuple[int, ...]] = {
        "W_enc": (width, n_latents),
        "W_dec": (n_latents, width),
        "b_dec": (width,),
    }
    own = {"jumprelu": ("b_enc", "threshold"), "gated": ("b_gate", "b_mag", "r_mag")}.get(kind, ("b_enc",))
    shapes |= {name: (n_latents,) for name in own}
    tensors = checked({name: each for name, each in weights.items() if name not in _SCALES}, shapes, folder=folder)
    k = min(_k(settings, folder), n_latents) if kind == "topk" else 0
    return {
        "kind": kind,
        "hook": _hook(settings, folder),
        "trained_on": settings.get("model_name"),
        "prepends": bool(settings.get("prepend_bos", "metadata" not in cfg)),
        "encoder": tensors["W_enc"],
        "decoder": tensors["W_dec"],
        "middle": tensors["b_dec"],
        "bias": tensors["b_gate" if kind == "gated" else "b_enc"],
        "subtracts": bool(settings.get("apply_b_dec_to_input", True)),
        "k": k,
        "by_norm": kind == "topk" and bool(settings.get("rescale_acts_by_decoder_norm", False)),
        "normalisation": _normalisation(settings, folder),
        "centres": bool((settings.get("model_from_pretrained_kwargs") or {}).get("center_writing_weights", False)),
        "threshold": tensors.get("threshold"),
        "magnitude": tensors.get("r_mag"),
        "magnitude_bias": tensors.get("b_mag"),
    }


def _kind(settings: Mapping[str, Any], folder: Path) -> str:
    """Read the architecture; before version 6 the activation function says whether it is top-k."""
    kind = str(settings.get("architecture", "standard"))
    function = settings.get("activation_fn_str") or settings.get("activation_fn") or "relu"
    if kind == "standard" and function == "topk":
        return "topk"
    if kind not in KINDS:
        hint = "SAELens saves batchtopk ones for use as jumprelu: save_inference_model()"
        raise refuse(folder, "architecture", kind, expected=f"one of {', '.join(KINDS)}", hint=hint)
    if function not in ("relu", "topk" if kind == "topk" else "relu"):
        raise refuse(folder, "activation_fn", function, expected="relu or topk")
    return kind


def _k(settings: Mapping[str, Any], folder: Path) -> int:
    inner = settings.get("activation_fn_kwargs")
    k = settings.get("k", inner.get("k") if isinstance(inner, dict) else None)
    return whole_number({"k": k}, "k", folder=folder)


def _hook(settings: Mapping[str, Any], folder: Path) -> str:
    hook = settings.get("hook_name", settings.get("hook_point"))
    if not isinstance(hook, str) or not hook:
        raise refuse(folder, "hook_name", hook, expected="where it reads, e.g. blocks.8.hook_resid_post")
    if settings.get("reshape_activations", "none") not in ("none", None) and not hook.endswith("hook_z"):
        raise refuse(
            folder, "reshape_activations", settings["reshape_activations"], expected="none, or hook_z there"
        )
    if hook.endswith("hook_z") and (settings.get("model_from_pretrained_kwargs") or {}).get("fold_value_biases"):
        expected = "a model whose value biases stay where they are"
        raise refuse(folder, "fold_value_biases", True, expected=expected)
    return hook


def _normalisation(settings: Mapping[str, Any], folder: Path) -> str:
    given = settings.get("normalize_activations")
    given = {True: "expected_average_only_in", False: "none", None: "none"}.get(given, given)
    if given not in NORMALISATIONS:
        folded = "its factor is not in the file: fold it into the weights (fold_activation_norm_scaling_factor)"
        hint = folded if given == "expected_average_only_in" else None
        expected = f"one of {', '.join(NORMALISATIONS)}"
        raise refuse(folder, "normalize_activations", given, expected=expected, hint=hint)
    return str(given)


def _check_the_rest(settings: Mapping[str, Any], weights: Mapping[str, Tensor], folder: Path) -> None:
    """Refuse one head of several, and a decoder that is scaled by numbers of its own."""
    if settings.get("hook_head_index") is not None:
        raise refuse(folder, "hook_head_index", settings["hook_head_index"], expected="one that reads all heads")
    for name in _SCALES:
        if name in weights and not torch.allclose(weights[name].float(), torch.ones(())):
            what = (
                f"The sparse autoencoder {str(folder)!r} scales its latents by {name}, which is not applied here."
            )
            raise ModelError(
                what, expected="weights without it", hint="multiply the rows of W_dec by it and drop it"
            )
