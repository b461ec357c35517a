"""The record of stages: every pair of them, the lock, what 0.1 wrote."""

import dataclasses
import json
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from neurolect.errors import RunFolderError
from neurolect.store import Run, read_manifest, write_manifest
from neurolect.store.stage_kinds import STAGES, command_of, stage_of
from neurolect.store.stages import made_with, making, recorded_options, state_of
from tests.example_run import write_example_run

ORDER = list(STAGES)


@dataclasses.dataclass(frozen=True)
class Options:
    size: int = 3
    names: tuple[str, ...] = ("a",)


def reads(stage: str) -> set[str]:
    """Name all stages below one, in plain words of the table."""
    below = {*STAGES[stage].rests_on, *STAGES[stage].uses}
    return below.union(*(reads(each) for each in below)) if below else set()


def complete_run(folder: Path) -> Path:
    write_example_run(folder)
    for stage in ORDER[1:]:
        with making(folder, stage, options=Options()):
            pass
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return complete_run(tmp_path_factory.mktemp("runs") / "run")


def states(folder: Path) -> dict[str, str]:
    manifest = read_manifest(folder)
    return {stage: state_of(manifest, stage) for stage in ORDER}


@pytest.mark.parametrize(("made_again", "looked_at"), list(product(ORDER[1:], ORDER)))
def test_a_stage_is_stale_when_what_it_rests_on_was_made_again(
    made: Path, tmp_path: Path, made_again: str, looked_at: str
) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "run"))
    assert set(states(folder).values()) == {"current"}
    with making(folder, made_again, options=Options()):
        assert states(folder)[made_again] == "running"
    wanted = "stale" if made_again in reads(looked_at) else "current"
    assert states(folder)[looked_at] == wanted


@pytest.mark.parametrize("looked_at", ORDER[1:])
def test_another_pass_makes_everything_stale(made: Path, tmp_path: Path, looked_at: str) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "run"))
    manifest = read_manifest(folder)
    manifest["stages"]["collect"]["id"] = "another"
    write_manifest(folder, manifest)
    assert states(folder)[looked_at] == "stale"


@pytest.mark.parametrize("stage", [each for each in ORDER if STAGES[each].options])
def test_other_options_of_the_run_make_a_stage_stale(made: Path, tmp_path: Path, stage: str) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "run"))
    manifest = read_manifest(folder)
    manifest["options"][str(STAGES[stage].options)] = {"size": 4, "names": ["a"]}
    assert state_of(manifest, stage) == "stale"


def test_another_version_makes_nothing_stale(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "run"))
    manifest = read_manifest(folder)
    for entry in manifest["stages"].values():
        entry["neurolect"] = "0.0.1"
    write_manifest(folder, manifest)
    assert set(states(folder).values()) == {"current"}


def test_an_option_that_came_with_another_version_makes_nothing_again(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "run"))
    manifest = read_manifest(folder)
    for entry in (manifest["stages"]["describe"]["options"], manifest["options"]["describe"]):
        del entry["names"]
        entry["gone"] = 1
    assert made_with(folder, manifest, "describe", Options())
    assert not made_with(folder, manifest, "describe", Options(names=("b",)))
    assert not made_with(folder, manifest, "describe", Options(size=4))


def test_hints_are_quoted_for_the_shell(tmp_path: Path) -> None:
    assert command_of("relate", tmp_path / "my run") == f"neurolect relate '{tmp_path / 'my run'}'"


def test_a_stage_that_fails_is_not_shown_and_rests_on_what_is_current(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "run"))
    with pytest.raises(ZeroDivisionError), making(folder, "describe", options=Options(size=5)):
        raise ZeroDivisionError
    assert states(folder)["describe"] == "running"
    with pytest.raises(RunFolderError, match=r"begun and not finished(.|\n)*neurolect describe"):
        Run(folder).table("signatures/words")
    first, second, *_ = Run(folder).stale()
    assert "'describe' made is unfinished" in first
    assert "'fidelity' made is of an earlier state" in second
    with (
        pytest.raises(RunFolderError, match=r"begun and not finished(.|\n)*neurolect describe"),
        making(folder, "fidelity"),
    ):
        pass
    assert recorded_options(read_manifest(folder), "describe", Options).size == 5


def test_stale_results_are_refused_with_the_command_that_renews_them(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "run"))
    with making(folder, "describe", options=Options()):
        pass
    run = Run(folder)
    with pytest.raises(RunFolderError, match=r"earlier state(.|\n)*Renew it with: neurolect relate"):
        run.table("relations/neurons")
    with pytest.raises(RunFolderError, match=r"Renew it with: neurolect fidelity"):
        run.array("fidelity/mean_vector")
    assert [line.split("'")[1] for line in run.stale()] == [
        "fidelity",
        "control",
        "against",
        "cause",
        "align",
        "bridge",
        "tokens",
        "name",
        "relate",
    ]


def test_only_one_process_writes(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "run"))
    code = (
        "from pathlib import Path; from neurolect.store.stages import making\n"
        f"with making(Path({str(folder)!r}), 'relate'): pass"
    )
    with making(folder, "describe"):
        there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "is being written by another process" in there.stderr
    assert states(folder)["describe"] == "current"


def test_what_0_1_wrote_is_read_as_it_was_meant(tmp_path: Path) -> None:
    folder = write_example_run(tmp_path / "run")
    path = folder / "manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_text())
    manifest["stages"] = {
        "collect": {"status": "complete", "finished": "1"},
        "describe": {"status": "complete", "finished": "2"},
        "fidelity": {"status": "complete", "finished": "3", "described": "2", "control": "random"},
        "tokens": {"status": "complete", "finished": "1"},
        "relate": {"status": "complete", "finished": "3", "rests_on": ["1", "2"]},
    }
    path.write_text(json.dumps(manifest))
    found = states(folder)
    assert found["against"] == "missing"
    assert found["tokens"] == "stale"  # read before the run was described
    assert all(found[each] == "current" for each in ("describe", "fidelity", "control", "relate"))
    manifest["stages"]["fidelity"]["described"] = "1"
    path.write_text(json.dumps(manifest))
    assert states(folder)["control"] == "stale"


def test_every_path_belongs_to_a_stage() -> None:
    wanted = {
        "signatures/words": "describe",
        "signatures/token_words": "tokens",
        "held_out/sentences": "collect",
        "held_out/annotations": "fidelity",
        "fidelity/control": "control",
        "against/0123/scores": "against",
        "neurons": "collect",
    }
    assert {name: stage_of(name) for name in wanted} == wanted
