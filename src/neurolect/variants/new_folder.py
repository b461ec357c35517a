"""A model folder that is there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neurolect.atomic import replacing_folder
from neurolect.errors import VariantError


def check_free(out: Path) -> None:
    """Refuse a place where something is."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        what = f"{out} is there already; nothing is overwritten."
        raise VariantError(what, expected="a folder that does not exist yet", hint="give another --out")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a temporary sibling that becomes ``out`` if the block succeeds, and vanishes if not."""
    check_free(out)
    with replacing_folder(out, error=VariantError) as temporary:
        yield temporary
        check_free(out)
