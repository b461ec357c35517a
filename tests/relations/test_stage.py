import dataclasses
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from neurolect.clustering.planar_maps import N_STEPS
from neurolect.config import load_config
from neurolect.errors import DescribeError, OptionError, RunFolderError
from neurolect.folders.atomic import write_npy
from neurolect.progress import NullProgress, NullTask, Task
from neurolect.relations import RelateOptions, relate, stage
from neurolect.store import Run, read_manifest, write_manifest
from tests.relations.related_run import QUICK, write_described_run


class Heard(NullProgress):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def message(self, text: str) -> None:
        self.texts.append(text)


class Counted(NullProgress):
    """Keeps the total of every task, and how far it came."""

    def __init__(self) -> None:
        self.tasks: dict[str, list[float]] = {}

    @contextmanager
    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Iterator[Task]:
        counts = self.tasks[name] = [total or 0.0, 0.0]

        class Counting(NullTask):
            def advance(self, n: float = 1) -> None:
                counts[1] += n

        yield Counting()


def copy(run: Run, folder: Path) -> Run:
    shutil.copytree(run.folder, folder)
    return Run(folder)


def contents(run: Run) -> dict[str, bytes]:
    return {str(path.name): path.read_bytes() for path in sorted((run.folder / "relations").rglob("*.*"))}


def test_a_run_that_is_related_is_left_as_it_is(related: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in related.folder.rglob("*") if path.is_file()}
    heard = Heard()
    relate(related, options=QUICK, progress=heard)
    assert heard.texts == [f"The neurons of {related.folder} are already related."]
    assert before == {path: path.stat().st_mtime_ns for path in related.folder.rglob("*") if path.is_file()}


def test_every_long_step_says_how_far_it_is(tmp_path: Path) -> None:
    heard = Counted()
    relate(write_described_run(tmp_path / "run"), options=QUICK, progress=heard)
    assert all(done == total > 0 for total, done in heard.tasks.values()), heard.tasks
    searches = {"alike by signature", "shared sentences", "responses", "correlation groups", "response groups"}
    assert heard.tasks.keys() == searches | {
        *("relations", "clusters", "layer groups", "maps", "diversity", "same index")
    }
    assert heard.tasks["maps"] == [3 * N_STEPS] * 2


def test_another_option_makes_only_what_depends_on_it(related: Run, tmp_path: Path) -> None:
    run = copy(related, tmp_path / "run")
    before = read_manifest(run.folder)["stages"]["relate"]["steps"]
    relate(run, options=dataclasses.replace(QUICK, diversity_sentences=7))
    after = read_manifest(run.folder)["stages"]["relate"]["steps"]
    assert {name for name in after if after[name] != before[name]} == {"diversity", "atlas"}


def test_an_interrupted_stage_resumes_and_ends_the_same(
    related: Run, described: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copy(described, tmp_path / "run")

    def stop(_inputs: object) -> dict[str, object]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stage, "draw_maps", stop)
        with pytest.raises(KeyboardInterrupt):
            relate(run, options=QUICK)
    manifest = read_manifest(run.folder)["stages"]["relate"]
    assert manifest["status"] == "running"
    assert list(manifest["steps"]) == ["vectors", "clusters", "alike", "layer_groups"]
    vectors = run.folder / "relations" / "vectors" / "words_top.npy"
    written = vectors.stat().st_mtime_ns
    relate(Run(run.folder), options=QUICK, workers=1)
    assert vectors.stat().st_mtime_ns == written
    assert contents(run) == contents(related)


def test_another_description_makes_all_again(related: Run, tmp_path: Path) -> None:
    run = copy(related, tmp_path / "run")
    manifest = read_manifest(run.folder)
    manifest["stages"]["describe"]["id"] = "another"
    write_manifest(run.folder, manifest)
    files = sorted((run.folder / "relations").rglob("*.*"))
    before = [each.stat().st_mtime_ns for each in files]
    assert not Run(run.folder).is_current("relate")
    relate(Run(run.folder), options=QUICK)
    assert Run(run.folder).is_current("relate")
    assert all(each.stat().st_mtime_ns > then for each, then in zip(files, before, strict=True))


def test_options_are_written_and_read_back(related: Run) -> None:
    assert load_config(related.folder / "options.toml").relate == QUICK


def test_encoder_vectors_are_next_to_those_of_words(related: Run, tmp_path: Path) -> None:
    run = copy(related, tmp_path / "run")
    given = np.random.default_rng(0).normal(size=(run.sentences().num_rows, 5)).astype(np.float32)
    write_npy(tmp_path / "given.npy", given)
    options = dataclasses.replace(QUICK, encoder_vectors=str(tmp_path / "given.npy"), groups=(3,))
    done = relate(run, options=options)
    rows = done.table("relations/clusters").to_pylist()
    assert {row["vectors"] for row in rows} == {"words", "encoder"}
    assert {row["k"] for row in rows} == {2, 3}
    assert done.array("relations/vectors/encoder_top").shape == (16, 5)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 2), np.float32), r"shape \(3, 2\)"),
        (np.full((500, 2), np.nan, np.float32), "not finite"),
        (None, "cannot be read"),
    ],
)
def test_encoder_vectors_that_do_not_fit_are_refused_and_leave_the_run_as_it_was(
    related: Run, tmp_path: Path, array: np.ndarray[tuple[int, int], np.dtype[np.float32]] | None, message: str
) -> None:
    run = copy(related, tmp_path / "run")
    if array is not None:
        write_npy(tmp_path / "given.npy", array)
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    with pytest.raises(OptionError, match=message):
        relate(run, options=dataclasses.replace(QUICK, encoder_vectors=str(tmp_path / "given.npy")))
    assert before == {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


def test_a_run_that_is_not_described_is_refused(described: Run, tmp_path: Path) -> None:
    run = copy(described, tmp_path / "run")
    manifest = read_manifest(run.folder)
    del manifest["stages"]["describe"]
    write_manifest(run.folder, manifest)
    with pytest.raises(RunFolderError, match="has not been described"):
        relate(Run(run.folder))


def test_a_run_without_word_vectors_is_refused(described: Run, tmp_path: Path) -> None:
    run = copy(described, tmp_path / "run")
    manifest = read_manifest(run.folder)
    manifest["options"]["describe"]["vectors"] = "none"
    write_manifest(run.folder, manifest)
    with pytest.raises(DescribeError, match="described without word vectors"):
        relate(Run(run.folder), options=QUICK)


def test_what_is_left_out_is_reported(tmp_path: Path) -> None:
    run = write_described_run(tmp_path / "run")
    heard = Heard()
    options = dataclasses.replace(QUICK, memory_gib=0.01, maps=("none",))
    done = relate(run, options=options, progress=heard)
    assert any("Correlation clustering left out" in text for text in heard.texts)
    assert any("1 neuron does not vary" in text for text in heard.texts)
    assert done.table("relations/responses").column("correlation_group").null_count == 16
    assert done.table("relations/maps").num_rows == 0
    assert "x" not in done.table("relations/neurons").column_names


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"maps": ("pca",)}, "relate.maps is \\('pca',\\)"),
        ({"n_neighbours": 0}, "relate.n_neighbours is 0"),
        ({"groups": (0,)}, "relate.groups is"),
        ({"twin_threshold": 1.5}, "relate.twin_threshold is 1.5"),
    ],
)
def test_options_out_of_range_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        RelateOptions(**given)  # type: ignore[arg-type]


def test_more_groups_than_lists_are_reported(related: Run, tmp_path: Path) -> None:
    heard = Heard()
    run = relate(
        copy(related, tmp_path / "run"), options=dataclasses.replace(QUICK, groups=(4, 20)), progress=heard
    )
    assert heard.texts.count("Fewer than 20 lists (top, bottom) have a vector: 20 groups are left out there.") == 1
    made = {(row["lists"], row["grouping"], row["k"]) for row in run.table("relations/clusters").to_pylist()}
    assert {("top", "layer", 4), ("both", "side", 4), ("both", "layer", 20)} <= made
    assert ("top", "layer", 20) not in made


def test_sentences_without_finite_activations_are_left_out_and_reported(related: Run, tmp_path: Path) -> None:
    run = write_described_run(tmp_path / "run")
    acts = np.array(run.array("sample/activations"))
    acts[:8, 2] = np.nan
    write_npy(run.folder / "sample" / "activations.npy", acts)
    heard = Heard()
    done = relate(run, options=QUICK, progress=heard)
    assert "1 sentence of the sample left out of responses: an activation was not finite." in heard.texts
    for made in ("relations/responses", "relations/maps"):
        assert done.table(made).num_rows == related.table(made).num_rows
    twins = done.table("relations/responses").column("twin_id").to_pylist()
    assert (twins[15], twins[3]) == (3, 15)
