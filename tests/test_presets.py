"""Presets: named sets of options, below the file and the settings; what they change is documented."""

import dataclasses
from pathlib import Path

import pytest

from neurolect.config import RunConfig, config_of_run, load_config
from neurolect.errors import OptionError
from neurolect.presets import PRESETS, preset
from neurolect.store import open_run
from tests.command_line import command, succeed
from tests.example_run import write_example_run

PAGE = Path(__file__).parent.parent / "docs" / "paper.md"


def written(value: object) -> str:
    """Write a value as `--set` takes it."""
    if value is None:
        return "not set"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def test_the_page_lists_what_the_preset_changes() -> None:
    table = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if len(cells) == 4 and cells[0].startswith("`") and "." in cells[0]:
            table[cells[0].strip("`")] = (cells[1].strip("`"), cells[2].strip("`"))
    plain, changed = RunConfig(), load_config(settings=["paper"])
    expected = {}
    for stage in dataclasses.fields(RunConfig):
        before, after = getattr(plain, stage.name), getattr(changed, stage.name)
        for field in dataclasses.fields(before):
            one, two = getattr(before, field.name), getattr(after, field.name)
            if one != two:
                expected[f"{stage.name}.{field.name}"] = (written(one), written(two))
    assert table == expected


def test_every_option_of_a_preset_is_another_than_the_default() -> None:
    for name, stages in PRESETS.items():
        config = load_config(settings=[name])
        for stage, options in stages.items():
            for option, value in options.items():
                assert getattr(getattr(config, stage), option) == value
                assert getattr(getattr(RunConfig(), stage), option) != value


def test_file_and_settings_win_over_a_preset(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('[describe]\nword_gap = 2\n[finetune]\nkeep = "best"\n')
    config = load_config(tmp_path / "run.toml", settings=["finetune.head=mean", "paper"])
    assert (config.describe.word_gap, config.describe.tag_gap) == (2, -1)
    assert (config.finetune.keep, config.finetune.head, config.finetune.patience) == ("best", "mean", 0)


def test_a_preset_wins_over_the_options_of_a_run(tmp_path: Path) -> None:
    run = open_run(write_example_run(tmp_path))
    run.manifest["options"]["describe"] = {"word_gap": 3, "n_typical": 2}
    config, changed = config_of_run(run, settings=["paper", "describe.n_typical=1"])
    assert (config.describe.word_gap, config.describe.n_typical) == (-1, 1)
    assert changed == ["describe.n_typical: 1, the run's was 2"], "what the preset changes is not listed"


def test_an_unknown_preset_is_named() -> None:
    with pytest.raises(OptionError, match=r"no preset 'papers'(.|\n)*one of paper(.|\n)*'paper'"):
        load_config(settings=["papers"])
    preset("paper")["model"]["special_tokens"] = "exclude"
    assert preset("paper")["model"]["special_tokens"] == "include"


def test_verbs_take_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One sentence is here. And another one is there.\n")
    succeed("prepare", tmp_path / "a.txt", "--out", tmp_path / "corpus", "--preset", "paper")
    assert (
        "no preset 'letter'"
        in command("prepare", tmp_path / "a.txt", "--out", tmp_path / "c", "--preset=letter").err
    )
