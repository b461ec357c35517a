"""Hints are followed: the error is provoked, what its hint says to type is taken out of it, done, and succeeds."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

from tests.command_line import Answer, command
from tests.hint_cases import CASES, SLOW, Case, make_world, quoted
from tests.made_once import copy_of


def follow(case: Case, answer: Answer, folder: Path) -> None:
    """Do what the hint says, and expect success."""
    hint = " ".join(line.partition("Hint: ")[2] or line for line in hints_of(answer))
    values = {name: value.replace("@", str(folder)) for name, value in case.values.items()}
    wrong = case.wrong.replace("@", str(folder))
    given = case.given.replace("@", quoted(folder))
    ways = WAYS[case.how](hint, given, wrong, values, folder)
    assert ways, f"nothing to do in: {hint}"
    for number, way in enumerate(ways):
        for line in way:
            if line.startswith("rm "):
                _, *paths = (each for each in shlex.split(line) if each != "-r")
                for path in map(Path, paths):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                continue
            arguments = shlex.split(line.removeprefix("neurolect "))
            if arguments[0] in ("prepare", "describe"):
                arguments += ["--workers", "1"]  # the same result, and no process to start
            if number:  # another way of the same hint goes to a place of its own
                arguments = [
                    f"{each}-{number}" if at and arguments[at - 1] == "--out" else each
                    for at, each in enumerate(arguments)
                ]
            answer = command(*arguments)
            assert answer.code == 0, f"Hint: {hint}\nwas followed by {line}\n{answer.err}"


def hints_of(answer: Answer) -> list[str]:
    lines = (answer.err + answer.out).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Hint: "))
    return lines[first:]


def filled(line: str, values: dict[str, str]) -> str:
    """Put values in the places of capitals."""
    for name, value in values.items():
        inside = " ".join(shlex.quote(each) for each in value.split("|"))
        line = re.sub(rf"(?<![\w/.-]){re.escape(name)}(?![\w/-])", inside.replace("\\", r"\\"), line)
    return line


def commands(hint: str) -> list[str]:
    found = re.findall(r"neurolect [a-z]+ (?:(?!, then: )(?:'[^']*'|[^;'()`]))*", hint)
    return [each.strip().rstrip(".") for each in found]


def options(hint: str) -> list[str]:
    found = re.findall(r"--(?:set|preset) [a-z]+\.\w+=[^\s;)]+|--[a-z][a-z-]+(?: (?!(?:or|and)\b)[\w./'-]+)?", hint)
    found = [each.rstrip(".,") for each in found]
    found += [
        f"--set {name}={value}" for name, value in re.findall(r"(?<!set )\b(?:[Ss]et )([a-z]+\.\w+) = (\w+)", hint)
    ]
    return found


Way = list[list[str]]


def by_command(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    return [[filled(each, values)] for each in commands(hint)[:1]]


def by_retry(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    """Give the command of the hint, then the first one again."""
    made = values.get("CORPUS", "")
    steps = commands(hint)[: 1 + hint.count(", then: ")]
    return [[*(filled(each, values) for each in steps), given.replace(wrong, made) if made else given]]


def by_option(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    """Add each option of the hint to the command, each alone."""
    rest = given.replace(wrong, "") if wrong else given
    whole = [name for name in values if name.startswith("--") and name in hint]
    if whole:
        return [[f"{rest} {values[whole[0]]}"]]
    without = [f"--set {name}={value}" for name, value in values.items() if "." in name and name in hint]
    return [[f"{rest} {each}"] for each in (without or [filled(each, values) for each in options(hint)])]


def by_drop(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    assert re.search("drop|leave", hint, re.IGNORECASE), hint
    return [[given.replace(wrong, "")]]


def by_nearest(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    """Put the first name of the hint in the place of the wrong one."""
    named = re.search(r"(?:[Nn]earest(?: site)?|there are|its folder)(?::| is)? (?:'([^']+)'|([\w./=-]+\w))", hint)
    assert named, hint
    name = named[1] or named[2]
    end = {".": ".", "=": "=", " ": " "}.get(wrong[-1], "")
    return [[given.replace(wrong, f"{wrong}/{name}" if "its folder" in hint else name + end)]]


def by_out(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    assert "another --out" in hint, hint
    return [[re.sub(r"--out (?:\\ |\S)+", f"--out {quoted(folder / 'free')}", given)]]


def by_remove(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    removal = re.search(r"rm (?:-r )?('[^']*'|\S+)", hint)
    assert removal, hint
    return [[removal[0], given]]


def by_rename(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    name = re.search(r"Rename it to (\S+)$", hint)
    assert name, hint
    (folder / wrong).rename(name[1])
    return [[given.replace(wrong, Path(name[1]).name)]]


def by_instead(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    """Give what the hint names in the place of what was given."""
    for name, value in values.items():
        if name in hint:
            return [[given.replace(quoted(Path(wrong)), shlex.quote(value))]]
    return [[given.replace(quoted(Path(wrong)), shlex.quote(hint.rpartition(": ")[2]))]]


def by_verb(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    """Give the verb and the kind that the hint names."""
    start = " ".join(commands(hint)[0].split()[:4])
    return [[f"{filled(start, values)} {values['+']}"]]


def by_shards(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    found = re.search(r"at most (\d+) shards", hint)
    assert found, hint
    return [[given.replace(wrong, f"0/{found[1]}")]]


def by_prepare(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    """Prepare as the hint says, collect and describe again, then the same command on that."""
    place = quoted(folder)
    return [
        [
            f"prepare {place}/documents.jsonl --out {place}/c {options(hint)[0]}",
            f"collect {place}/model {place}/c --out {place}/r --set collect.list_size=20",
            f"describe {place}/r --set describe.tagger=none --set describe.vectors=none",
            f"fidelity {place}/r",
        ]
    ]


def by_collect(hint: str, given: str, wrong: str, values: dict[str, str], folder: Path) -> Way:
    """Collect as the hint says, then the same command on that run."""
    place = quoted(folder)
    collected = (
        f"collect {place}/model {place}/corpus --out {place}/r --set collect.list_size=20 {options(hint)[0]}"
    )
    return [[collected, re.sub(r"'[^']*top only'", f"{place}/r", given)]]


WAYS: dict[str, Callable[[str, str, str, dict[str, str], Path], Way]] = {
    "command": by_command,
    "retry": by_retry,
    "option": by_option,
    "drop": by_drop,
    "nearest": by_nearest,
    "out": by_out,
    "remove": by_remove,
    "rename": by_rename,
    "instead": by_instead,
    "verb": by_verb,
    "shards": by_shards,
    "prepare": by_prepare,
    "collect": by_collect,
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CASES])
def test_the_hint_is_right(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    if name == "pickled weights" and Version(version("torch")) < Version("2.6"):
        pytest.skip("transformers loads pickled weights with PyTorch 2.6 or newer only")
    folder = copy_of(make_world, tmp_path / "w")
    relocate(folder)
    case.before(folder)
    given = shlex.split(case.given.replace("@", quoted(folder)))
    answer = command(*given, *(["--workers", "1"] if given[0] == "prepare" else []))
    assert answer.code == 1, f"succeeds: {answer.out} {answer.err}"
    follow(case, answer, folder)


def relocate(folder: Path) -> None:
    """Write the present places of models and corpora into the copied manifests."""
    for path in folder.glob("*/manifest.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        for entry in (manifest.get("model"), manifest.get("corpus"), *manifest.get("runs", ())):
            for key in ("name", "path"):
                if isinstance(entry, dict) and "/" in str(entry.get(key)):
                    entry[key] = str(folder / Path(entry[key]).name)
        path.write_text(json.dumps(manifest), encoding="utf-8")
    record = folder / "variant" / "variant.json"
    written = json.loads(record.read_text(encoding="utf-8"))
    written["made_from"]["name"] = str(folder / "model")
    record.write_text(json.dumps(written), encoding="utf-8")


def test_there_are_many() -> None:
    assert len(CASES) >= 60
