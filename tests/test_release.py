"""What a release promises: dependencies with licences and versions that were run, one definition of every check."""

import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "dependencies.md"


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def wanted() -> dict[str, tuple[list[str], str]]:
    """Give extras and lowest version of every package that pyproject.toml names."""
    found: dict[str, tuple[list[str], str]] = {}
    extras = {"": project()["dependencies"], **project()["optional-dependencies"]}
    for extra, lines in extras.items():
        for each in map(Requirement, lines):
            if each.name == "neurolect":
                continue
            (bound,) = each.specifier
            assert bound.operator in (">=", "=="), each
            places, lowest = found.setdefault(each.name, ([], bound.version))
            assert lowest == bound.version, f"{each.name} has two bounds"
            places.append(extra)
    return found


def rows() -> list[list[str]]:
    """Read the tables of the page, a row a package."""
    tables = PAGE.read_text(encoding="utf-8").partition("## Which versions were run")[0]
    lines = re.findall(r"(?m)^\| (.+) \|$", tables)
    cells = [[each.strip() for each in line.split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "package" and not row[0].startswith("---")]


def test_the_page_of_dependencies_is_that_of_the_project() -> None:
    said = {row[0]: ([] if row[1] == "always" else row[1].split(", "), row[2]) for row in rows()}
    known = {name: ([each for each in places if each], lowest) for name, (places, lowest) in wanted().items()}
    assert said == known


def test_every_dependency_has_a_licence_and_a_reason() -> None:
    for name, _, lowest, newest, licence, reason in rows():
        assert re.fullmatch(r"[\d.]+(?: \(not run\))?", newest), name
        assert re.fullmatch(r"[\d.]+", lowest), name
        assert len(licence) >= 3, name
        assert len(reason) >= 5, name


def recipes() -> dict[str, list[str]]:
    """Give the recipes of the justfile, each with those that it calls."""
    text = (ROOT / "justfile").read_text(encoding="utf-8")
    found = re.findall(r"(?m)^([a-z-]+)[^:=\n]*:(?!=)([^\n]*)$", text)
    return {name: calls.split() for name, calls in found}


def test_every_check_is_defined_once_and_run_by_ci() -> None:
    known = recipes()
    assert {"check", "test", "docs", "release"} <= set(known["ci"]) <= set(known)
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("\njust ci")
    runs = [
        line
        for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
        for line in re.findall(r"(?m)^ *- run: (.+)$", path.read_text(encoding="utf-8"))
        if not line.startswith("pip install ")
    ]
    assert runs == ["bash .ci/run", "just site"]


def test_recipes_that_the_pages_name_exist() -> None:
    pages = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = {
        name for page in pages for name in re.findall(r"(?m)(?:^ {4}|`)just ([a-z]+)", page.read_text("utf-8"))
    }
    assert {"ci", "check", "test", "site", "versions"} <= named <= set(recipes())


def test_the_readme_is_short() -> None:
    """A screen and a half: more belongs into a page of docs."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 75
