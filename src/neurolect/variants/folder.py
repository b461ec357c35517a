"""What a variant's folder says of itself: ``variant.json`` for programs, ``README.md`` for people."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neurolect.errors import VariantError
from neurolect.folders.atomic import replacing_folder, write_json, write_text
from neurolect.folders.formats import VARIANT, neurolect_version
from neurolect.folders.sums import sums_of
from neurolect.model.files import one_line_errors
from neurolect.store.manifest import now, package_versions


def write_record(
    folder: Path, *, kind: str, made_from: Mapping[str, str], facts: Mapping[str, Any], text: str
) -> None:
    """Write both files.

    ``facts``: What else is known, JSON-able; as in ``docs/variants.md``.
    """
    head = {"format": VARIANT.name, "schema_version": VARIANT.version, "kind": kind, "made_from": dict(made_from)}
    versions = {"neurolect": neurolect_version(), "created": now(), "packages": package_versions()}
    files = {path.name: sums_of(path) for path in sorted(folder.iterdir()) if path.is_file()}
    write_json(folder / VARIANT.file, head | dict(facts) | versions | {"files": files})
    write_text(folder / "README.md", text)


# A model folder that is there whole or not at all.
def check_free(out: Path) -> None:
    """Refuse a place where something is."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        what = f"{out} is there already; nothing is overwritten."
        raise VariantError(what, expected="a folder that does not exist yet", hint="give another --out")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a temporary sibling that becomes ``out`` if the block succeeds, and vanishes if not."""
    check_free(out)
    with replacing_folder(out, error=VariantError, fresh=True) as temporary:
        yield temporary


# Save a network with its tokenizer as Hugging Face does.
def save_model(folder: Path, *, network: Any, tokenizer: Any, name: str) -> None:  # noqa: ANN401 - untyped library
    """Write configuration, weights (safetensors) and tokenizer."""
    with one_line_errors(name):
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    # the weights come from a private temporary file: whoever may read the configuration may read them
    mode = (folder / "config.json").stat().st_mode
    for weights in folder.glob("*.safetensors"):
        weights.chmod(mode)
