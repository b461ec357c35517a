from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.comparison import CompareOptions, Comparison, compare
from neurolect.comparison.common_ground import common_ground
from neurolect.corpus import open_corpus
from neurolect.errors import CorpusError, ModelError, OptionError, RunFolderError
from neurolect.model import ModelOptions, load_model
from neurolect.results import provenance, read_ranking, write_ranking
from neurolect.results.table import fingerprint
from neurolect.store import open_run
from neurolect.views.comparisons.summary import comparison_summary
from tests.command_line import succeed
from tests.comparison.runs import changed, runs_of
from tests.damaged import forget_sums
from tests.reference.comparison import best_match


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
    found = comparison_summary(Comparison(made.manifest, tables={"matches": table, "layers": made.layers}))[
        "pairs"
    ][0]
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


def test_what_runs_have_in_common_is_compared_and_the_rest_reported(workshop: Path, tmp_path: Path) -> None:
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


def test_models_of_other_depth_or_width_are_reported(workshop: Path, tmp_path: Path) -> None:
    other = changed(workshop / "run-random", tmp_path / "deep", model__n_layers=7)
    notices = common_ground([open_run(workshop / "run-trained"), other], streamed=False).notices
    assert len(notices) == 1
    assert "differ in shape: 2 layers of 16 (hidden) in run-trained, 7 layers of 16 (hidden) in deep" in notices[0]


OWN = {"name": "own", "layer": 1, "folder": "own", "kind": "topk", "hook": "h", "k": 1, "trained_on": None}


def test_addresses_mean_nothing_across_autoencoders(workshop: Path, tmp_path: Path) -> None:
    runs = [
        open_run(changed(workshop / "run-random", tmp_path / name, model__autoencoders=[OWN | of])).folder
        for name, of in (
            ("one", {"fingerprint": "1"}),
            ("other", {"fingerprint": "2"}),
            ("same", {"fingerprint": "1"}),
        )
    ]
    one, other, same = map(open_run, runs)
    said = "latents of different autoencoders"
    assert any(said in each for each in common_ground([one, other], streamed=False).notices)
    plain = open_run(workshop / "run-trained")
    assert any(said in each for each in common_ground([plain, one], streamed=False).notices)
    assert not any(said in each for each in common_ground([one, same], streamed=False).notices)


def test_fewer_sentences_than_neurons_are_reported(workshop: Path, tmp_path: Path) -> None:
    few = CollectOptions(list_size=12, activation_sample_size=60)
    model, corpus = load_model(str(workshop / "random")), open_corpus(workshop / "corpus")
    runs = [open_run(workshop / "run-trained"), collect(model, corpus, out=tmp_path / "few", options=few)]
    notice = "R2 is fitted on 30 sentences, fewer than the 32 neurons that explain"
    assert any(each.startswith(notice) for each in compare(runs).notices)
    assert not any(each.startswith("R2 is") for each in compare(runs_of(workshop)).notices)


def test_runs_without_enough_common_sentences(workshop: Path, tmp_path: Path) -> None:
    few = CollectOptions(list_size=12, activation_sample_size=20)
    model, corpus = load_model(str(workshop / "random")), open_corpus(workshop / "corpus")
    runs = [open_run(workshop / "run-trained"), collect(model, corpus, out=tmp_path / "few", options=few)]
    with pytest.raises(RunFolderError, match=r"20 common sentences \(460 in run-trained, 20 in few(.|\n)*--stream"):
        compare(runs)


def test_activations_that_are_not_finite_are_left_out_and_counted(workshop: Path, tmp_path: Path) -> None:
    bad = changed(workshop / "run-random", tmp_path / "bad")
    forget_sums(bad.folder)
    bad = open_run(bad.folder)
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
    from neurolect.results import layer_ranks, numbers, provenance, rank
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
    ranking = rank(runs[1], by="length")
    layer, n_ranked = layer_ranks(ranking)[1], provenance(ranking).details["n_ranked"]
    assert rows[3]["mean"] == layer.mean
    assert rows[3]["rank_median"] == pytest.approx((layer.quartiles[2] - 1) / (n_ranked - 1))
    assert made.matches.column("name").null_count == 0
    asked = compare(runs, options=CompareOptions(rank_by=("field=topic",)))
    assert asked.rankings is not None
    assert asked.rankings.column("by").to_pylist() == ["field=topic"] * 4
    said = succeed("compare", *(each.folder for each in runs), "--by", "field=topic")
    assert "Ranked by field=topic" in said
    assert "run-trained - run-random, field=topic, top lists: curves" in said
    assert made.number_distances is not None
    row = made.number_distances.to_pylist()[0]
    values = [numbers(each, "length").values for each in runs]
    assert (row["by"], row["side"], row["n"]) == ("length", "top", 32)
    assert row["neurons"] == pytest.approx(np.abs(values[0] - values[1]).mean())
    assert row["curves"] == pytest.approx(np.abs(np.sort(values[0]) - np.sort(values[1])).mean())
    with pytest.raises(RunFolderError, match=r"has not been described(.|\n)*neurolect describe"):
        compare(runs_of(workshop), options=CompareOptions(rank_by=("length",)))


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
        with pytest.raises(OptionError, match=f"compare.{name} is {value}"):
            CompareOptions(**{name: value})  # type: ignore[arg-type]


def test_distances_between_runs_of_no_same_neurons_are_refused(workshop: Path, tmp_path: Path) -> None:
    options = CollectOptions(list_size=12, activation_sample_size=200)
    model = load_model(str(workshop / "random"), options=ModelOptions(layers=(1,)))
    run = collect(model, open_corpus(workshop / "corpus"), out=tmp_path / "one", options=options)
    with pytest.raises(OptionError, match=r"no two of the runs have the same neurons(.|\n)*same sites"):
        compare([open_run(workshop / "run-trained"), run], sentences=[f"all={workshop / 'corpus'}:all"])


def test_matches_are_a_ranking(workshop: Path, tmp_path: Path) -> None:
    runs = [*runs_of(workshop), changed(workshop / "run-trained", tmp_path / "copy")]
    made = compare(runs)
    ranking = made.ranking("run-trained", "run-random")
    scores = ranking.column("score").to_pylist()
    assert scores == sorted(scores, reverse=True)
    assert ranking.column("rank").to_pylist() == list(range(1, 33))
    known = {row["address"]: row for row in made.matches.to_pylist() if row["other"] == "run-random"}
    for row in ranking.to_pylist():
        assert row["sign"] * row["score"] == known[row["address"]]["correlation"]
        assert row["best_address"] == known[row["address"]]["best_address"]
    facts = provenance(ranking)
    assert (facts.method, facts.seed, facts.options["by"]) == ("compare", 0, "correlation")
    assert facts.runs == tuple(fingerprint(run) for run in runs)
    overall = made.ranking("run-trained", by="min_correlation")
    places = {
        row["address"]: row["rank_min_correlation"]
        for row in made.across.to_pylist()
        if row["run"] == "run-trained"
    }
    assert {row["address"]: row["rank"] for row in overall.to_pylist()} == places
    assert overall.column("sign").null_count == 32
    again = read_ranking(write_ranking(overall, tmp_path / "ranking.parquet"))
    assert again.equals(overall, check_metadata=True)
    with pytest.raises(OptionError, match=r"no run 'tuned'(.|\n)*run-trained, run-random"):
        made.ranking("tuned")
    with pytest.raises(OptionError, match=r"no number 'length'(.|\n)*correlation"):
        made.ranking("run-trained", "run-random", by="length")
