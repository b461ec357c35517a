"""Presets: named sets of options, below the file and the settings; what they change is documented."""

import dataclasses
from pathlib import Path

import pytest

from neurolect.config import RunConfig, config_of_run, load_config
from neurolect.corpus import open_corpus
from neurolect.corpus.sentences.model_tokens import tokenizer_hash
from neurolect.errors import OptionError
from neurolect.paper import PaperOptions, reproduce_paper
from neurolect.pipeline import run
from neurolect.presets import PRESETS, preset
from neurolect.store import open_run
from tests.command_line import command, succeed
from tests.example_run import write_example_run
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert

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


def test_the_tokenizer_is_that_of_the_run(tmp_path: Path) -> None:
    bert = write_tiny_bert(tmp_path / "bert")
    documents = write_documents(tmp_path / "documents.jsonl", n_documents=30)
    config = load_config(
        settings=["paper", "describe.tagger=none", "describe.pattern_length=1", "collect.list_size=5"]
    )
    for _ in range(2):  # the second time the corpus is there already
        run(str(bert), [documents], out=tmp_path / "run", config=config)
    corpus = open_corpus(tmp_path / "run-corpus")
    assert corpus.manifest["options"]["tokenizer"] == str(bert)
    assert corpus.manifest["tokenizer"] == tokenizer_hash(str(bert))
    reproduced = reproduce_paper(
        out=tmp_path / "paper",
        options=PaperOptions(model=str(bert), corpus=str(documents), until="data"),
        config=config,
    )
    assert reproduced is None
    assert open_corpus(tmp_path / "paper" / "corpus").fingerprint == corpus.fingerprint


def test_verbs_take_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.txt").write_text("One sentence is here. And another one is there.\n")
    with caplog.at_level("INFO"):
        succeed("prepare", tmp_path / "a.txt", "--out", tmp_path / "corpus", "--preset", "paper")
    assert (
        "no model is known here: short sentences are dropped by words. By tokens: --tokenizer MODEL" in caplog.text
    )
    assert open_corpus(tmp_path / "corpus").manifest["options"]["tokenizer"] is None
    assert (
        "no preset 'letter'"
        in command("prepare", tmp_path / "a.txt", "--out", tmp_path / "c", "--preset=letter").err
    )
