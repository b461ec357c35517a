"""Save a network with its tokenizer as Hugging Face does."""

from pathlib import Path
from typing import Any

from neurolect.model.model_files import one_line_errors


def save_model(folder: Path, *, network: Any, tokenizer: Any, name: str) -> None:  # noqa: ANN401 - untyped library
    """Write configuration, weights (safetensors) and tokenizer."""
    with one_line_errors(name):
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    # the weights come from a private temporary file: whoever may read the configuration may read them
    mode = (folder / "config.json").stat().st_mode
    for weights in folder.glob("*.safetensors"):
        weights.chmod(mode)
