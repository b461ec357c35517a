"""Save a network with its tokenizer as Hugging Face does."""

from pathlib import Path
from typing import Any

from neurolect.model.model_files import one_line_errors

__all__ = ["save_model"]


def save_model(folder: Path, *, network: Any, tokenizer: Any, name: str) -> None:  # noqa: ANN401 - untyped library
    """Write configuration, weights (safetensors) and tokenizer.

    Parameters
    ----------
    folder : Path
        An existing folder.
    network : transformers.PreTrainedModel
        The network.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its tokenizer.
    name : str
        What the model is called, for errors.

    Raises
    ------
    ModelError
        If it cannot be saved.
    """
    with one_line_errors(name):
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    # the weights come from a private temporary file: whoever may read the configuration may read them
    mode = (folder / "config.json").stat().st_mode
    for weights in folder.glob("*.safetensors"):
        weights.chmod(mode)
