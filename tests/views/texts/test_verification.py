"""What `neurolect verify` prints: a newcomer reads what was checked, how much of it, and what was not."""

import shutil
from pathlib import Path

import pytest

from tests.command_line import command, succeed
from tests.folders.test_damaged_folders import make_folders
from tests.made_once import copy_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(make_folders, tmp_path_factory.mktemp("folders") / "f") / "one"


def test_a_whole_run(made: Path) -> None:
    run = made / "run of model"
    n = sum(path.suffix in (".parquet", ".npy") for path in run.rglob("*"))
    first, *lines = succeed("verify", run).splitlines()
    assert first == f"Run folder {run}: nothing is damaged."
    assert lines[0] == "Checked:"
    assert lines[1].startswith(f"  {n} files, ")
    assert lines[1].endswith(": every byte is as it was written, by the check sums that were kept then.")
    assert lines[2] == "  References: every neuron, sentence and place that a table names is there."
    assert "Stages: collect is up to date; describe is up to date." in lines
    assert lines[-1].startswith(
        "Not checked: its corpus and its model, which lie elsewhere (neurolect verify CORPUS); "
    )
    assert lines[-1].endswith("1 file that no numbers are read from (options.toml).")


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        ("corpus", "the documents that it was made from"),
        ("comparison", "the runs that were compared (neurolect verify RUN)"),
        ("variant", "the model that it was made from"),
    ],
)
def test_other_folders(name: str, elsewhere: str, made: Path) -> None:
    text = succeed("verify", made / name)
    assert f"{made / name}: nothing is damaged." in text
    assert f"Not checked: {elsewhere}; " in text
    assert "every byte is as it was written" in text


def test_damage_comes_first_with_what_makes_it_again(made: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(made / "run of model", tmp_path / "my run"))
    (run / "signatures" / "words.parquet").unlink()
    answer = command("verify", run)
    assert answer.code == 1
    lines = answer.out.splitlines()
    assert lines[0] == f"Run folder {run}: 1 part is damaged or missing."
    assert lines[1] == "  signatures/words.parquet  missing: it is missing"
    assert "  References between tables: not followed while something is damaged." in lines
    assert lines[-1].endswith(f"make it again with: neurolect describe '{run}'")


def test_what_no_check_sum_was_kept_of_is_said(made: Path, tmp_path: Path) -> None:
    corpus = Path(shutil.copytree(made / "corpus", tmp_path / "corpus"))
    (corpus / "annotations" / "x").mkdir(parents=True)
    shutil.copy(corpus / "sentences" / "part-00000.parquet", corpus / "annotations" / "x" / "part-0.parquet")
    text = succeed("verify", corpus)
    assert "bytes: can be read through, but no check sum was kept" in text
    assert "(annotations/x/part-0.parquet)." in text
