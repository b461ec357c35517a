import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import open_corpus
from neurolect.errors import CorpusError, ModelError, OptionError, RunFolderError
from neurolect.model import ModelOptions, load_model
from neurolect.relations.between_models import CompareOptions, compare
from neurolect.relations.between_models.common_ground import common_ground
from neurolect.store import Run, open_run
from neurolect.variants import random_variant
from neurolect.views.comparison_summary import comparison_summary
from tests.command_line import command, succeed
from tests.reference.between_models import best_match
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

OPTIONS = CollectOptions(list_size=30)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models and their runs over one corpus."""
    folder = tmp_path_factory.mktemp("compared")
    model = write_tiny_bert(folder / "trained")
    random_variant(str(model), out=folder / "random")
    corpus = tiny_corpus(folder)
    for name in ("trained", "random"):
        collect(load_model(str(folder / name)), corpus, out=folder / f"run-{name}", options=OPTIONS)
    return folder


def runs_of(workshop: Path) -> list[Run]:
    return [open_run(workshop / "run-trained"), open_run(workshop / "run-random")]


def changed(run: Path, out: Path, **values: Any) -> Run:
    """Copy a run folder with another manifest: ``corpus__fingerprint="x"``."""
    shutil.copytree(run, out)
    manifest = json.loads((out / "manifest.json").read_text())
    for name, value in values.items():
        *path, last = name.split("__")
        at = manifest
        for key in path:
            at = at[key]
        at[last] = value
    (out / "manifest.json").write_text(json.dumps(manifest))
    return open_run(out)


def test_partners_are_those_of_the_stored_activations(workshop: Path) -> None:
    made = compare(runs_of(workshop))
    values = [np.load(each.folder / "sample/activations.npy").T.astype(np.float64) for each in runs_of(workshop)]
    assert made.n_sentences == 460
    assert made.matches.num_rows == 64
    rows = made.matches.slice(0, 32).to_pylist()
    for neuron in (0, 7, 31):
        best, r = best_match(values[0][:, neuron], values[1])
        assert rows[neuron]["best_address"] == f"hidden.{1 + best // 16}.{best % 16}"
        assert rows[neuron]["correlation"] == pytest.approx(r, abs=1e-4)
    fates = {row["fate"] for row in made.matches.to_pylist()}
    assert fates <= {"kept", "moved within the layer", "moved to another layer", "vanished", "appeared"}
    assert made.layers.num_rows == 4
    assert made.distances is None
    assert made.chance_shared == pytest.approx(
        30 / runs_of(workshop)[0].manifest["stages"]["collect"]["n_sentences"]
    )


def test_a_model_compared_with_its_copy_keeps_everything(workshop: Path, tmp_path: Path) -> None:
    first = open_run(workshop / "run-trained")
    made = compare([first, changed(first.folder, tmp_path / "copy")])
    for row in made.matches.to_pylist():
        assert row["fate"] == "kept"
        assert row["same_correlation"] == pytest.approx(1, abs=1e-4)
        assert row["r2"] > 0.9
        assert row["shared"] == row["same_shared"] == row["best_shared"] == 1
        assert row["best_shared_address"] == row["address"]
    same = [row for row in made.layers.to_pylist() if row["layer"] == row["other_layer"]]
    assert all(row["svcca_held_out"] == pytest.approx(1, abs=1e-3) for row in same)


def test_partners_of_the_same_index_are_counted(workshop: Path) -> None:
    made = compare(runs_of(workshop))
    fates = ["moved to another layer"] * 4 + ["kept"] * 60
    partners = ["hidden.2.0", "hidden.2.11", "hidden.1.2", "hidden.2.13", *["hidden.2.4"] * 60]
    addresses = ["hidden.1.0", "hidden.1.1", "hidden.2.2", "hidden.1.3", *["hidden.1.4"] * 60]
    columns = {"fate": fates, "best_address": partners, "address": addresses, "layer": [1, 1, 2, 1] + [1] * 60}
    table = made.matches
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values))
    found = comparison_summary(made._replace(matches=table))["pairs"][0]
    assert found["same_index"] == {"n": 2, "shallower": 1}


def test_three_models_and_how_well_all_know_a_neuron(workshop: Path, tmp_path: Path) -> None:
    runs = [*runs_of(workshop), changed(workshop / "run-trained", tmp_path / "copy")]
    made = compare(runs)
    assert made.matches.num_rows == 6 * 32
    across = made.across.to_pylist()
    assert len(across) == 3 * 32
    correlations = made.matches.column("correlation").to_numpy().reshape(3, 2, 32)
    for row in across[:32]:
        both = np.abs(correlations[0, :, row["neuron_id"]])
        assert row["max_correlation"] == pytest.approx(both.max())
        assert row["min_correlation"] == pytest.approx(both.min())
    assert sorted(row["rank_min_correlation"] for row in across[:32]) == list(range(1, 33))


def test_streamed_and_stored_activations_agree(workshop: Path) -> None:
    stored = compare(runs_of(workshop))
    streamed = compare(runs_of(workshop), stream=str(workshop / "corpus"))
    assert streamed.n_sentences == stored.n_sentences == 460
    ours, theirs = (each.matches.column("correlation").to_numpy() for each in (streamed, stored))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.gpu
def test_streamed_on_a_gpu(workshop: Path) -> None:
    stored = compare(runs_of(workshop))
    streamed = compare(runs_of(workshop), stream=str(workshop / "corpus"), device="cuda")
    ours, theirs = (each.matches.column("correlation").to_numpy() for each in (streamed, stored))
    np.testing.assert_allclose(ours, theirs, atol=1e-2)  # float16 forward passes


def test_distances_over_sentence_sets(workshop: Path) -> None:
    sets = [f"unseen={workshop / 'corpus'}:held_out", f"documents={workshop / 'documents.jsonl'}"]
    made = compare(runs_of(workshop), sentences=sets)
    assert made.distances is not None
    rows = made.distances.to_pylist()
    assert [(row["set"], row["layer"]) for row in rows] == [
        (name, layer) for name in ("unseen", "documents") for layer in (1, 2, None)
    ]
    corpus = open_corpus(workshop / "corpus")
    texts = corpus.take(corpus.sentence_ids("held_out"), columns=["text"]).column("text").to_pylist()
    values = []
    for run in runs_of(workshop):
        model = load_model(run.manifest["model"]["name"])
        tokens = model.tokenize(texts)
        values.append(model.read(model.pad(tokens, np.arange(len(texts)))).values.astype(np.float64))
    difference = values[0] - values[1]
    assert rows[2]["n_sentences"] == len(texts)
    assert rows[2]["manhattan"] == pytest.approx(np.abs(difference).sum(axis=1).mean(), rel=1e-4)
    assert rows[2]["euclidean"] == pytest.approx(np.sqrt((difference**2).sum(axis=1)).mean(), rel=1e-4)
    assert rows[1]["euclidean"] == pytest.approx(np.sqrt((difference[:, 16:] ** 2).sum(axis=1)).mean(), rel=1e-4)


def test_runs_over_different_corpora(workshop: Path, tmp_path: Path) -> None:
    other = changed(workshop / "run-random", tmp_path / "other", corpus__fingerprint="f" * 32)
    runs = [open_run(workshop / "run-trained"), other]
    with pytest.raises(RunFolderError, match=r"different corpora(.|\n)*ffffffff(.|\n)*--stream"):
        compare(runs)
    made = compare(runs, stream=str(workshop / "corpus"), options=CompareOptions(limit=100))
    assert made.chance_shared is None
    assert made.matches.column("same_shared").null_count == 64
    assert made.matches.column("best_shared_address").null_count == 64
    assert any("Lists are not compared: the runs read other corpora" in each for each in made.notices)


def test_what_runs_have_in_common_is_compared_and_the_rest_told(workshop: Path, tmp_path: Path) -> None:
    short = CollectOptions(list_size=12, activation_sample_size=200, sides=("top",))
    model, corpus = load_model(str(workshop / "random")), open_corpus(workshop / "corpus")
    runs = [open_run(workshop / "run-trained"), collect(model, corpus, out=tmp_path / "short", options=short)]
    made = compare(runs)
    assert made.n_sentences == 200
    assert "List sizes differ: 30 in run-trained, 12 in short; the first 12 entries are compared." in made.notices
    assert "Only the sides all runs have are compared: top." in made.notices
    part = collect(model, corpus, out=tmp_path / "part", options=CollectOptions(list_size=12, limit=250))
    made = compare([runs[0], part])
    assert any("the runs read other sentences of the corpus (460 in run-trained" in each for each in made.notices)
    pooled = changed(workshop / "run-random", tmp_path / "max", options__model__pooling="max")
    made = compare([runs[0], pooled])
    assert "pooling differs: mean in run-trained, max in max." in made.notices
    assert not any("differ in shape" in each for each in made.notices)


def test_models_of_other_depth_or_width_are_told(workshop: Path, tmp_path: Path) -> None:
    other = changed(workshop / "run-random", tmp_path / "deep", model__n_layers=7)
    notices = common_ground([open_run(workshop / "run-trained"), other], streamed=False).notices
    assert len(notices) == 1
    assert "differ in shape: 2 layers of 16 (hidden) in run-trained, 7 layers of 16 (hidden) in deep" in notices[0]


def test_fewer_sentences_than_neurons_are_told(workshop: Path, tmp_path: Path) -> None:
    few = CollectOptions(list_size=12, activation_sample_size=60)
    model, corpus = load_model(str(workshop / "random")), open_corpus(workshop / "corpus")
    runs = [open_run(workshop / "run-trained"), collect(model, corpus, out=tmp_path / "few", options=few)]
    told = "R2 is fitted on 30 sentences, fewer than the 32 neurons that explain"
    assert any(each.startswith(told) for each in compare(runs).notices)
    assert not any(each.startswith("R2 is") for each in compare(runs_of(workshop)).notices)


def test_runs_without_enough_common_sentences(workshop: Path, tmp_path: Path) -> None:
    few = CollectOptions(list_size=12, activation_sample_size=20)
    model, corpus = load_model(str(workshop / "random")), open_corpus(workshop / "corpus")
    runs = [open_run(workshop / "run-trained"), collect(model, corpus, out=tmp_path / "few", options=few)]
    with pytest.raises(RunFolderError, match=r"20 common sentences \(460 in run-trained, 20 in few(.|\n)*--stream"):
        compare(runs)


def test_activations_that_are_not_finite_are_left_out_and_counted(workshop: Path, tmp_path: Path) -> None:
    bad = changed(workshop / "run-random", tmp_path / "bad")
    values = np.load(bad.folder / "sample/activations.npy")
    values[3, :7] = np.nan
    np.save(bad.folder / "sample/activations.npy", values)
    made = compare([open_run(workshop / "run-trained"), bad])
    assert made.n_sentences == 453
    assert "7 sentences left out: an activation was NaN or infinite." in made.notices
    values[:] = np.nan
    np.save(bad.folder / "sample/activations.npy", values)
    with pytest.raises(RunFolderError, match="No two sentences have finite activations in all models"):
        compare([open_run(workshop / "run-trained"), open_run(bad.folder)])


def test_layers_are_ranked_side_by_side(workshop: Path, tmp_path: Path) -> None:
    from neurolect.relations.ranking import rank_neurons
    from neurolect.signatures import DescribeOptions, describe

    plain = DescribeOptions(tagger="none", vectors="none", pattern_length=1)
    runs = [
        describe(changed(each.folder, tmp_path / each.folder.name), options=plain) for each in runs_of(workshop)
    ]
    made = compare(runs)
    assert made.rankings is not None
    rows = made.rankings.to_pylist()
    places = [("run-trained", 1), ("run-trained", 2), ("run-random", 1), ("run-random", 2)]
    assert [(row["by"], row["run"], row["layer"]) for row in rows] == [("length", *place) for place in places]
    ranking = rank_neurons(runs[1], by="length")
    assert rows[3]["mean"] == ranking.layers[1].mean
    assert rows[3]["rank_median"] == pytest.approx((ranking.layers[1].quartiles[2] - 1) / (ranking.n_ranked - 1))
    assert made.matches.column("name").null_count == 0
    asked = compare(runs, rank_by=["field=topic"])
    assert asked.rankings is not None
    assert asked.rankings.column("by").to_pylist() == ["field=topic"] * 4
    assert "Ranked by field=topic" in succeed("compare", *(each.folder for each in runs), "--by", "field=topic")
    with pytest.raises(RunFolderError, match=r"has not been described(.|\n)*neurolect describe"):
        compare(runs_of(workshop), rank_by=["length"])


def test_what_cannot_be_compared(workshop: Path, tmp_path: Path) -> None:
    runs = runs_of(workshop)
    with pytest.raises(OptionError, match="two or more different run folders"):
        compare([runs[0], runs[0]])
    with pytest.raises(OptionError, match=r"'news.csv' cannot be read(.|\n)*NAME=SOURCE"):
        compare(runs, sentences=["news.csv"])
    source = f"{workshop / 'corpus'}"
    with pytest.raises(OptionError, match="Two sentence sets are called 'a'"):
        compare(runs, sentences=[f"a={source}", f"a={source}:all"])
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(CorpusError, match="'nothing' is empty"):
        compare(runs, sentences=[f"nothing={tmp_path / 'empty.txt'}"])
    with pytest.raises(OptionError, match="1 models were named for 2 runs"):
        compare(runs, stream=source, models=[str(workshop / "random")])
    with pytest.raises(RunFolderError, match=r"is not the one that .*run-trained was collected with"):
        compare(runs, stream=source, models=[str(workshop / "random")] * 2)
    gone = changed(workshop / "run-random", tmp_path / "gone", model__name=str(tmp_path / "nowhere"))
    with pytest.raises(RunFolderError, match=r"model of .*gone cannot be loaded. There is no(.|\n)*--model"):
        compare([runs[0], gone], stream=source)
    with pytest.raises(ModelError, match="There is no model folder"):
        compare(runs, stream=source, models=[str(tmp_path / "nowhere")] * 2)
    for name, value in (("match", 0.0), ("ridge", 0.0), ("variance", 1.5), ("limit", 0)):
        with pytest.raises(OptionError, match=f"The option {name} of compare is {value}"):
            CompareOptions(**{name: value})  # type: ignore[arg-type]


def test_the_verb_and_its_folder(workshop: Path, tmp_path: Path) -> None:
    runs = (workshop / "run-trained", workshop / "run-random")
    out = tmp_path / "compared"
    said = succeed("compare", *runs, "--out", out, "--sentences", f"all={workshop / 'corpus'}:all", "--limit", 80)
    assert "run-trained -> run-random" in said
    assert "Of 32 neurons, with a partner of |r| >= 0.5:" in said
    assert "mean distance between their activations" in said
    assert said.startswith((out / "summary.txt").read_text())
    files = {"manifest.json", "summary.txt", "layers.png", "matches.parquet", "across.parquet", "layers.parquet"}
    assert {each.name for each in out.iterdir()} == files | {"distances.parquet"}
    assert (out / "layers.png").read_bytes().startswith(b"\x89PNG")
    made = json.loads((out / "manifest.json").read_text())
    assert (made["format"], made["labels"]) == ("neurolect-comparison", ["run-trained", "run-random"])
    assert pq.read_table(out / "matches.parquet").num_rows == 64
    again = command("compare", *runs, "--out", out)
    assert (again.code, "nothing is overwritten" in again.err) == (1, True)
    printed = json.loads(succeed("compare", *runs, "--format", "json"))
    assert printed["pairs"][0]["fates"] == made["pairs"][0]["fates"]


def test_a_folder_that_cannot_be_written_leaves_nothing(
    workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neurolect.views import comparison_folder

    def full(*_: object, **__: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(comparison_folder, "comparison_figure", full)
    answer = command("compare", workshop / "run-trained", workshop / "run-random", "--out", tmp_path / "out")
    assert answer.code == 1
    assert "The disk is full" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_distances_between_runs_of_no_same_neurons_are_refused(workshop: Path, tmp_path: Path) -> None:
    options = CollectOptions(list_size=12, activation_sample_size=200)
    model = load_model(str(workshop / "random"), options=ModelOptions(layers=(1,)))
    run = collect(model, open_corpus(workshop / "corpus"), out=tmp_path / "one", options=options)
    with pytest.raises(OptionError, match=r"no two of the runs have the same neurons(.|\n)*same sites"):
        compare([open_run(workshop / "run-trained"), run], sentences=[f"all={workshop / 'corpus'}:all"])
