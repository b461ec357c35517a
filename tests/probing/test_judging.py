"""The judge: curves equal masking by hand, agreement is as defined, odd rankings are refused."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.errors import OptionError, ProbingError
from neurolect.explorer import Answers
from neurolect.probing import (
    ActivationStore,
    JudgeOptions,
    LinearOptions,
    ProbeOptions,
    fit_linear,
    judge,
    rank_activations,
    table_of,
)
from neurolect.probing.judging import agreement
from neurolect.probing.judging.curves import Bootstrap, area, masked_right
from neurolect.probing.judging.given import read_given
from neurolect.probing.judging.sparse import sparse_probing
from neurolect.probing.rankings.ranked import by_scores, random_order
from neurolect.results import ranking_table, write_ranking
from neurolect.verification import verify
from neurolect.views.plots.judged import write_used_figure
from neurolect.views.texts.probing import judge_text
from tests.command_line import command, succeed
from tests.probing.stores import example_store
from tests.probing.test_methods import planted

QUICK = JudgeOptions(
    units=300,
    sizes=(1, 2, 4),
    gaussian_sizes=(1, 3),
    removed_sizes=(2,),
    agree_at=(2, 5),
    sparse_sizes=(1, 3),
    n_random=2,
    n_bootstrap=20,
    n_stability=2,
)
SMALL = ProbeOptions(units=300, gap=0.05)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return example_store(tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("standardise", ["none", "zscore"])
def test_masked_curves_equal_the_probe_with_masked_neurons(n_classes: int, standardise: str) -> None:
    sample = planted(n_classes=n_classes)
    options = LinearOptions(gap=0.05, standardise=standardise)  # type: ignore[arg-type]
    probe = fit_linear(sample.rows, sample.labels, chosen=sample.parts.train, options=options)
    order = np.random.default_rng(1).permutation(8)
    values = sample.rows.array[sample.parts.test]  # type: ignore[attr-defined]
    truth = sample.labels[sample.parts.test]
    found = masked_right(probe, values, truth, order=order, sizes=[1, 3, 7])
    for place, k in enumerate((1, 3, 7)):
        for name, right in found._asdict().items():
            way, masked = name.split("_")
            kept = order[:k] if way == "keep" else order[k:]
            slow = probe.predict(sample.rows, sample.parts.test, kept=kept, masked=masked)  # type: ignore[arg-type]
            assert (right[place] == (slow == truth)).mean() > 0.99, name


def test_agreement_is_as_defined() -> None:
    one, other = np.array([0, 1, 2, 3, 4]), np.array([1, 0, 4, 3, 2])
    assert agreement.jaccard_at(one, other, 2) == 1.0
    assert agreement.jaccard_at(one, other, 3) == 2 / 4
    assert agreement.spearman(one, one) == pytest.approx(1.0)
    assert agreement.spearman(one, one[::-1].copy()) == pytest.approx(-1.0)
    slow = sum(0.1 * 0.9**d * len({*one[: d + 1]} & {*other[: d + 1]}) / (d + 1) for d in range(5)) + 0.9**5
    assert agreement.rank_biased_overlap(one, other) == pytest.approx(slow)
    assert agreement.rank_biased_overlap(one, one) == pytest.approx(1.0)
    # points with 3 votes: 0 has 3 + 2, 1 has 2 + 3, 2 has 1, 4 has 1
    assert agreement.vote([one, other], n_voted=3).tolist() == [0, 1, 2, 4, 3]
    orders = [one, other, np.array([4, 3, 2, 1, 0])]
    assert agreement.neuron_vote(orders, 2, 2) == 0.0
    assert agreement.neuron_vote(orders, 2, 2, with_itself=True) == agreement.jaccard_at(
        orders[2], agreement.vote(orders), 2
    )


def test_random_orders_of_any_seed_agree_as_chance_has_it() -> None:
    orders = [random_order(400, seed=seed).order for seed in range(12)]
    shares = [agreement.jaccard_at(one, other, 100) for one, other in pairwise(orders)]
    assert np.mean(shares) == pytest.approx(1 / 7, abs=0.04)  # 25 of 175


def test_intervals_are_over_sentences_and_areas_over_log_k() -> None:
    sentences = np.repeat(np.arange(50), 4)
    right = np.stack([np.repeat(np.arange(50) % 2 == 0, 4), np.ones(200, np.bool_)])
    values, samples = Bootstrap(sentences, n=500, seed=0).accuracies(right)
    assert values.tolist() == [0.5, 1.0]
    assert samples[:, 0].std() == pytest.approx(0.5 / np.sqrt(50), rel=0.15)  # by units it would be half of that
    assert area(np.array([0.0, 1.0, 1.0]), [1, 10, 100]) == pytest.approx(0.75)
    assert area(np.array([0.4]), [3]) == 0.4


def test_a_ranking_that_is_right_wins_and_one_that_is_reversed_loses() -> None:
    sample = planted(n=600)
    scores = np.array([3.0, 2, 1, 0, 0, 0, 0, 0])
    probe = fit_linear(sample.rows, sample.labels, chosen=sample.parts.train, options=LinearOptions(gap=0.01))
    values, truth = sample.rows.array[sample.parts.test], sample.labels[sample.parts.test]  # type: ignore[attr-defined]
    best, worst = (
        masked_right(probe, values, truth, order=order, sizes=[3]).keep_zero.mean()
        for order in (by_scores(scores).order, by_scores(-scores).order)
    )
    assert best > 0.9
    assert worst < 0.6


def test_the_folder_has_curves_areas_and_all_else(store: ActivationStore, tmp_path: Path) -> None:
    tables = [rank_activations(store, by=by, options=SMALL) for by in ("lca", "probeless", "random")]
    made = judge(store, tables, out=tmp_path / "judged", options=QUICK, probe=SMALL)
    assert (verify(tmp_path / "judged").kind, verify(tmp_path / "judged").damaged) == ("judge's folder", [])
    rows = pq.read_table(tmp_path / "judged" / "judge.parquet").to_pylist()
    assert rows == made.table.to_pylist()
    facts = json.loads((tmp_path / "judged" / "judge.json").read_text(encoding="utf-8"))
    names = [each["name"] for each in facts["rankings"]]
    assert names == ["lca", "probeless", "random", "mean-difference"]
    assert all(each["low"] - 1e-9 <= each["value"] <= each["high"] + 0.1 for each in rows)
    kinds = {(each["probe"], each["training"], each["way"]) for each in rows if each["end"] == "top"}
    assert len(kinds) == 7
    assert {each["k"] for each in rows if each["probe"] == "gaussian"} == {1, 3, None}
    assert len(facts["agreement"]["pairs"]) == 6
    assert set(facts["stability"]["probeless"]["jaccard"]) == {"2", "5"}
    assert facts["stability"]["random"] is None
    sparse = {each["ranking"] for each in facts["sparse"]}
    assert {"difference of means", "random"} <= sparse
    assert facts["selectivity"]["lca"]
    assert any(note.startswith("Subsampled: ") for note in facts["notes"])
    page = Answers([tmp_path / "judged"]).get("judge/0")
    drawn = [block for block in page["blocks"] if block["kind"] == "curves"]
    assert len(drawn) == len(kinds)
    first = next(each for each in drawn[0]["curves"] if each["label"] == "lca")
    assert first["x"] == [1, 2, 4]
    again = judge(store, tables, out=tmp_path / "judged", options=QUICK, probe=SMALL)
    assert again.table.equals(made.table)


def test_few_neurons_of_a_class_are_probed_as_by_hand() -> None:
    sample = planted(n=600)
    scores = np.zeros((3, 8))
    scores[[0, 1, 2], [0, 1, 7]] = 1.0  # right for two classes
    options = LinearOptions(l1=0.0, l2=0.0, gap=0.01)
    rows = sparse_probing(sample, {"mine": scores}, sizes=[1, 2], options=options, n_bootstrap=50, seed=3)
    found = {(each["ranking"], each["k"]): each for each in rows}
    right = []
    for code, neuron in ((0, 0), (1, 1), (2, 7)):
        binary = sample.against_rest("abc"[code], seed=3)
        probe = fit_linear(
            binary.rows, binary.labels, chosen=binary.parts.train, columns=np.array([neuron]), options=options
        )
        right.append(probe.accuracy(binary.rows, binary.labels, binary.parts.test))
    assert found["mine", 1]["value"] == pytest.approx(np.mean(right), abs=0.01)
    assert found["difference of means", 1]["value"] > 0.95
    assert found["random", 1]["value"] < found["mine", 1]["value"]
    assert found["mine", 1]["low"] <= found["mine", 1]["value"] <= found["mine", 1]["high"]


def test_one_class_pairs_and_foreign_rankings_are_judged_with_notes(store: ActivationStore, tmp_path: Path) -> None:
    concept = store.classes[0]
    own = rank_activations(store, by="probeless", concept=concept, options=SMALL)
    other = table_of(
        random_order(store.n_neurons, seed=3), addresses=store.addresses, rests_on=["x"], method="mine"
    )
    made = judge(store, [own, other], out=tmp_path / "one", concept=concept, options=QUICK, probe=SMALL)
    assert made.facts["classes"] == ["other", concept]
    assert made.facts["majority"] == pytest.approx(0.5, abs=0.1)
    notes = " ".join(made.facts["notes"])
    for part in ("Made from other activations or labels: mine", "another concept", "(unknown, or too slow): mine"):
        assert part in notes
    pairs = example_store(tmp_path / "pairs", concept="arcs")
    table = rank_activations(pairs, by="probeless", options=SMALL)
    found = judge(pairs, [table], out=tmp_path / "arcs", options=QUICK, probe=SMALL)
    assert found.facts["n_neurons"] == pairs.n_neurons // 2


def test_rankings_of_runs_and_comparisons_are_judged_by_address(store: ActivationStore, tmp_path: Path) -> None:
    addresses = [*store.addresses[1:], "mlp.9.1", *store.addresses[5:]]  # two lists of a neuron: the first counts
    columns = {"address": addresses, "score": np.arange(len(addresses), 0.0, -1)}
    options = {"by": "r2", "value": None}
    compared = ranking_table(columns, runs=["a", "b"], method="compare", options=options)
    given = read_given([compared], store)[0]
    assert given.name == "compare r2"
    assert given.order.tolist() == [*range(1, store.n_neurons), 0]
    assert (given.n_others, given.n_missing) == (1, 1)
    made = judge(store, [compared], out=tmp_path / "judged", options=QUICK, probe=SMALL)
    notes = " ".join(made.facts["notes"])
    assert "Of other neurons, left out: compare r2 (1)" in notes
    assert "put last: compare r2 (1)" in notes


def test_what_the_model_uses_is_reported_next_to_rankings(store: ActivationStore, tmp_path: Path) -> None:
    columns = {"address": ["first 5 of lca (5)", "last 5 of lca (5)"], "score": [0.4, 0.1], "low": [0.3, 0.0]}
    columns |= {"high": [0.5, 0.2], "random": [0.1, None], "random_high": [0.2, None], "n_neurons": [5, 5]}
    used = ranking_table(columns, runs=["a"], method="ablate", options={"each": False}, details={"n_texts": 7})
    lca = rank_activations(store, by="lca", options=SMALL)
    made = judge(store, [lca, used], out=tmp_path / "judged", options=QUICK, probe=SMALL)
    assert [each["name"] for each in made.facts["rankings"]] == ["lca", "mean-difference"]
    first, last = made.facts["used"]
    assert (first["set"], first["score"], first["random_high"], first["n_texts"]) == (
        "first 5 of lca (5)",
        0.4,
        0.2,
        7,
    )
    assert last["random"] is None
    assert [(each["end"], each["method"], each["looked_at_labels"]) for each in (first, last)] == [
        ("first", "lca", True),
        ("last", "lca", True),
    ]
    assert write_used_figure(made, tmp_path / "used.svg")
    assert "ablate" not in (drawn := (tmp_path / "used.svg").read_text(encoding="utf-8"))
    assert "Change of the model when the first k neurons are set together" in drawn
    assert "first 5 of lca (5)  +0.4000 (+0.3000 .. +0.5000)  random +0.1000, +0.2000" in judge_text(made)


def test_rankings_of_one_class_are_judged_for_it_and_others_named_before(
    store: ActivationStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    concept = store.classes[0]
    own = rank_activations(store, by="probeless", concept=concept, options=SMALL)
    whole = rank_activations(store, by="lca", options=SMALL)
    made = judge(store, [own], out=tmp_path / "one", options=QUICK, probe=SMALL)
    assert made.facts["classes"] == ["other", concept]
    assert "another concept" not in " ".join(made.facts["notes"])
    caplog.clear()
    judge(store, [own, whole], out=tmp_path / "all", options=QUICK, probe=SMALL)
    assert (
        caplog.messages[0]
        == f"All classes are judged, but these were ranked for something else: probeless {concept}."
    )


def test_what_cannot_be_judged_is_refused_and_leaves_nothing(store: ActivationStore, tmp_path: Path) -> None:
    table = rank_activations(store, by="probeless", options=SMALL)
    with pytest.raises(ProbingError, match=r"has 1 neuron more than once, hidden\.\d+\.\d+ 2 times\."):
        judge(store, [pa.concat_tables([table, table.slice(0, 1)])], out=tmp_path / "judged", options=QUICK)
    with pytest.raises(ProbingError, match=r"lacks 43 of the store's 48 neurons\."):
        judge(store, [table.slice(0, 5)], out=tmp_path / "judged", options=QUICK)
    addresses = pa.array([f"mlp.9.{each}" for each in range(len(table))])
    foreign = table.set_column(1, "address", addresses)
    with pytest.raises(ProbingError, match=r"lacks 48 of the store's 48 neurons, and has 48 others"):
        judge(store, [foreign], out=tmp_path / "judged", options=QUICK)
    with pytest.raises(ProbingError, match=r"no judge's folder; nothing is overwritten"):
        judge(store, [table], out=store.folder, options=QUICK)
    with pytest.raises(OptionError, match=r"There is no class 'nn'"):
        judge(store, [table], out=tmp_path / "judged", concept="nn", options=QUICK)
    numbers = example_store(tmp_path / "numbers", concept="position")
    with pytest.raises(OptionError, match=r"The labels are numbers"):
        judge(numbers, [table], out=tmp_path / "judged")
    assert not (tmp_path / "judged").exists()


def test_the_verb_prints_a_row_a_ranking_and_draws(store: ActivationStore, tmp_path: Path) -> None:
    write_ranking(rank_activations(store, by="lca", options=SMALL), tmp_path / "lca.parquet")
    given = ("units=300", "sizes=1,3", "gaussian_sizes=1,3", "removed_sizes=2", "n_random=1", "n_bootstrap=20")
    quick = [f"--set=judge.{each}" for each in given]
    out = tmp_path / "judged"
    text = succeed("probing", "judge", store.folder, tmp_path / "lca.parquet", "--out", out, *quick)
    lines = text.splitlines()
    assert lines[0].startswith(f"Rankings of {store.n_neurons:,} neurons for tags, judged on ")
    for name in ("lca", "mean-difference", "random"):
        assert any(line.startswith(name + " ") for line in lines)
    assert (out / "summary.txt").read_text(encoding="utf-8") == text
    svg = (out / "curves.svg").read_text(encoding="utf-8")
    assert "all but the first k masked" in svg
    assert "mean-difference" in svg
    assert "mathdefault" not in svg  # places of the axis are numbers
    answer = command("probing", "judge", store.folder, tmp_path / "none.parquet", "--out", tmp_path / "x")
    assert answer.code == 1
    assert "cannot be read as a ranking" in answer.err
