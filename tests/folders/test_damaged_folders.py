"""Corpora, comparisons, variants, unfinished passes: damage is named with what makes it again."""

import json
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from neurolect import find, open_run, verify
from neurolect.collector import CollectOptions, collect, corpus_pass, merge
from neurolect.comparison import compare, open_comparison
from neurolect.corpus import open_corpus
from neurolect.errors import NeurolectError, RunFolderError
from neurolect.model import load_model
from neurolect.signatures import DescribeOptions, describe
from neurolect.store import Run
from neurolect.tokens import forward_pass, read_tokens
from neurolect.variants import random_variant
from tests.damaged import OTHERS, WAYS, apply, edited, mutations, places
from tests.made_once import copy_of
from tests.store.test_damage import READERS
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

SIZES: dict[str, Any] = {"list_size": 20, "sample_size": 60, "activation_sample_size": 60, "held_out_size": 40}
TEXTS = ["The film was good.", "He made a bad movie of it"]


def make_folders(folder: Path) -> None:
    """Make a corpus, a variant, two runs and their comparison, and the same of another seed."""
    for name, seed in (("one", 0), ("other", 9)):
        place = folder / name
        model = write_tiny_bert(place / "model", seed=seed)
        corpus = tiny_corpus(place, n_documents=40, seed=seed)
        random_variant(str(model), out=place / "variant", seed=seed)
        for kind in ("model", "variant"):
            loaded = load_model(str(place / kind))
            collect(loaded, corpus, out=place / f"run of {kind}", options=CollectOptions(seed=seed, **SIZES))
        describe(place / "run of model", options=DescribeOptions(tagger="none", vectors="none"))
        compare([place / "run of model", place / "run of variant"], out=place / "comparison")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(make_folders, tmp_path_factory.mktemp("folders") / "f")


def of_corpus(folder: Path) -> list[Any]:
    corpus = open_corpus(folder)
    rows = [table.to_pylist() for table in corpus.batches(part="all")]
    taken = corpus.take(np.arange(0, corpus.n_sentences, 7)).to_pylist()
    return [rows, taken, corpus.sentence_ids("held_out").tolist(), corpus.n_mining, corpus.fields]


def of_comparison(folder: Path) -> list[Any]:
    made = open_comparison(folder)
    tables = [made.matches, made.across, made.layers, made.rankings, made.number_distances, made.distances]
    return [None if each is None else each.to_pylist() for each in tables]


def of_variant(folder: Path) -> list[Any]:
    model = load_model(str(folder))
    return [model.activations(TEXTS).tolist(), model.max_tokens]


class Kind(NamedTuple):
    """A kind of folder."""

    read: Callable[[Path], list[Any]]
    manifest: str
    again: str
    """The command that makes it."""


KINDS = {
    "corpus": Kind(of_corpus, "manifest.json", "neurolect prepare"),
    "comparison": Kind(of_comparison, "manifest.json", "neurolect compare"),
    "variant": Kind(of_variant, "variant.json", "neurolect variant"),
}


def hinted(error: NeurolectError, what: str) -> NeurolectError:
    assert error.hint, f"{what}: no hint in {error}"
    return error


def outcome(kind: Kind, folder: Path, before: str, *, what: str) -> NeurolectError | None:
    """Read a folder: the same as before, or an error with a hint."""
    try:
        found = json.dumps(kind.read(folder), default=str)
    except NeurolectError as error:
        return hinted(error, what)
    assert found == before, f"{what} gives something else"
    return None


def sweep(name: str, made: Path, folder: Path, *, share: float, seed: int) -> int:
    """Damage files of a folder in every way, and put files of another folder in their place."""
    kind, rng, n = KINDS[name], random.Random(seed), 0
    own = Path(shutil.copytree(made / "one" / name, folder))
    before = json.dumps(kind.read(own), default=str)
    files = sorted(
        path for path in own.rglob("*") if path.is_file() and path.name not in (kind.manifest, "README.md")
    )
    for path in files:
        content, inside = path.read_bytes(), path.relative_to(own)
        theirs = made / "other" / name / inside
        other = rng.choice(files).read_bytes()
        cases = [*mutations(content, other, rng), ("swapped", theirs.read_bytes() if theirs.is_file() else None)]
        for what, changed in cases:
            if changed == content or rng.random() >= share:
                continue
            apply(path, changed)
            error = outcome(kind, own, before, what=f"{inside} {what}")
            assert error is not None, f"{inside} {what} is not noticed"
            assert path.stem in str(error), str(error)
            assert kind.again in str(error), str(error)
            assert [part.name for part in verify(own).damaged] == [inside.as_posix()], f"{inside} {what}"
            path.write_bytes(content)
            n += 1
    return n


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("share", "seed"), [(0.25, 1), *(pytest.param(1.0, seed, marks=pytest.mark.slow) for seed in range(2, 6))]
)
def test_damaged_and_foreign_files_are_named(
    name: str, share: float, seed: int, made: Path, tmp_path: Path
) -> None:
    n = sweep(name, made, tmp_path / name, share=share, seed=seed)
    assert n >= (1 if share < 1 else len(WAYS))


def edit_sweep(name: str, made: Path, folder: Path, *, share: float, seed: int) -> int:
    """Put every JSON type in the place of every entry of a manifest, or take the entry out."""
    kind, rng, n = KINDS[name], random.Random(seed), 0
    own = Path(shutil.copytree(made / "one" / name, folder))
    before = json.dumps(kind.read(own), default=str)
    path = own / kind.manifest
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for at in places(manifest):
        for value in (*OTHERS, ...):
            if rng.random() >= share:
                continue
            path.write_text(edited(manifest, at, value), encoding="utf-8")
            if name == "corpus" and at[0] == "fields" and isinstance(value, str):
                continue  # another name of a field is no damage that anything could tell
            outcome(kind, own, before, what=f"{at} = {value!r}")
            with suppress(NeurolectError):
                verify(own)
            n += 1
    return n


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("share", "seed"), [(0.01, 1), *(pytest.param(0.1, seed, marks=pytest.mark.slow) for seed in range(2, 6))]
)
def test_edited_manifests_are_refused_or_make_no_difference(
    name: str, share: float, seed: int, made: Path, tmp_path: Path
) -> None:
    assert edit_sweep(name, made, tmp_path / name, share=share, seed=seed) >= (1 if share < 0.1 else 40)


# Files of one run in the place of another's.
def swap(own: Path, theirs: Path, name: str) -> bytes:
    content = (own / name).read_bytes()
    (own / name).write_bytes((theirs / name).read_bytes())
    return content


def test_files_of_another_run_are_named(made: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(made / "one" / "run of model", tmp_path / "run"))
    theirs = made / "other" / "run of model"
    names = sorted(p.relative_to(own).as_posix() for p in own.rglob("*") if p.suffix in (".parquet", ".npy"))
    n = 0
    for name in names:
        if not (theirs / name).is_file() or (theirs / name).read_bytes() == (own / name).read_bytes():
            continue
        content = swap(own, theirs, name)
        (bad,) = verify(own).damaged
        assert bad.name == name
        assert "neurolect" in bad.hint
        stem = name.rpartition(".")[0]
        with pytest.raises(RunFolderError, match=f"'{stem}' of the run folder .* is damaged"):
            (open_run(own).table if name.endswith(".parquet") else open_run(own).array)(stem)
        (own / name).write_bytes(content)
        n += 1
    assert n > 20


def test_tables_of_an_earlier_description_are_named(made: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(made / "one" / "run of model", tmp_path / "run"))
    earlier = {path: path.read_bytes() for path in (own / "signatures").glob("*.parquet")}
    describe(own, options=DescribeOptions(tagger="none", vectors="none", prior_size=50.0))
    changed = [path for path, content in earlier.items() if path.read_bytes() != content]
    assert changed
    for path in changed:
        now = path.read_bytes()
        path.write_bytes(earlier[path])
        assert [part.name for part in verify(own).damaged] == [path.relative_to(own).as_posix()]
        with pytest.raises(RunFolderError, match=rf"{path.stem}.* is damaged(?s:.*)neurolect describe"):
            open_run(own).table(f"signatures/{path.stem}")
        path.write_bytes(now)


def test_the_manifest_of_another_run_fits_none_of_its_files(made: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(made / "one" / "run of model", tmp_path / "run"))
    swap(own, made / "other" / "run of model", "manifest.json")
    bad = {part.name for part in verify(own).damaged}
    assert {"lists/top.parquet", "sample/activations.npy", "signatures/words.parquet", "neurons.parquet"} <= bad
    for name in READERS.keys() - {"stale"}:  # which reads the manifest alone
        with pytest.raises(NeurolectError):
            READERS[name](open_run(own))


# What is left by a pass that was stopped.
def interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def stopped(made: Path, folder: Path, which: str, *, seed: int = 0) -> Path:
    """Stop a pass after its first checkpoint."""
    options = CollectOptions(seed=seed, checkpoint_seconds=0, chunk_sentences=40, **SIZES)
    real = corpus_pass._feed
    n = 0

    def feed(*given: Any) -> None:
        nonlocal n
        n += 1
        if n > 3:
            raise KeyboardInterrupt
        real(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus_pass, "_feed", feed)
        with pytest.raises(KeyboardInterrupt):
            collect(load_model(str(made / which / "model")), made / which / "corpus", out=folder, options=options)
    return folder


def test_no_run_resumes_from_the_checkpoint_of_another(made: Path, tmp_path: Path) -> None:
    own, theirs = stopped(made, tmp_path / "own", "one"), stopped(made, tmp_path / "theirs", "one", seed=4)
    left = own / "checkpoint" / "state.npz"
    content = left.read_bytes()
    left.write_bytes((theirs / "checkpoint" / "state.npz").read_bytes())
    options = CollectOptions(checkpoint_seconds=0, chunk_sentences=40, **SIZES)
    given = (load_model(str(made / "one" / "model")), made / "one" / "corpus")
    with pytest.raises(RunFolderError, match=r"state.npz, which .* left, is of another run(?s:.*)rm -r"):
        collect(*given, out=own, options=options)
    assert "of another run" in next(part.note for part in verify(own).damaged)
    left.write_bytes(content)
    resumed, whole = collect(*given, out=own, options=options), collect(*given, out=tmp_path / "w", options=options)
    assert resumed.table("lists/top").equals(whole.table("lists/top"))


def test_shards_that_were_swapped_are_not_merged(made: Path, tmp_path: Path) -> None:
    options = CollectOptions(chunk_sentences=40, **SIZES)
    model = load_model(str(made / "one" / "model"))
    shards = [tmp_path / f"{number}" for number in range(2)]
    for number, shard in enumerate(shards):
        collect(model, made / "one" / "corpus", out=shard, options=options, shard=f"{number}/2")
    for name in ("partial/state.npz", "partial/held_out.npz"):
        content = swap(shards[0], shards[1], name)
        with pytest.raises(RunFolderError, match=f"{name}, which an unfinished pass left, is of another run"):
            merge(shards, out=tmp_path / name.replace("/", " "))
        (shards[0] / name).write_bytes(content)
    merge(shards, out=tmp_path / "whole")


def test_nothing_of_another_model_stays_when_a_run_begins_again(made: Path, tmp_path: Path) -> None:
    """Its held-out sentences were pooled, and it was stopped before the first checkpoint."""
    options, corpus = CollectOptions(**SIZES), made / "one" / "corpus"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus_pass, "begin", interrupted)
        with pytest.raises(KeyboardInterrupt):
            collect(load_model(str(made / "other" / "model")), corpus, out=tmp_path / "run", options=options)
    assert (tmp_path / "run" / "held_out" / "activations.npy").is_file()
    runs = [
        collect(load_model(str(made / "one" / "model")), corpus, out=tmp_path / name, options=options)
        for name in ("run", "fresh")
    ]
    one, other = (run.array("held_out/activations") for run in runs)
    assert np.array_equal(one, other)


def tokens_stopped(run: Path, *, size: int = forward_pass.PART_SENTENCES) -> Path:
    """Stop the second pass before its parts, of so many sentences, are put together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward_pass, "PART_SENTENCES", size)
        patch.setattr(forward_pass, "_check", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read_tokens(run, n_sentences=2)
    return run / "tokens" / "partial"


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_damaged_parts_of_tokens_are_named(step: int, made: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(made / "one" / "run of model", tmp_path / "run"))
    left = tokens_stopped(own, size=64)
    rng, n = random.Random(5), 0
    files = sorted(left.glob("*.parquet"))
    assert len(files) >= 4
    cases = [
        (path, what, changed)
        for path in files
        for what, changed in mutations(path.read_bytes(), rng.choice(files).read_bytes(), rng)
        if changed not in (path.read_bytes(), None)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward_pass, "PART_SENTENCES", 64)
        for path, what, changed in cases[::step]:
            content = path.read_bytes()
            path.write_bytes(changed)
            with pytest.raises(RunFolderError, match=path.name) as refused:
                read_tokens(own, n_sentences=2)
            assert f"rm -r {left}" in str(refused.value).replace("'", ""), what
            path.write_bytes(content)
            n += 1
        read_tokens(own, n_sentences=2)
        again = Path(shutil.copytree(made / "one" / "run of model", tmp_path / "again"))
        read_tokens(again, n_sentences=2)  # in the same parts: batches round otherwise
    assert n >= 2
    assert Run(own).table("tokens/entries").equals(Run(again).table("tokens/entries"))
    assert find(own, word="the").num_rows


def test_another_array_in_the_place_of_a_large_one_is_seen_when_it_is_read(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bit inside of it is seen by `verify` alone, as docs/run_folder.md says."""
    for module in ("folders.sums", "store.files"):
        monkeypatch.setattr(f"neurolect.{module}.ARRAYS_UP_TO", 4_000)
    monkeypatch.setattr("neurolect.folders.sums._END", 1_000)
    options = CollectOptions(**SIZES)
    own, theirs = (
        collect(
            load_model(str(made / which / "model")), made / "one" / "corpus", out=tmp_path / which, options=options
        )
        for which in ("one", "other")
    )
    path = own.folder / "sample" / "activations.npy"
    content = swap(own.folder, theirs.folder, "sample/activations.npy")
    assert len(content) == path.stat().st_size > 4_000
    with pytest.raises(RunFolderError, match=r"'sample/activations' .* is damaged: its content is another"):
        open_run(own.folder).array("sample/activations")
    inside = len(content) // 2
    path.write_bytes(content[:inside] + bytes([content[inside] ^ 1]) + content[inside + 1 :])
    open_run(own.folder).array("sample/activations")
    assert [part.name for part in verify(own.folder).damaged] == ["sample/activations.npy"]
