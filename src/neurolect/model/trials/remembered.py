"""Remember in the user's cache folder what was found of a model, so that it is tried once."""

import contextlib
import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from neurolect.errors import NeurolectError
from neurolect.folders.atomic import write_text
from neurolect.folders.remote import user_cache
from neurolect.model.architecture.network import Network

_VERSION = 1
"""Of the trial: another one makes what was found before void."""


def recall(model: Network, *, longest: int) -> dict[str, Any] | None:
    """Give what was kept of a model, of these versions of the libraries and these options."""
    path = _path(model, longest)
    if path is None:
        return None
    with contextlib.suppress(OSError, ValueError, KeyError):
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if kept.pop("key") == path.stem:
            return kept
    return None


def keep(model: Network, *, longest: int, found: dict[str, Any]) -> None:
    """Keep what was found of a model; not where the cache cannot be written to."""
    path = _path(model, longest)
    if path is not None:
        with contextlib.suppress(OSError, NeurolectError):
            write_text(path, json.dumps({"key": path.stem, **found}))


def made_of(model: Network) -> list[object]:
    """Name all that what a network gives depends on, but for its options."""
    config: Any = model.body.config
    return [
        torch.__version__,
        version("transformers"),
        model.fingerprint,
        type(model.body).__name__,
        config.to_json_string(),
        getattr(config, "_attn_implementation", None),
        model.dtype,
        torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else model.device.type,
        model.max_tokens,
        len(model.tokenizer),
    ]


def _path(model: Network, longest: int) -> Path | None:
    """Name the file; None for a model without a fingerprint."""
    if not model.fingerprint:
        return None
    found = [model.options.sites, model.options.layers, model.options.source, longest]
    key = [_VERSION, *made_of(model), *found]
    digest = hashlib.blake2b(json.dumps(key).encode(), digest_size=16).hexdigest()
    return user_cache() / "models" / f"{digest}.json"
