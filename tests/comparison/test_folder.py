"""The folder of a comparison: written whole, opened in another process, never written over."""

import html
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.comparison import CompareOptions, Comparison, compare, folder, open_comparison
from neurolect.errors import FormatVersionError, OptionError, RunFolderError
from neurolect.explorer import Answers
from neurolect.store import Run
from neurolect.views.comparisons.pages import comparison_figure
from neurolect.views.comparisons.summary import comparison_summary
from tests.command_line import command, succeed
from tests.comparison.runs import changed, runs_of
from tests.documented_folder import check_folder

TABLES = ("matches", "across", "layers", "rankings", "number_distances", "distances")


@pytest.fixture(scope="module")
def made(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A comparison in memory, with every table."""
    from neurolect.signatures import DescribeOptions, describe

    home = tmp_path_factory.mktemp("described")
    plain = DescribeOptions(tagger="none", vectors="none", pattern_length=1)
    runs = [describe(changed(run.folder, home / run.folder.name), options=plain) for run in runs_of(workshop)]
    sentences = [f"all={workshop / 'corpus'}:all"]
    return compare(runs, out=home / "out", sentences=sentences, options=CompareOptions(limit=80))


def test_a_folder_opened_has_what_was_computed(made: Comparison, workshop: Path) -> None:
    assert made.folder is not None
    runs = [str(made.folder.parent / name) for name in ("run-trained", "run-random")]
    sentences = [f"all={workshop / 'corpus'}:all"]
    fresh = compare(runs, sentences=sentences, options=CompareOptions(limit=80))
    assert fresh.folder is None
    opened = open_comparison(made.folder)
    for name in TABLES:
        assert getattr(opened, name).equals(getattr(fresh, name)), name
        assert getattr(made, name).equals(getattr(fresh, name)), name
    timed = {"created", "seconds", "files"}
    for name in opened.manifest.keys() - timed:
        assert opened.manifest[name] == fresh.manifest[name], name
    ours, theirs = (comparison_summary(each) | {"seconds": None} for each in (opened, fresh))
    assert ours == theirs
    assert comparison_figure(opened, ours) == comparison_figure(fresh, theirs)
    assert repr(opened) == "Comparison(run-trained, run-random: 460 sentences)"
    assert check_folder(made.folder, page="comparison_folder.md") == {f"{name}.parquet" for name in TABLES}


def test_the_explorer_shows_it_next_to_its_runs(made: Comparison, workshop: Path) -> None:
    if made.folder is None:
        pytest.fail("the comparison has no folder")
    answers = Answers([workshop / "run-trained", made.folder, workshop / "run-random"])
    (entry,) = answers.get("start")["comparisons"]
    assert entry["title"] == " and ".join(made.labels)
    page = json.loads(answers.written("comparison/0"))
    assert page["runs"] == [0 if label == "run-trained" else 1 for label in made.labels]
    stacks = [block for block in page["blocks"] if block["kind"] == "stack"]
    for row in stacks[0]["rows"]:
        assert sum(row["shares"][:3]) == pytest.approx(1)
    (table,) = [block for block in page["blocks"] if block["title"] == "Neurons and their partners"]
    assert len(table["rows"]) == made.matches.num_rows


def test_a_notebook_shows_fates_by_layer_in_a_frame_without_rights(made: Comparison) -> None:
    hostile = Comparison({**made.manifest, "notices": ["<script>alert(1)</script>\u202e"]}, folder=made.folder)
    page = hostile._repr_html_()
    assert page.startswith("<iframe sandbox srcdoc=")
    inner = html.unescape(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e" in inner
    assert "<script" not in inner
    assert "run-trained -&gt; run-random" in inner
    assert [f'<th scope="row">hidden {layer}</th>' in inner for layer in (1, 2)] == [True, True]


def test_tables_are_the_same_in_another_process_and_read_when_asked(made: Comparison) -> None:
    code = (
        "import sys; from neurolect import open_comparison; made = open_comparison(sys.argv[1]);"
        "assert not made._tables; print(made.matches.num_rows, made.matches.column('r2').to_pylist(), sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(made.folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"64|{made.matches.column('r2').to_pylist()}"


def test_the_verb_prints_the_same_from_a_finished_folder(workshop: Path, tmp_path: Path) -> None:
    runs = (workshop / "run-trained", workshop / "run-random")
    out = tmp_path / "compared"
    asked = (*runs, "--out", out, "--sentences", f"all={workshop / 'corpus'}:all", "--limit", 80)
    said = succeed("compare", *asked)
    assert "run-trained -> run-random" in said
    assert "Of 32 neurons, with a partner of |r| >= 0.5:" in said
    assert "mean distance between their activations" in said
    assert said.startswith((out / "summary.txt").read_text())
    files = {"manifest.json", "summary.txt", "layers.png", "matches.parquet", "across.parquet", "layers.parquet"}
    assert {each.name for each in out.iterdir()} == files | {"distances.parquet"}
    assert (out / "layers.png").read_bytes().startswith(b"\x89PNG")
    before = {each: each.stat().st_mtime_ns for each in out.iterdir()}
    assert succeed("compare", *asked) == said
    assert succeed("compare", out) == said
    ranked = succeed("rank", out, "--by", "r2", "--limit=3", "--out", tmp_path / "r2.parquet").splitlines()
    assert ranked[0].startswith("Neurons of run-trained by r2, against all other runs; ")
    assert len(ranked) == 5
    assert pq.read_table(tmp_path / "r2.parquet").num_rows > 3
    assert "--side does not go with a comparison" in command("rank", out, "--by=r2", "--side=top").err
    assert {each: each.stat().st_mtime_ns for each in out.iterdir()} == before
    printed = json.loads(succeed("compare", out, "--format", "json"))
    assert printed["pairs"][0]["n_neurons"] == [32, 32]


def test_nothing_is_overwritten(workshop: Path, tmp_path: Path) -> None:
    runs = [workshop / "run-trained", workshop / "run-random"]
    out = tmp_path / "compared"
    compare(runs, out=out)
    assert compare(runs, out=out, options=CompareOptions()).folder == out
    with pytest.raises(RunFolderError, match=r"another comparison already \(other options\)(.|\n)*compare"):
        compare(runs, out=out, options=CompareOptions(match=0.7))
    with pytest.raises(RunFolderError, match=r"\(other runs, stream\); nothing is overwritten"):
        compare(runs[::-1], out=out, stream=str(workshop / "corpus"))
    with pytest.raises(RunFolderError, match=r"run-trained is there already; nothing is overwritten(.|\n)*--out"):
        compare(runs, out=runs[0])
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="file is there already; nothing is overwritten"):
        compare(runs, out=tmp_path / "file")


def test_a_comparison_in_the_place_of_runs(workshop: Path, tmp_path: Path) -> None:
    out = tmp_path / "compared"
    compare(runs_of(workshop), out=out)
    assert compare([out]).matches.num_rows == 64
    with pytest.raises(OptionError, match=r"is a finished comparison(.|\n)*name the runs to compare"):
        compare([out], out=tmp_path / "other")
    with pytest.raises(OptionError, match="is a finished comparison"):
        compare([out], options=CompareOptions(match=0.9))
    with pytest.raises(RunFolderError, match=r"it is a comparison folder(.|\n)*goes to: neurolect compare"):
        compare([out, workshop / "run-random"])


def test_runs_made_again_since_are_named(workshop: Path, tmp_path: Path) -> None:
    runs = [changed(each.folder, tmp_path / each.folder.name).folder for each in runs_of(workshop)]
    out = tmp_path / "out"
    assert compare(runs, out=out).stale() == []
    manifest = json.loads((runs[1] / "manifest.json").read_text())
    manifest["stages"]["collect"]["id"] = "another"
    (runs[1] / "manifest.json").write_text(json.dumps(manifest))
    reason = "run-random was collected again since this comparison was made"
    assert [line.startswith(reason) for line in open_comparison(out).stale()] == [True]
    assert f"Note: {reason}" in succeed("compare", out)
    with pytest.raises(RunFolderError, match=rf"of an earlier state of the runs(.|\n)*{reason}"):
        compare(runs, out=out)
    runs[1].rename(tmp_path / "elsewhere")
    assert open_comparison(out).stale() == []
    described = json.loads((runs[0] / "manifest.json").read_text())
    collected = described["stages"]["collect"]["id"]
    described["stages"]["describe"] = {"status": "complete", "id": "x", "rests_on": {"collect": collected}}
    (runs[0] / "manifest.json").write_text(json.dumps(described))
    assert Run(runs[0]).is_current("describe")
    assert [line.startswith("run-trained has other signatures") for line in open_comparison(out).stale()] == [True]


def test_a_folder_that_cannot_be_written_leaves_nothing(
    workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _: pa.Table) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "write_table", full)
    answer = command("compare", workshop / "run-trained", workshop / "run-random", "--out", tmp_path / "out")
    assert answer.code == 1
    assert "The disk is full" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_comparison_is_refused(workshop: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"is not a comparison folder: it is a run folder"):
        open_comparison(workshop / "run-trained")
    out = tmp_path / "out"
    compare(runs_of(workshop), out=out)
    (out / "layers.parquet").unlink()
    (out / "across.parquet").write_bytes((out / "across.parquet").read_bytes()[:50])
    damaged = open_comparison(out)
    assert damaged.matches.num_rows == 64
    for name in ("layers", "across"):
        with pytest.raises(RunFolderError, match=rf"'{name}' of the comparison (.|\n)*compare again"):
            getattr(damaged, name)
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 3}))
    with pytest.raises(FormatVersionError, match="schema version 3"):
        open_comparison(out)


AT_ONCE = """
import sys, time
from pathlib import Path
from neurolect.comparison import CompareOptions, compare, folder

me, other = map(Path, sys.argv[1:3])
write = folder.write_json

def and_wait(*given):
    write(*given)
    me.touch()
    while not other.exists():
        time.sleep(0.001)

folder.write_json = and_wait
compare(sys.argv[3:5], out=sys.argv[5], options=CompareOptions(match=float(sys.argv[6])))
"""


@pytest.mark.parametrize("other_match", [0.5, 0.9])
@pytest.mark.slow
def test_two_at_once_for_one_place(workshop: Path, tmp_path: Path, other_match: float) -> None:
    """Both are written whole before any is in its place; the same comparison is found, another one refused."""
    runs = [str(run.folder) for run in runs_of(workshop)]
    places = [tmp_path / "ready-0", tmp_path / "ready-1"]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", AT_ONCE, *map(str, (*places[::step], *runs, tmp_path / "out", match))],
            stderr=subprocess.PIPE,
            text=True,
        )
        for step, match in ((1, 0.5), (-1, other_match))
    ]
    said = [each.communicate(timeout=120)[1] for each in started]
    n_done = sum(each.returncode == 0 for each in started)
    made = open_comparison(tmp_path / "out")
    assert made.matches.num_rows == 64
    assert n_done == (2 if other_match == 0.5 else 1), said
    if n_done == 1:
        assert any(
            "holds another comparison already (other options); nothing is overwritten" in each for each in said
        )
        winner = next(n for n, each in enumerate(started) if each.returncode == 0)
        assert made.options["match"] == (0.5, other_match)[winner]
    assert {path.name for path in tmp_path.iterdir()} == {"ready-0", "ready-1", "out"}
