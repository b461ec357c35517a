"""Read an autoencoder's tensors, and refuse what is missing, too many, of another shape or not finite."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from neurolect.errors import ModelError


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors; a pickle may hold nothing else."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            what = f"{path} cannot be read: {str(error).splitlines()[0]}."
            raise ModelError(what, expected="a file of safetensors", hint="copy it again") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle's protocol: what cannot be read is refused
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        what = f"{path} is a pickle that is damaged or holds more than tensors, which could run any code."
        raise ModelError(what, expected="tensors by name", hint="save it as safetensors") from error
    if not isinstance(found, dict) or not all(isinstance(each, Tensor) for each in found.values()):
        what = f"{path} holds a {type(found).__name__} of other things than tensors."
        raise ModelError(what, expected="tensors by name", hint="save its state_dict()")
    return {str(name): each for name, each in found.items()}


def checked(
    weights: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], *, folder: Path
) -> dict[str, Tensor]:
    """Give the tensors that an architecture has, in float32, once they are all there and as they should be."""
    missing, others = sorted(shapes.keys() - weights.keys()), sorted(weights.keys() - shapes.keys())
    if missing or others:
        lacks = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(others)}, too"
        what = f"The sparse autoencoder {str(folder)!r} {lacks}; found: {', '.join(sorted(weights)) or 'nothing'}."
        raise ModelError(what, expected=", ".join(shapes), hint="is its architecture the one that cfg.json names?")
    for name, shape in shapes.items():
        if tuple(weights[name].shape) != shape:
            what = f"{name} of the sparse autoencoder {str(folder)!r} has the shape {tuple(weights[name].shape)}."
            raise ModelError(what, expected=f"{shape}, by cfg.json and its other tensors")
        if not bool(torch.isfinite(weights[name]).all()):
            n = int((~torch.isfinite(weights[name])).sum())
            what = f"{name} of the sparse autoencoder {str(folder)!r} has {n:,} numbers that are NaN or infinite."
            raise ModelError(what, expected="finite weights", hint="copy the file again, or train it again")
    return {name: weights[name].detach().float().contiguous() for name in shapes}


def whole_number(cfg: Mapping[str, object], name: str, *, folder: Path) -> int:
    """Read a number above 0 of a configuration."""
    value = cfg.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        what = f"cfg.json of the sparse autoencoder {str(folder)!r} has {name}: {value!r}."
        raise ModelError(what, expected="a whole number above 0")
    return value


def refuse(folder: Path, name: str, value: object, *, expected: str, hint: str | None = None) -> ModelError:
    """Make the error of a configuration that cannot be applied."""
    what = f"cfg.json of the sparse autoencoder {str(folder)!r} has {name}: {value!r}."
    return ModelError(what, expected=expected, hint=hint)
