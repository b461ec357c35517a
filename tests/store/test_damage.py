"""A damaged, foreign or hand-edited run gives what it gave before, or one error that says what to do."""

import json
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect import card, find, open_run, rank, verify
from neurolect.collector import CollectOptions, collect
from neurolect.errors import NeurolectError
from neurolect.fidelity import score_fidelity
from neurolect.finding import striking
from neurolect.model import load_model
from neurolect.relations import RelateOptions, relate
from neurolect.signatures import DescribeOptions, describe
from neurolect.tokens import read_tokens
from neurolect.views import convergence
from tests.command_line import succeed
from tests.damaged import OTHERS, WAYS, apply, edited, forget_sums, mutations, places
from tests.made_once import copy_of
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert


def make_world(folder: Path, *, seed: int = 0) -> None:
    """Make a complete run of 32 neurons: described, scored, related, with tokens."""
    model = write_tiny_bert(folder / "model")
    corpus = tiny_corpus(folder)
    sizes: dict[str, Any] = {"list_size": 20, "sample_size": 60, "activation_sample_size": 40, "held_out_size": 40}
    run = collect(load_model(str(model)), corpus, out=folder / "run", options=CollectOptions(seed=seed, **sizes))
    run = describe(run, options=DescribeOptions(tagger="none", vector_size=8, vector_epochs=1))
    run = relate(score_fidelity(run), options=RelateOptions(maps=("none",), n_draws=20, n_starts=2))
    read_tokens(run, n_sentences=2)


READERS: dict[str, Callable[[Any], Any]] = {
    "card": lambda run: card(run.neuron("hidden.1.3")),
    "list": lambda run: run.neuron("hidden.2.5").list("bottom").to_pylist(),
    "tables": lambda run: {name: run.table(name).to_pylist() for name in run.tables()},
    "histograms": lambda run: run.array("histograms").tolist(),
    "sample": lambda run: run.array("sample/activations").tolist(),
    "vectors": lambda run: run.array("relations/vectors/words_top").tolist(),
    "word": lambda run: find(run, word="the").to_pylist(),
    "regex": lambda run: find(run, regex="a").to_pylist(),
    "where": lambda run: find(run, where="topic=film").to_pylist(),
    "examples": lambda run: find(run, examples=["A great movie and a good film."]).to_pylist(),
    "rank": lambda run: rank(run, by="length").to_pylist(),
    "striking": lambda run: striking(run).to_pylist(),
    "convergence": convergence,
    "stale": lambda run: (run.stale(), repr(run).replace(str(run.folder), "")),
}


def answers(folder: Path) -> dict[str, Any]:
    """Give what every reader gives; of an error its first line's kind."""
    found: dict[str, Any] = {}
    for name, read in READERS.items():
        try:
            found[name] = json.dumps(read(open_run(folder)), default=str)
        except NeurolectError as error:
            found[name] = error
    return found


def check(folder: Path, before: dict[str, Any], *, what: str, hinted: bool = False) -> int:
    """Compare with the answers of the undamaged run; say how many readers refused."""
    n_refused = 0
    for name, answer in answers(folder).items():
        if isinstance(answer, NeurolectError):
            n_refused += not isinstance(before[name], NeurolectError)
            assert not hinted or answer.hint, f"{what}: {name}: no hint in {answer}"
        else:
            assert answer == before[name], f"{what}: {name} gives something else"
    return n_refused


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A whole run at a place of its own, and what it answers."""
    folder = copy_of(make_world, tmp_path_factory.mktemp("world") / "w") / "run"
    before = answers(folder)
    refused = {name: str(each) for name, each in before.items() if isinstance(each, NeurolectError)}
    assert not refused, refused
    return folder, before


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".parquet", ".npy"))


def sweep(
    folder: Path, before: dict[str, Any], *, share: float, seed: int, ways: Collection[str] = WAYS
) -> tuple[int, int]:
    """Damage some of the files in some ways, one after the other; say how many were tried, and found."""
    rng, n, n_found = random.Random(seed), 0, 0
    files = files_of(folder)
    for path in files:
        content = path.read_bytes()
        other = rng.choice([each for each in files if each != path]).read_bytes()
        for what, changed in mutations(content, other, rng):
            if rng.random() >= share or changed == content or what not in ways:
                continue
            apply(path, changed)
            name = f"{path.relative_to(folder)} {what}"
            check(folder, before, what=name, hinted=True)
            bad = [part.name for part in verify(folder).damaged]
            assert bad == [path.relative_to(folder).as_posix()], f"{name}: verify names {bad}"
            n, n_found = n + 1, n_found + 1
            path.write_bytes(content)
    return n, n_found


def test_some_damage_of_files_is_always_found(world: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(world[0], tmp_path / "run"))
    n, n_found = sweep(folder, world[1], share=0.03, seed=1)
    assert n == n_found
    assert n > 5


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_all_damage_of_files_is_found(way: str, world: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(world[0], tmp_path / "run"))
    n, n_found = sweep(folder, world[1], share=1.0, seed=2, ways=[way])
    assert n == n_found > 50


def edit_sweep(folder: Path, before: dict[str, Any], *, share: float, seed: int) -> int:
    path, rng, n = folder / "manifest.json", random.Random(seed), 0
    written = path.read_text(encoding="utf-8")
    manifest = json.loads(written)
    for at in places(manifest):
        then = manifest
        for key in at:
            then = then[key]
        for value in (*OTHERS, ...):
            numbers = {type(value), type(then)} <= {int, float}
            if numbers or (value is not ... and type(value) is type(then)):
                continue
            if rng.random() < share:
                path.write_text(edited(manifest, at, value), encoding="utf-8")
                less = value is ... and at[0] == "stages"  # what it does not name was not made, and is not shown
                check_edit(folder, before, what=f"{at} = {value!r}", less=less)
                n += 1
    path.write_text(written, encoding="utf-8")
    return n


def check_edit(folder: Path, before: dict[str, Any], *, what: str, less: bool) -> None:
    """An entry of another type is refused, makes stale, or makes no difference to any number."""
    try:
        if less or open_run(folder).stale():
            answers(folder)
            return
        check(folder, before, what=what)
        verify(folder)
    except NeurolectError:
        pass


def test_some_edits_of_the_manifest(world: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(world[0], tmp_path / "run"))
    assert edit_sweep(folder, world[1], share=0.004, seed=3) > 5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 16))
def test_many_edits_of_the_manifest(seed: int, world: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(world[0], tmp_path / "run"))
    assert edit_sweep(folder, world[1], share=0.015, seed=seed) > 20


@pytest.mark.parametrize(
    ("file", "stage"),
    [
        ("signatures/words.parquet", "describe"),
        ("index/list_numbers.npy", "describe"),
        ("fidelity/scores.parquet", "fidelity"),
        ("relations/redundancy.parquet", "relate"),
        ("signatures/token_words.parquet", "tokens"),
    ],
)
def test_what_the_error_says_makes_the_part_again(
    file: str, stage: str, world: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(world[0], tmp_path / "my run"))
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[:-9])
    (bad,) = verify(folder).damaged
    command = shlex.split(bad.hint.rpartition(": ")[2])
    assert command[:2] == ["neurolect", stage]
    succeed(*command[1:])
    assert (folder / file).read_bytes() == content
    assert not verify(folder).damaged


CRASHERS: dict[str, Callable[[Any], Any]] = {
    "far": lambda array: np.where(np.arange(array.size).reshape(array.shape) % 3 == 1, 2**50, array),
    "below": lambda array: array.astype(np.int64) - 2**40,
    "nan": lambda array: np.full(array.shape, np.nan),
    "short": lambda array: array[:-2],
    "flat": lambda array: array.ravel()[:5],
    "other type": lambda array: array.astype("U3"),
}


@pytest.mark.parametrize("step", [23, pytest.param(1, marks=pytest.mark.slow)])
def test_numbers_of_unrecorded_arrays_are_checked_before_they_are_followed(
    step: int, world: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """In a process of its own, since what it is about is a segmentation fault."""
    folder = forget_sums(Path(shutil.copytree(world[0], tmp_path / "run")))
    code = "import sys; from tests.store.test_damage import try_arrays; try_arrays(sys.argv[1], int(sys.argv[2]))"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(step)], capture_output=True, text=True, check=False, cwd=root
    )
    assert done.returncode == 0, done.stderr[-2000:]


def try_arrays(name: str, step: int) -> None:
    """Replace arrays of the index by others, each `step`-th; every reader gives something or refuses."""
    folder = Path(name)
    cases = [(path, change) for path in sorted((folder / "index").glob("*.npy")) for change in CRASHERS.values()]
    for path, change in cases[::step]:
        content = path.read_bytes()
        np.save(path, change(np.load(path)))
        for reader in ("word", "regex", "where", "examples"):
            try:
                READERS[reader](open_run(folder))
            except NeurolectError:
                continue
        path.write_bytes(content)
