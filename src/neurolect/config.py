"""The configuration of a run: the stages' options bound to one TOML file and to ``--set stage.option=value``."""

import ast
import dataclasses
import difflib
import inspect
import textwrap
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from neurolect.collector import CollectOptions
from neurolect.corpus import PrepareOptions
from neurolect.errors import OptionError, nearest
from neurolect.explorer.options import ServeOptions
from neurolect.fidelity import FidelityOptions
from neurolect.interventions.aligning.options import AlignOptions
from neurolect.interventions.options import CauseOptions, DreamOptions, EditOptions
from neurolect.interventions.steering.options import SteerOptions, SwitchOptions
from neurolect.model import ModelOptions
from neurolect.model.options import LATENT
from neurolect.naming import NameOptions
from neurolect.presets import PRESETS, preset
from neurolect.probing import (
    ActivationsOptions,
    BenchOptions,
    FormulaOptions,
    JudgeOptions,
    ProbeOptions,
    ProtocolOptions,
    TransferOptions,
)
from neurolect.ranges import hints_of, in_words
from neurolect.relations import RelateOptions
from neurolect.signatures import DescribeOptions
from neurolect.store import Run
from neurolect.variants import FinetuneOptions

__all__ = ["RunConfig", "load_config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """All options of a run."""

    prepare: PrepareOptions = field(default_factory=PrepareOptions)
    """Documents to sentences."""

    model: ModelOptions = field(default_factory=ModelOptions)
    """Which neurons are read, and how."""

    collect: CollectOptions = field(default_factory=CollectOptions)
    """What the pass keeps."""

    describe: DescribeOptions = field(default_factory=DescribeOptions)
    """What signatures are made of."""

    fidelity: FidelityOptions = field(default_factory=FidelityOptions)
    """What signatures are scored on."""

    relate: RelateOptions = field(default_factory=RelateOptions)
    """How neurons are compared with each other."""

    finetune: FinetuneOptions = field(default_factory=FinetuneOptions)
    """How a variant is trained to classify texts."""

    edit: EditOptions = field(default_factory=EditOptions)
    """How it is measured what neurons do."""

    activations: ActivationsOptions = field(default_factory=ActivationsOptions)
    """How labelled data become rows of activations."""

    probe: ProbeOptions = field(default_factory=ProbeOptions)
    """What rankings and probes are made from, and how."""

    judge: JudgeOptions = field(default_factory=JudgeOptions)
    """How rankings are judged."""

    bench: BenchOptions = field(default_factory=BenchOptions)
    """What rankings are tested on."""

    formulas: FormulaOptions = field(default_factory=FormulaOptions)
    """How formulas for neurons are searched for."""

    protocol: ProtocolOptions = field(default_factory=ProtocolOptions)
    """What `probing all` measures, and how thoroughly."""

    transfer: TransferOptions = field(default_factory=TransferOptions)
    """How a few neurons of low layers are selected for a task."""

    cause: CauseOptions = field(default_factory=CauseOptions)
    """How it is checked that neurons do something where their signature says they respond."""

    align: AlignOptions = field(default_factory=AlignOptions)
    """How neurons are aligned with phrases."""

    name: NameOptions = field(default_factory=NameOptions)
    """What a language model is asked when it names neurons."""

    dream: DreamOptions = field(default_factory=DreamOptions)
    """How texts are written that activate a neuron."""

    steer: SteerOptions = field(default_factory=SteerOptions)
    """How neurons are set to write of a concept, and what that is measured on."""

    switch: SwitchOptions = field(default_factory=SwitchOptions)
    """How neurons are found that switch a value."""

    serve: ServeOptions = field(default_factory=ServeOptions)
    """How the explorer is served."""


_Config = TypeVar("_Config")
_LIST_ALL = "All of them: neurolect options"


class OptionRow(NamedTuple):
    """What there is to know of an option."""

    name: str
    """``stage.option``."""
    values: str
    """What it takes, in words."""
    default: str
    """As it is given; "not set" for none."""
    meaning: str


@cache
def option_rows() -> tuple[OptionRow, ...]:
    """List every option of every stage, in the order of the stages."""
    rows = []
    for stage in dataclasses.fields(RunConfig):
        options = getattr(RunConfig(), stage.name)
        kind: Any = type(options)
        texts, hints = _field_texts(kind), hints_of(kind)
        for name in _names(options):
            given = _as_given(getattr(options, name))
            rows.append(OptionRow(f"{stage.name}.{name}", in_words(hints[name]), given, texts[name]))
    return tuple(rows)


def find_options(wanted: str) -> tuple[OptionRow, ...]:
    """Give the options of a stage, or the one of a full name, or those whose name or meaning has a word.

    Raises
    ------
    OptionError
        If there is none.
    """
    rows = option_rows()
    for fits in (
        lambda row: wanted in (row.name, row.name.partition(".")[0]),
        lambda row: wanted.casefold() in f"{row.name} {row.meaning}".casefold(),
    ):
        if found := tuple(filter(fits, rows)):
            return found
    what = f"There is no stage or option {wanted!r}, and no option speaks of it."
    expected = f"one of {', '.join(_names(RunConfig))}, an option, or a word"
    names = {part: row.name for row in rows for part in (row.name, row.name.partition(".")[2])}
    near = [names[each] for each in difflib.get_close_matches(wanted, names, cutoff=0.6)]
    listed = ", ".join(map(repr, dict.fromkeys(near)))
    raise OptionError(
        what, expected=expected, hint=f"The nearest: {listed}." if near else "All of them: neurolect options"
    )


def _field_texts(options_class: type) -> dict[str, str]:
    """Read the text below each field from the source of an options class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(options_class)))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    texts = {}
    for node, after in pairwise(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = ast.literal_eval(after.value) if isinstance(after, ast.Expr) else ""
            texts[node.target.id] = " ".join(inspect.cleandoc(text).split()).replace("``", "`")
    return texts


def _as_given(default: object) -> str:
    """Write a default as it is given after ``--set``."""
    if default is None:
        return "not set"
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default).lower() if isinstance(default, bool) else str(default)


def config_of_run(
    run: Run, path: Path | None = None, *, settings: Sequence[str] = ()
) -> tuple[RunConfig, list[str]]:
    """Read the options of a later stage: the run's own where neither file nor settings say otherwise.

    The second value has a line for every option that file or settings make another than the run's; what a preset
    changes is not listed.
    """
    tables = typing.get_type_hints(RunConfig)
    own = {
        stage: {name: value for name, value in options.items() if name in _names(tables[stage])}
        for stage, options in run.manifest["options"].items()
        if stage in tables
    }
    presets = list(filter(_is_preset, settings))
    before = load_config(defaults=own, settings=presets)
    config = load_config(path, settings=settings, defaults=own)
    changed = []
    for stage in own:
        for name in _names(tables[stage]):
            old, new = (getattr(getattr(each, stage), name) for each in (before, config))
            if old != new:
                changed.append(f"{stage}.{name}: {new}, the run's was {old}")
    return config, changed


def _names(options_class: Any) -> list[str]:  # noqa: ANN401 - any stage's options class
    """Name the options of a stage."""
    return [each.name for each in dataclasses.fields(options_class)]


def load_config(
    path: Path | None = None,
    *,
    settings: Sequence[str] = (),
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunConfig:
    """Read the configuration.

    Parameters
    ----------
    path : Path, optional
        A TOML file with a table for each stage.
    settings : sequence of str
        Each ``stage.option=value``, which wins over the file; the name of a preset, which the file wins over; or
        the folder of a sparse autoencoder, ``FOLDER`` or ``NAME=FOLDER``, whose latents are read then, alone unless
        ``model.sites`` is set.
    defaults : mapping of stage to mapping of option to value, optional
        What neither the file nor the settings say.

    Returns
    -------
    RunConfig
        Checked.

    Raises
    ------
    OptionError
        If the file cannot be read, a key or preset is unknown (the nearest are named) or a value does not fit.
    """
    return load_tables(RunConfig, path, settings=settings, defaults=defaults)


def load_tables(
    tables: type[_Config],
    path: Path | None = None,
    *,
    settings: Sequence[str] = (),
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
) -> _Config:
    """Read a dataclass whose fields are options of stages, as ``load_config`` does."""
    kinds = typing.get_type_hints(tables)
    values: dict[str, dict[str, Any]] = {stage: dict(options) for stage, options in (defaults or {}).items()}
    for name in filter(_is_preset, settings):
        for stage, options in preset(name.strip()).items():
            if stage in kinds:
                values.setdefault(stage, {}).update(options)
    for stage, options in _read(path).items():
        if not isinstance(options, dict):
            what = f"{path}: {stage!r} is outside any table."
            raise OptionError(what, expected=f"tables named {', '.join(kinds)}")
        values.setdefault(stage, {}).update(options)
    for setting in (each for each in settings if not _is_preset(each) and _folder_of(each) is None):
        stage, option, value = _parse(setting)
        values.setdefault(stage, {})[option] = value
    if autoencoders := [each for each in map(_folder_of, settings) if each is not None]:
        own = values.setdefault("model", {})
        own["sae"] = (*_fit("model.sae", tuple[str, ...], own.get("sae", ())), *autoencoders)
        own.setdefault("sites", (LATENT,))
    return tables(**{stage: _stage_options(stage, options, kinds) for stage, options in values.items()})


def _is_preset(setting: str) -> bool:
    """Tell a preset's name from ``stage.option=value``, and from a folder."""
    return "=" not in setting and "." not in setting and _folder_of(setting) is None


def _folder_of(setting: str) -> str | None:
    """Give a sparse autoencoder's FOLDER or NAME=FOLDER with its whole path; None where it is another setting.

    What has a dot before its equals sign is ``stage.option=value``; a folder is there, or has a slash.
    """
    key, equals, rest = setting.partition("=")
    given = (rest if equals else setting).strip()
    folder = Path(given).expanduser()
    if (equals and "." in key) or setting in PRESETS or not given or not ("/" in given or folder.is_dir()):
        return None
    return f"{key}{equals}{folder.absolute()}" if equals else str(folder.absolute())


def _read(path: Path | None) -> dict[str, Any]:
    """Read the TOML file, if there is one."""
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        what = f"There is no configuration file {path}."
        raise OptionError(what, hint="Drop --config, or write one: see options.toml in any run folder.") from error
    except OSError as error:
        what = f"The configuration file {path} cannot be read: {error.strerror}."
        raise OptionError(what, expected="a TOML file", hint="See options.toml in any run folder.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        what = f"{path} cannot be read as TOML: {error}."
        raise OptionError(what, hint="See options.toml in any run folder for an example.") from error


def _parse(setting: str) -> tuple[str, str, Any]:
    """Split ``stage.option=value``; the value is TOML where it can be, else text."""
    key, equals, text = setting.partition("=")
    stage, dot, option = key.strip().partition(".")
    if not (equals and dot and stage and option):
        what = f"--set (or --sae) {setting!r} cannot be read: it is no option, and no such folder is there."
        expected = "stage.option=value, e.g. --set collect.list_size=500; or an autoencoder's folder that is there"
        raise OptionError(what, expected=expected, hint=_LIST_ALL)
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    return stage, option, value


def _stage_options(stage: str, values: Mapping[str, Any], tables: Mapping[str, type]) -> Any:  # noqa: ANN401
    """Make a stage's options; refuse unknown names."""
    if stage not in tables:
        what = f"There is no stage {stage!r}."
        near = nearest(stage, tables)
        raise OptionError(what, expected=f"one of {', '.join(tables)}", hint=f"The nearest: {near}. {_LIST_ALL}")
    options_class: Any = tables[stage]
    kinds = typing.get_type_hints(options_class)
    known = _names(options_class)
    for name in values:
        if name not in known:
            what = f"The stage {stage!r} has no option {name!r}."
            near = nearest(name, known)
            hint = f"The nearest: {near}. What they mean: neurolect options {stage}"
            raise OptionError(what, expected=f"one of {', '.join(known)}", hint=hint)
    return options_class(**{name: _fit(f"{stage}.{name}", kinds[name], value) for name, value in values.items()})


def _fit(name: str, kind: Any, value: Any) -> Any:  # noqa: ANN401 - any option
    """Turn a TOML value into an option's type, or say that it does not fit."""
    choices = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    if value is None or (isinstance(value, str) and value in ("", "none") and type(None) in choices):
        return None
    for choice in choices:
        fitted = _fit_one(choice, value)
        if fitted is not None:
            return fitted
    what = f"{name} is {value!r}."
    wanted = " or ".join(_kind_name(choice) for choice in choices if choice is not type(None))
    raise OptionError(what, expected=wanted, hint=f"What it means: neurolect options {name}")


def _fit_one(kind: Any, value: Any) -> Any:  # noqa: ANN401 - any option
    """Fit a value to one type; None if it does not fit."""
    if typing.get_origin(kind) is typing.Literal:
        return value if value in typing.get_args(kind) else None
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        items: Any = value
        if isinstance(value, str):
            items = [each.strip() if inner is str else _number(each) for each in value.split(",")]
        elif not isinstance(value, list | tuple):
            items = [value]
        fitted = [_fit_one(inner, each) for each in items]
        return None if any(each is None for each in fitted) else tuple(fitted)
    if kind is str:
        # a number that was meant as text, e.g. --set prepare.text_column=0
        return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int | float) else None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, bool):
        return value if type(value) is kind else None
    return None


def _number(text: str) -> Any:  # noqa: ANN401 - a number or the text
    """Read a whole number or a decimal one; the text itself where it is neither."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _kind_name(kind: Any) -> str:  # noqa: ANN401 - a type
    """Name a type for people."""
    if typing.get_origin(kind) is tuple:
        return f"a list of {_kind_name(typing.get_args(kind)[0])}"
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(repr(choice) for choice in typing.get_args(kind))
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(kind, str(kind))
