"""The whole protocol: resumed, what its steps say, figures and texts, bad input."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect.errors import CorpusError, OptionError, ProbingError
from neurolect.explorer import Answers
from neurolect.model import ModelOptions
from neurolect.probing import (
    ActivationsOptions,
    ProbeOptions,
    Probing,
    ProtocolOptions,
    compare_probings,
    fit_linear,
    open_probe,
    open_probing,
    probe_all,
    read_activations,
    write_probe,
)
from neurolect.probing.protocol.comparison import divergence
from neurolect.probing.protocol.steps import Protocol
from neurolect.probing.rankings.lca import lca_order
from neurolect.verification import verify
from neurolect.views.plots.protocol import FIGURES, write_protocol_figures
from neurolect.views.texts.protocol import protocol_text
from tests.command_line import command, csv_rows
from tests.model.networks import tiny_model
from tests.probing.treebanks import sentences, write_treebank
from tests.tiny_models import write_tiny_bert

QUICK = ProtocolOptions(
    grid=(1e-3, 1e-2),
    search_units=200,
    max_solves=4,
    max_sets=2,
    n_random=2,
    cuts=(0.0, 0.5),
    n_resamples=2,
    n_bootstrap=20,
    gap=0.1,
)
SMALL = ProbeOptions(units=300, gap=0.05)


def made_in(folder: Path, *, concept: Any = "tags", **given: Any) -> Probing:
    """Run it on a tiny model and random sentences."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "treebank.jsonl"
    if not data.exists():
        write_treebank(data, sentences(200))
    chosen: dict[str, Any] = {"options": QUICK, "probe": SMALL, "out": folder / "out"}
    chosen |= {"reading": ActivationsOptions(min_train=8, min_test=2)} | given
    return probe_all(chosen.pop("model", None) or tiny_model("Bert"), data, concept=concept, **chosen)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Probing:
    return made_in(tmp_path_factory.mktemp("protocol"))


def test_every_step_says_what_it_found(whole: Probing) -> None:
    steps, n = whole.steps, whole.facts["n_neurons"]
    assert list(steps) == [
        "search",
        "fit",
        "minimal",
        "controls",
        "layers",
        "clusters",
        "sets",
        "resamples",
        "classes",
    ]
    assert len(steps["search"]["tried"]) == 4
    probe = open_probe(whole.folder / "probe")
    order = lca_order(probe.weights).order  # type: ignore[union-attr]
    addresses = whole.ranking.column("address").to_pylist()
    assert sorted(addresses) == sorted({*addresses})
    by_place = dict(zip(order.tolist(), addresses, strict=True))
    assert steps["minimal"]["neurons"] == addresses[: steps["minimal"]["k"]]
    assert steps["minimal"]["at"]["k"] == steps["minimal"]["k"] <= n
    counts = [each["n"] for each in steps["minimal"]["layers"]["minimal set"]]
    assert sum(counts) == steps["minimal"]["k"]
    assert steps["controls"]["all"]["selectivity"]["value"] == pytest.approx(
        steps["controls"]["all"]["task"]["value"] - steps["controls"]["all"]["control"]["value"]
    )
    assert steps["layers"]["up_to"][-1]["k"] == n == sum(each["k"] for each in steps["layers"]["alone"])
    assert steps["layers"]["alone"][0]["k"] == steps["layers"]["up_to"][0]["k"]
    assert steps["clusters"]["cuts"][0]["k"] >= steps["clusters"]["cuts"][1]["k"]
    sets = [set(each["neurons"]) for each in steps["sets"]["sets"]]
    assert all(not one & other for place, one in enumerate(sets) for other in sets[:place])
    assert steps["sets"]["sets"][0]["neurons"] == steps["minimal"]["neurons"]
    assert len(steps["resamples"]["rows"]) == 2
    classes = steps["classes"]
    assert sum(classes["by_number_of_classes"]) == n
    exclusive = sum(each["exclusive"] for each in classes["classes"])
    assert exclusive == classes["by_number_of_classes"][1]
    assert by_place[int(order[0])] == addresses[0]


def test_the_minimal_set_loses_no_more_than_said(whole: Probing) -> None:
    fit, found = whole.steps["fit"], whole.steps["minimal"]
    assert found["target"] == pytest.approx(fit["dev"] - 0.01)
    assert found["met"] == (found["dev"] >= found["target"])


def test_a_killed_command_goes_on_and_finds_the_same(
    whole: Probing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Protocol, "clusters", killed)
        with pytest.raises(KilledError):
            made_in(tmp_path)
    left = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.json")}
    assert "layers.json" in left
    assert "manifest.json" not in left
    with pytest.raises(ProbingError, match=r"is not a protocol's folder"):
        open_probing(tmp_path / "out")
    again = made_in(tmp_path)
    assert (tmp_path / "out" / "layers.json").stat().st_mtime_ns == left["layers.json"]
    for name, found in whole.steps.items():
        assert again.steps[name] | {"seconds": 0} == found | {"seconds": 0}, name
    assert again.ranking.equals(whole.ranking)
    assert made_in(tmp_path).steps == again.steps
    with pytest.raises(ProbingError, match=r"of other activations, labels or options"):
        made_in(tmp_path, probe=ProbeOptions(units=200))


def test_options_that_came_later_have_their_defaults(tmp_path: Path) -> None:
    made, options = made_in(tmp_path), ActivationsOptions(min_train=8, min_test=2)

    def without(path: Path, stage: str, part: str, option: str) -> None:
        facts = json.loads(path.read_text(encoding="utf-8"))
        del facts[stage][part][option]
        path.write_text(json.dumps(facts), encoding="utf-8")

    without(made.folder / "manifest.json", "key", "probe", "seed")
    assert made_in(tmp_path).steps == made.steps
    for part, option in (("model", "pooling"), ("activations", "seed")):
        without(made.folder / "activations" / "manifest.json", "options", part, option)
    store, data = made.folder / "activations", tmp_path / "treebank.jsonl"
    assert read_activations(tiny_model("Bert"), data, out=store, concept="tags", options=options).folder == store


def test_steps_of_other_options_are_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Protocol, "minimal", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            made_in(tmp_path)
    before = (tmp_path / "out" / "fit.json").stat().st_mtime_ns
    made_in(tmp_path, probe=ProbeOptions(units=200, gap=0.05))
    assert (tmp_path / "out" / "fit.json").stat().st_mtime_ns != before


def test_figures_and_summary(whole: Probing) -> None:
    write_protocol_figures(whole)
    assert all((whole.folder / name).read_text(encoding="utf-8").startswith("<?xml") for name in FIGURES)
    text = protocol_text(whole)
    assert f"Minimal set: {whole.steps['minimal']['k']} of" in text
    assert "most frequent class of the word" in text
    assert "Neurons that have 50% of a class's weight" in text
    assert max(len(line) for line in text.splitlines() if " classes of fewer than " not in line) <= 120


def test_pairs_sentences_and_one_class_against_the_rest(tmp_path: Path) -> None:
    pairs = made_in(tmp_path / "pairs", concept="arcs")
    assert pairs.facts["unit"] == "pair"
    assert pairs.ranking.num_rows == pairs.facts["n_neurons"]
    topic = made_in(tmp_path / "topic", concept="topic")
    assert topic.steps["controls"]["task"] == "permuted labels"
    assert topic.steps["fit"]["of_type"] is None
    assert len(topic.steps["classes"]["classes"]) == 1
    for made in (pairs, topic):
        assert "Minimal set" in protocol_text(made)


def test_penalties_may_be_given_and_random_weights_read(tmp_path: Path) -> None:
    model = str(write_tiny_bert(tmp_path / "bert"))
    options = ProtocolOptions(
        **{name: getattr(QUICK, name) for name in QUICK.__dataclass_fields__} | {"grid": (0.0,)}
    )
    made = made_in(tmp_path, model=model, options=options, random=True, activations=tmp_path / "acts")
    assert made.steps["search"]["best"] == {"l1": 1e-3, "l2": 1e-3}
    assert 0 <= made.steps["random"]["all"]["task"]["value"] <= 1
    assert "minimal" not in made.steps["random"]
    own, new = (made.steps[each]["all"]["task"]["value"] for each in ("random", "random_embeddings"))
    assert own != new
    assert sorted(each.name for each in made.folder.iterdir() if each.is_dir()) == ["probe"]
    assert "random weights and embeddings, all neurons" in protocol_text(made)


def test_the_explorer_shows_it(whole: Probing) -> None:
    answers = Answers([whole.folder])
    (entry,) = answers.get("start")["protocols"]
    assert "linear probes" in entry["note"]
    page = json.loads(answers.written("protocol/0"))
    drawn = {block["title"]: block for block in page["blocks"]}
    alone = drawn["Accuracy by layer"]["curves"][0]["y"]
    assert alone == pytest.approx([each["test"] for each in whole.steps["layers"]["alone"]], rel=1e-4)
    assert [row[1] for row in drawn["Neurons by LCA"]["rows"]] == whole.ranking.column("address").to_pylist()


def test_two_folders_are_compared(whole: Probing, tmp_path: Path) -> None:
    same = compare_probings([whole.folder, whole.folder]).to_pylist()[0]
    assert (same["spearman"], same["jaccard_10"], same["jaccard_minimal"], same["moved"]) == (1, 1, 1, 0)
    assert same["divergence"] == 0
    assert same["paired"]
    other = made_in(tmp_path / "topic", concept="topic")
    found = compare_probings([whole.folder, other.folder]).to_pylist()[0]
    orders = [each.ranking.column("address").to_pylist() for each in (whole, other)]
    both = len({*orders[0][:10]} & {*orders[1][:10]})
    assert found["jaccard_10"] == both / (20 - both)
    assert not found["paired"]
    assert found["moved"] == other.steps["minimal"]["mean_layer"] - whole.steps["minimal"]["mean_layer"]
    bert, first = str(write_tiny_bert(tmp_path / "bert")), ModelOptions(layers=(1,))
    shallow = made_in(tmp_path / "shallow", concept="topic", model=bert, model_options=first)
    found = compare_probings([whole.folder, shallow.folder]).to_pylist()[0]
    assert (found["spearman"], found["moved"], found["bins"]) == (None, None, 3)
    said = command("probing", "compare", whole.folder, shallow.folder, whole.folder).out
    assert "by third of the depth" in said
    rows = csv_rows("probing", "compare", whole.folder, shallow.folder)
    assert float(rows[0]["bins"]) == 3
    assert "(+0.00 to +0.00, the same bootstrap samples)" in said
    with pytest.raises(OptionError, match="two or more folders"):
        compare_probings([whole.folder])


def test_divergence_is_as_defined() -> None:
    assert divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(1.0)
    one, other = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    middle = (one + other) / 2
    slow = sum(0.5 * float(each @ np.log2(each / middle)) for each in (one, other))
    assert divergence(one, other) == pytest.approx(slow)


def test_verify_knows_the_folder_and_what_is_damaged_in_it(whole: Probing, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(whole.folder, copy)
    found = verify(copy)
    assert found.kind == "protocol's folder"
    assert not found.damaged
    assert not [name for name in found.others if not name.endswith((".svg", ".txt"))]
    (copy / "sets.json").write_text("{}", encoding="utf-8")
    (copy / "activations" / "rows" / "00000.npy").unlink()
    assert {each.name for each in verify(copy).damaged} == {"sets.json", "activations/rows/00000.npy"}
    assert command("verify", copy).code == 1
    (copy / "sets.json").write_text("{", encoding="utf-8")
    with pytest.raises(ProbingError, match=r"sets\.json cannot be read"):
        open_probing(copy)


def test_verify_knows_folders_of_probes(tmp_path: Path) -> None:
    values, labels = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 2
    write_probe(fit_linear(values, labels), tmp_path / "probe")
    found = verify(tmp_path / "probe")
    assert (found.kind, found.damaged, found.others) == ("probe's folder", [], [])
    path, record = tmp_path / "probe" / "probe.safetensors", tmp_path / "probe" / "probe.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert [each.name for each in verify(tmp_path / "probe").damaged] == [path.name]
    assert f"{path.name}  damaged: its content is another" in command("verify", tmp_path / "probe").out
    path.write_bytes(whole)
    facts = json.loads(record.read_text(encoding="utf-8"))
    del facts["files"]  # as it was before there were check sums
    record.write_text(json.dumps(facts), encoding="utf-8")
    assert [each.name for each in verify(tmp_path / "probe").unrecorded] == [path.name]


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    for folder in (tmp_path / "out", tmp_path / "out" / "activations"):
        folder.mkdir(parents=True)
        (folder / ".plan.json.0123abcd-99999999.tmp").write_text("{", encoding="utf-8")
    assert made_in(tmp_path).steps["minimal"]["k"] >= 1


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ProbingError, match=r"has something else in it"):
        made_in(tmp_path)
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("concept", "options", "error", "message"),
    [
        ("score", {}, OptionError, r"labels of 'score' are numbers(.|\n)*--by lca"),
        ("tags", {"min_train": 10_000}, ProbingError, r"class"),
        (lambda words: ["one"] * len(words), {}, ProbingError, r"class"),
        ("nothing", {}, OptionError, r"nothing"),
        ("tags", {"dev": 0.0}, ProbingError, r"dev part has no unit"),
    ],
)
def test_bad_labels_are_refused_and_leave_no_protocol(
    concept: Any, options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        made_in(tmp_path, concept=concept, reading=ActivationsOptions(**{"min_train": 8, "min_test": 2} | options))
    assert not (tmp_path / "out").exists()  # nothing was read


def test_a_class_of_one_example_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = sentences(200)
    rows[0]["tags"][0] = "RARE"
    write_treebank(tmp_path / "treebank.jsonl", rows)
    made = made_in(tmp_path)
    assert made.facts["left_out"]["RARE"] == 1
    assert "10 classes of fewer than 8 units" in protocol_text(made)
    shutil.rmtree(tmp_path / "out")
    with caplog.at_level(logging.WARNING):
        kept = made_in(tmp_path, reading=ActivationsOptions(min_train=1, min_test=1))
    assert "RARE" not in kept.facts["classes"] or "single unit" in caplog.text
    assert "RARE" in {**kept.facts["left_out"], **dict.fromkeys(kept.facts["classes"])}


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    made_in(tmp_path)
    path = tmp_path / "out" / "activations" / "rows" / "00000.npy"
    rows = np.load(path)
    rows[3, 2] = np.nan
    np.save(path, rows)
    for each in (tmp_path / "out").iterdir():
        if each.name != "activations":
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    with pytest.raises((ProbingError, CorpusError), match=r"NaN or infinite|damaged"):
        made_in(tmp_path)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_sentences_that_are_cut_or_skipped_are_counted(tmp_path: Path) -> None:
    rows = sentences(200)
    for key in ("tokens", "tags", "head", "deprel"):
        rows[5][key] = rows[5][key][:1] * 700
    rows[7]["tags"] = [*rows[7]["tags"], "A"]
    write_treebank(tmp_path / "treebank.jsonl", rows)
    made = made_in(tmp_path)
    assert made.facts["counts"]["units_cut"] > 0
    assert "cut off at the model's longest sentence" in protocol_text(made)
    assert "Sentences skipped: 1" in protocol_text(made)


def test_the_command_prints_what_it_writes(tmp_path: Path) -> None:
    model = write_tiny_bert(tmp_path / "bert")
    data = write_treebank(tmp_path / "treebank.jsonl", sentences(200))
    tuned = ["activations.min_train=8", "activations.min_test=2", "probe.units=300", "probe.gap=0.05"]
    tuned += [
        "probe.l1=1e-3",
        "protocol.grid=0",
        "protocol.n_bootstrap=20",
        "protocol.max_sets=1",
        "protocol.n_resamples=2",
        "protocol.gap=0.1",
    ]
    given = [each for setting in tuned for each in ("--set", setting)]
    words = ["probing", "all", model, data, "--concept", "tags", "--out", tmp_path / "out", "--preset", "reduced"]
    said = command(*words, *given)
    assert said.code == 0, said.err
    assert said.out == (tmp_path / "out" / "summary.txt").read_text(encoding="utf-8")
    assert {*FIGURES} <= {each.name for each in (tmp_path / "out").iterdir()}
    again = command(*words, *given, "--format", "json")
    assert json.loads(again.out)["steps"]["minimal"]["k"] >= 1
