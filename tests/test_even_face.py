"""Every verb parses, calls one public function, and prints."""

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neurolect import collect, load_model, variant
from neurolect.errors import OptionError
from tests.command_line import verbs
from tests.tiny_models import write_tiny_bert

FUNCTIONS = {
    "prepare": {"prepare"},
    "collect": {"collect"},
    "merge": {"merge"},
    "describe": {"describe_and_score"},
    "run": {"run"},
    "subset": {"subset"},
    "export": {"export", "export_folder"},
    "demo": {"run_demo"},
    "show": {"card"},
    "find": {"find"},
    "convergence": {"convergence"},
    "report": {"write_report"},
    "relate": {"relate"},
    "rank": {"rank", "numbers_of"},  # of a store `rank_activations` and `ranking_methods`
    "plot": {"plot"},
    "tokens": {"read_tokens"},
    "variant": {"variant"},
    "compare": {"compare"},
    "fidelity": {"score_fidelity"},
    "stability": {"stability"},
    "paper": {"reproduce_paper"},
    "verify": {"verify"},
    "corpus": {"corpus_statistics"},
    "edit ablate": {"ablate"},
    "probing activations": {"read_activations"},
    "probing fit": {"fit_probe"},
    "probing bench": {"planted_bench"},
    "probing bridge": {"bridge"},
    "probing formulas": {"explain_neurons"},
    "probing judge": {"judge"},
    "probing all": {"probe_all"},
    "probing transfer": {"select_features"},
    "probing compare": {"compare_probings"},
    "edit align": {"align"},
    "edit cause": {"cause"},
    "edit dream": {"dream"},
    "edit prune": {"prune"},
    "edit steer": {"steer"},
    "edit switch": {"find_switches"},
    "name": {"name_neurons", "name_cost", "export_names"},
    "writes": {"writes"},
    "serve": {"serve"},
    "options": {"find_options", "option_rows"},
    "doctor": {"examine", "findings_text"},
}
"""The function of each verb; ``rank --list`` calls another one, which names what a ranking can be by."""
OPENS_OR_PRINTS = ("neurolect.cli", "neurolect.config", "neurolect.folders.atomic", "neurolect.paper.options")
ONE_FILE = ("neurolect.config", "neurolect.demo", "neurolect.doctor", "neurolect.pipeline")
"""Stages of one file."""
VERBS = verbs()


def imported(verb: str) -> Iterator[tuple[str, str]]:
    """Yield module and name of the functions of the library that a verb calls."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(VERBS[verb])))
    called = {
        each.func.id for each in ast.walk(tree) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                if node.module.startswith(OPENS_OR_PRINTS) and each.name not in FUNCTIONS[verb]:
                    continue
                lays_out = node.module.startswith("neurolect.views") and each.name not in FUNCTIONS[verb]
                if each.name in called and each.name[0].islower() and each.name != "open_run" and not lays_out:
                    yield node.module, each.name


def test_every_verb_has_its_function() -> None:
    assert set(VERBS) == set(FUNCTIONS)


@pytest.mark.parametrize("verb", FUNCTIONS)
def test_a_verb_calls_one_public_function(verb: str) -> None:
    calls = list(imported(verb))
    names = {name for _, name in calls}
    assert names, f"{verb} calls nothing"
    assert names <= FUNCTIONS[verb], f"{verb} calls {names}"
    for module, name in calls:
        face = importlib.import_module(module)
        assert module in ONE_FILE or (hasattr(face, "__path__") and name in face.__all__), f"{module}.{name}"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"engine": "two"}, r"There is no engine 'two'\.\n.*one, local, ray"),
        ({"engine": "local", "shard": "0/2"}, r"--shard and --engine local were both given"),
        ({"ray_address": "auto"}, r"without --engine ray"),
        ({"workers": 2}, r"--workers 2 was given without --engine\.\n.*collect\.workers"),
        ({"shard": "2/2"}, r"--shard is '2/2'"),
    ],
)
def test_collect_refuses_what_does_not_go_together(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=message):
        collect("minilm", tmp_path, out=tmp_path / "run", **given)


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("other", [], r"There is no kind of variant 'other'\.\n.*random, finetuned"),
        ("random", ["a.csv"], r"A random variant uses no data, and a\.csv was given"),
        ("finetuned", [], r"needs data, and none was given(.|\n)*--data reviews\.csv"),
    ],
)
def test_variant_refuses_what_does_not_fit(kind: str, data: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=message):
        variant("minilm", kind, data=data, out=tmp_path / "variant")


def test_workers_load_a_model_by_its_name(tmp_path: Path) -> None:
    model = load_model(str(write_tiny_bert(tmp_path / "bert")))
    with pytest.raises(OptionError, match=r"The engine 'local' was given a loaded model(.|\n)*its name"):
        collect(model, tmp_path, out=tmp_path / "run", engine="local")
