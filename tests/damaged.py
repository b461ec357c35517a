"""Damage files and manifests on purpose, in every way that disks, copies and hands do."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OTHERS: tuple[Any, ...] = (None, True, 7, -3, 1e300, "x", [], ["x"], {}, {"x": 1})
"""What an entry of a manifest is replaced by."""


def forget_sums(folder: Path) -> Path:
    """Take the check sums of all files out of the manifest, as in folders of before there were any."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for entry in manifest.get("stages", {}).values():
        entry.pop("files", None)
    manifest.pop("files", None)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def flipped(content: bytes, rng: random.Random) -> bytes:
    """Turn over 1, 3 or 20 bits."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 3, 20])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


WAYS = ("flipped", "cut off", "emptied", "longer", "zeros", "another file", "deleted")


def mutations(content: bytes, other: bytes, rng: random.Random) -> Iterator[tuple[str, bytes | None]]:
    """Yield the name of each way with what the file holds then; None where it is gone."""
    yield "flipped", flipped(content, rng)
    yield "cut off", content[: rng.randrange(len(content))]
    yield "emptied", b""
    yield "longer", content + b"\0" * 100
    yield "zeros", b"\0" * len(content)
    yield "another file", other
    yield "deleted", None


def apply(path: Path, content: bytes | None) -> None:
    """Replace a file, or take it away."""
    path.unlink()
    if content is not None:
        path.write_bytes(content)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every entry of a manifest."""
    if at:
        yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from places(each, (*at, key))


def edited(manifest: Any, at: tuple[Any, ...], value: Any) -> str:
    """Write the manifest with another value at a place; ``...`` takes the entry out."""
    copy = json.loads(json.dumps(manifest))
    inner = copy
    for key in at[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    return json.dumps(copy)
