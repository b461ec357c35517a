"""Open sparse autoencoders: which format a folder has, what its latents are called."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurolect.errors import ModelError, OptionError
from neurolect.model.autoencoders import sae_lens, sparsify
from neurolect.model.autoencoders.autoencoder import Autoencoder
from neurolect.model.autoencoders.weights import read_weights

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_FORMATS = (
    ("SAELens", sae_lens.WEIGHTS, sae_lens.read_sae_lens),
    ("sparsify", sparsify.WEIGHTS, sparsify.read_sparsify),
)


def name_and_folder(given: str) -> tuple[str, Path]:
    """Read ``FOLDER`` or ``NAME=FOLDER``; a folder's own name has other signs replaced.

    Examples
    --------
    >>> name_and_folder("layer8=saes/blocks.8.hook_resid_post")[0]
    'layer8'
    >>> name_and_folder("saes/layers.8")[0]
    'layers-8'
    """
    name, equals, rest = given.partition("=")
    if equals and _NAME.fullmatch(name.strip()):
        return name.strip(), Path(rest.strip()).expanduser()
    if equals and not Path(given).expanduser().is_dir():
        what = f"The sparse autoencoder {given!r} has no usable name."
        raise OptionError(what, expected="FOLDER, or NAME=FOLDER with a name of letters, digits, - and _")
    folder = Path(given).expanduser()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-") or "sae", folder


def open_autoencoders(given: Sequence[str]) -> list[Autoencoder]:
    """Open all that the options name, in their order."""
    return [open_autoencoder(*name_and_folder(each)) for each in given]


def open_autoencoder(name: str, folder: Path) -> Autoencoder:
    """Open one; a ModelError says what is wrong with it."""
    cfg = _cfg(folder)
    for _, files, read in _FORMATS:
        path = next((folder / each for each in files if (folder / each).is_file()), None)
        if path is not None:
            found = read(cfg, read_weights(path), folder=folder)
            fingerprint = _fingerprint(folder / "cfg.json", path)
            return Autoencoder(name=name, folder=str(folder), fingerprint=fingerprint, **found)
    raise _unknown(folder, "has no weights that are known")


def notices_of(autoencoder: Autoencoder, model: str, *, begun: bool) -> list[str]:
    """Say in sentences where an autoencoder was trained on something else than what it is given.

    ``begun``: Whether sentences are fed with the token that begins texts.
    """
    said, trained_on = [], autoencoder.trained_on
    names = ["".join(filter(str.isalnum, Path(each).name.lower())) for each in (trained_on or "", model)]
    if trained_on and not (names[0] in names[1] or names[1] in names[0]):
        said.append(
            f"The sparse autoencoder {autoencoder.name!r} was trained on {trained_on!r}, and the model is called "
            f"{model!r}: if it is another, its latents mean nothing."
        )
    if autoencoder.prepends and not begun:
        said.append(
            f"The sparse autoencoder {autoencoder.name!r} was trained on texts with the token that begins them; "
            "sentences are fed without it. Where the model has one: --set model.prepend_bos=true"
        )
    return said


def _cfg(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        what = f"There is no folder {str(folder)!r} to read a sparse autoencoder from."
        expected = "a folder with cfg.json and weights, as SAELens or sparsify write it"
        hint = "a run remembers where it lay: copy it back there, or make a link"
        raise ModelError(what, expected=expected, hint=hint)
    try:
        cfg = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _unknown(folder, "has no cfg.json") from None
    except (ValueError, OSError) as error:
        what = f"{folder / 'cfg.json'} cannot be read: {error}."
        raise ModelError(what, expected="a JSON object", hint="copy it again") from error
    if not isinstance(cfg, dict):
        what = f"{folder / 'cfg.json'} holds a {type(cfg).__name__}."
        raise ModelError(what, expected="a JSON object")
    return cfg


def _unknown(folder: Path, what_is_wrong: str) -> ModelError:
    there = sorted(each.name for each in folder.iterdir())
    inner = sorted(each.parent.name for each in folder.glob("*/cfg.json"))
    hint = f"did you mean its folder {inner[0]!r}?" if inner else None
    listed = ", ".join(there[:8]) + (", ..." if len(there) > 8 else "") or "nothing"
    what = f"The folder {str(folder)!r} {what_is_wrong}; found: {listed}."
    known = "; ".join(f"cfg.json and {files[0]} ({format_})" for format_, files, _ in _FORMATS)
    return ModelError(what, expected=known, hint=hint)


def _fingerprint(*paths: Path) -> str:
    total = hashlib.blake2b(digest_size=16)
    for path in paths:
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "blake2b").digest())
    return total.hexdigest()
