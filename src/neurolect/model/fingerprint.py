"""Name a model by its content: configuration, weights and tokenizer."""

import hashlib
from pathlib import Path

MODEL_FILES = (
    "config.json",
    "*.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab*",
    "merges.txt",
    "*.model",
)
"""What a model's behaviour rests on."""

_CHUNK = 1 << 22


def fingerprint_folder(folder: Path, *, pickled: bool = False) -> str:
    """Hash a model's files.

    ``pickled``: Whether the weights were loaded from ``.bin`` files.
    Returns: 32 hexadecimal digits. Equal for equal files, wherever the folder is.
    """
    patterns = (*MODEL_FILES, "*.bin") if pickled else MODEL_FILES
    files = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    total = hashlib.blake2b(digest_size=16)
    for path in files:
        own = hashlib.blake2b(digest_size=32)
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                own.update(chunk)
        # The name and a digest of fixed length: no two different folders feed the same bytes.
        total.update(path.name.encode() + b"\0" + own.digest())
    return total.hexdigest()
