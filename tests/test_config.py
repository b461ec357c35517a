"""One configuration from a file, settings and defaults; mistakes are named with the nearest right thing."""

import dataclasses
import inspect
import tomllib
from pathlib import Path

import pytest

from neurolect.config import RunConfig, load_config
from neurolect.errors import OptionError
from neurolect.store.stages import options_to_toml


def test_settings_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('[collect]\nlist_size = 50\nseed = 3\nsides = ["top"]\n[model]\npooling = "max"\n')
    config = load_config(
        path, settings=["collect.list_size=70"], defaults={"collect": {"seed": 9, "histogram_bins": 10}}
    )
    collect = config.collect
    assert (collect.list_size, collect.seed, collect.sides, collect.histogram_bins) == (70, 3, ("top",), 10)
    assert config.model.pooling == "max"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("collect.checkpoint_seconds=5", 5.0),
        ("collect.limit=none", None),
        ("collect.sides=bottom,top", ("bottom", "top")),
        ('collect.sides=["bottom"]', ("bottom",)),
        ("model.layers=1,3", (1, 3)),
        ("model.layers=[2]", (2,)),
        ("model.layers=2", (2,)),
        ("model.allow_pickle=true", True),
        ("prepare.text_column=body text", "body text"),
        ("prepare.text_column=0", "0"),
        ("prepare.duplicates=near", "near"),
        ("prepare.metadata_columns=author,year", ("author", "year")),
    ],
)
def test_settings_take_the_type_of_the_option(setting: str, value: object) -> None:
    stage, option = setting.partition("=")[0].split(".")
    assert getattr(getattr(load_config(settings=[setting]), stage), option) == value


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("colect.seed=1", r"no stage 'colect'(.|\n)*'collect'"),
        ("collect.list_sice=1", r"no option 'list_sice'(.|\n)*'list_size'"),
        ("collect.seed", r"cannot be read(.|\n)*stage\.option=value"),
        ("collect.seed=many", r"collect\.seed is 'many'(.|\n)*a whole number"),
        ("collect.seed=1.5", r"collect\.seed is 1\.5(.|\n)*a whole number"),
        ("collect.seed=true", r"collect\.seed is True(.|\n)*a whole number"),
        ("model.layers=one", r"model\.layers is 'one'(.|\n)*a list of a whole number"),
        ("prepare.duplicates=some", r"prepare\.duplicates is 'some'(.|\n)*'drop' or 'near' or 'keep'"),
        ("collect.list_size=-1", r"collect\.list_size is -1(.|\n)*from 1"),
    ],
)
def test_mistakes_are_named(setting: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        load_config(settings=[setting])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no configuration file"):
        load_config(tmp_path / "none.toml")
    path = tmp_path / "bad.toml"
    path.write_text("[collect\n")
    with pytest.raises(OptionError, match="cannot be read as TOML"):
        load_config(path)
    with pytest.raises(OptionError, match=r"cannot be read: Is a directory(.|\n)*a TOML file"):
        load_config(tmp_path)
    path.write_text("seed = 1\n")
    with pytest.raises(OptionError, match="'seed' is outside any table"):
        load_config(path)


def test_written_options_are_read_back(tmp_path: Path) -> None:
    config = load_config(
        settings=["model.layers=1,2", 'prepare.text_column=a "b" c', "collect.checkpoint_seconds=0.5"]
    )
    path, tables = tmp_path / "options.toml", [each.name for each in dataclasses.fields(config)]
    path.write_text(
        options_to_toml({name: dataclasses.asdict(getattr(config, name)) for name in tables}), encoding="utf-8"
    )
    assert tomllib.loads(path.read_text())["model"]["layers"] == [1, 2]
    assert load_config(path) == config


def test_every_option_says_what_it_is() -> None:
    """A line of text is under each field of each stage's options."""
    for stage in dataclasses.fields(RunConfig):
        options_class = type(getattr(RunConfig(), stage.name))
        source = inspect.getsource(options_class)
        for field in dataclasses.fields(options_class):
            after = source.split(f"    {field.name}: ", 1)[1].split("\n", 1)[1]
            assert after.lstrip().startswith('"""'), f"{stage.name}.{field.name} has no docstring"
