"""The planted bench: what counts as right, as found, and as a trap; methods and scores of others."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from neurolect.errors import OptionError, ProbingError
from neurolect.planted import PlantedNeuron
from neurolect.probing import BenchOptions, planted_bench
from neurolect.probing import bench as module
from neurolect.probing.bench import found_early, rows_of
from neurolect.probing.planted_cases import PlantedCase, kin_of
from neurolect.probing.rankings.ranked import by_scores
from tests.command_line import command, succeed

QUICK = BenchOptions(seeds=2, noise=(0.0,), methods=("standardised-difference", "random"))


def neuron(number: int, role: str, concept: str | None, *, sign: int = 1) -> PlantedNeuron:
    return PlantedNeuron(f"mlp.1.{number}", role, concept, used=False, sign=sign, loss_change=0.0)


def a_case(folder: Path = Path(), *, seed: int = 0, **_: Any) -> PlantedCase:
    """Give 20 neurons, of which 1 and 2 read animals (2 is low for them), 3 foxes, and 4 the place."""
    drawn, n = np.random.default_rng(seed), 900
    animal = drawn.random(n) < 0.3
    concepts = {"animal": animal, "fox": animal & (drawn.random(n) < 0.5), "first_two": drawn.random(n) < 0.5}
    values = drawn.normal(size=(n, 20)).astype(np.float32)
    values[:, 1] += 5 * animal
    values[:, 2] -= 5 * animal
    values[:, 3] += 5 * concepts["fox"]
    planted = [neuron(1, "switch", "animal"), neuron(2, "switch", "animal", sign=-1), neuron(3, "detector", "fox")]
    planted += [neuron(4, "distractor", "position"), neuron(5, "scale", None), neuron(6, "position", "first_two")]
    addresses = [f"mlp.1.{each}" for each in range(20)]
    split, sentences = np.arange(n, dtype=np.int8) % 3, np.arange(n) // 5
    kin = kin_of(concepts)
    return PlantedCase(seed, 0.0, folder, addresses, values, split, sentences, concepts, tuple(planted), kin)


@pytest.fixture
def hand_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(folder: Path, *, seed: int, noise: float, options: BenchOptions) -> PlantedCase:
        folder.mkdir(parents=True, exist_ok=True)
        return a_case(folder, seed=seed)

    monkeypatch.setattr(module, "make_case", made)


def test_recall_and_average_precision_are_as_by_hand() -> None:
    right = np.array([True, False, False, True, False])
    found = found_early(np.array([3, 1, 0, 2, 4]), right)
    assert found == {"recall": 0.5, "average_precision": pytest.approx((1 / 1 + 2 / 3) / 2)}
    metrics = pytest.importorskip("sklearn.metrics")
    drawn = np.random.default_rng(0)
    for _ in range(20):
        scores, right = drawn.normal(size=30), drawn.random(30) < 0.3
        right[0] = True
        slow = metrics.average_precision_score(right, scores)
        assert found_early(by_scores(scores).order, right)["average_precision"] == pytest.approx(slow)


def test_concepts_that_imply_each_other_are_neither_right_nor_wrong() -> None:
    case = a_case()
    assert case.kin == {
        "animal": {"animal", "fox"},
        "fox": {"animal", "fox"},
        "first_two": {"first_two", "position"},
    }
    right, left_out = case.right("animal", "switch")
    assert np.flatnonzero(right).tolist() == [1, 2]
    assert np.flatnonzero(left_out).tolist() == [3]
    assert [part.tolist() for part in map(np.flatnonzero, case.right("first_two", "position"))] == [[6], [4]]


def test_a_ranking_is_measured_by_role_signs_and_traps() -> None:
    scores = np.zeros(20)
    scores[[3, 1, 5, 2]] = 4, 3, 2, 1
    rows = {each["role"]: each for each in rows_of(a_case(), "animal", by_scores(scores, signs=np.ones(20)))}
    assert set(rows) == {"switch", "distractor", "scale"}
    switch = rows["switch"]  # without 3, the order is 1, 5, 2
    assert (switch["n"], switch["recall"], switch["average_precision"]) == (2, 0.5, pytest.approx((1 + 2 / 3) / 2))
    assert switch["signs_right"] == 0.5
    assert rows["scale"]["in_first"] == 1.0
    assert "distractor" not in {each["role"] for each in rows_of(a_case(), "first_two", by_scores(scores))}


def test_samples_have_as_many_words_of_a_concept_as_others_in_every_part() -> None:
    case = a_case()
    sample = case.sample("animal", units=100)
    assert sample is not None
    assert [len(part) for part in sample.parts] == [100, 24, 24]
    for part, chosen in enumerate(sample.parts):
        assert sample.labels[chosen].mean() == 0.5
        assert (case.split_T[sample.units[chosen]] == part).all()
    assert case.sample("animal", units=38) is None


@pytest.mark.usefixtures("hand_made")
def test_methods_and_files_of_others_are_next_to_our_own_which_are_kept(tmp_path: Path) -> None:
    calls = []

    def mine(values: NDArray[Any], labels: NDArray[Any], classes: tuple[str, ...]) -> NDArray[Any]:
        calls.append((values.shape, classes))
        return np.asarray(np.abs(values[labels == 1].mean(axis=0) - values[labels == 0].mean(axis=0)))

    made = planted_bench(tmp_path / "bench", methods={"mine": mine}, options=QUICK)
    assert len(calls) == 6
    found = {(each["method"], each["role"]): each["average_precision"] for each in made.facts["results"]}
    for name in ("mine", "standardised-difference"):
        assert found[name, "switch"]["value"] == found[name, "detector"]["value"] == 1.0
    assert found["random", "all roles"]["value"] < 0.7
    cases = [a_case(seed=seed) for seed in range(2)]
    rows = [
        {"method": "theirs", "seed": case.seed, "noise": 0.0, "concept": concept, "address": each, "score": score}
        for case in cases
        for concept in case.concepts
        for each, score in zip(case.addresses, np.arange(20.0).tolist(), strict=True)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "theirs.parquet")
    again = planted_bench(tmp_path / "bench", rankings=[tmp_path / "theirs.parquet"], options=QUICK)
    ours = [each for each in made.table.to_pylist() if each["method"] != "mine"]
    assert [
        each for each in again.table.to_pylist() if each["method"] != "theirs"
    ] == ours  # seconds too: not again
    assert again.facts["in_first"]["theirs"] == {"distractor": 0.0, "scale": 0.0, "doer": None}
    pq.write_table(pa.Table.from_pylist(rows[:-1]), tmp_path / "fewer.parquet")
    with pytest.raises(ProbingError, match=r"'theirs' has 19 scores for 'first_two', seed 1, noise 0(.|\n)*cases"):
        planted_bench(tmp_path / "bench", rankings=[tmp_path / "fewer.parquet"], options=QUICK)


@pytest.mark.usefixtures("hand_made")
def test_what_cannot_be_tested_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"There is no method 'lcaa'"):
        planted_bench(tmp_path / "bench", options=BenchOptions(methods=("lcaa",)))
    with pytest.raises(OptionError, match=r"The name 'lca' is given to two methods"):
        planted_bench(tmp_path / "bench", methods={"lca": lambda *_: np.zeros(20)}, options=QUICK)
    with pytest.raises(
        ProbingError, match=r"The method 'short' gave scores of the shape \(3,\)(.|\n)*one a neuron"
    ):
        planted_bench(tmp_path / "bench", methods={"short": lambda *_: np.zeros(3)}, options=QUICK)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ProbingError, match=r"is no bench's folder; nothing is overwritten"):
        planted_bench(tmp_path / "taken", options=QUICK)
    (tmp_path / "scores.csv").write_text("seed,noise\n1,0.5\n", encoding="utf-8")
    answer = command("probing", "bench", "--out", tmp_path / "bench", "--scores", tmp_path / "scores.csv")
    assert answer.code
    assert "has no column 'concept'" in answer.err
    (tmp_path / "odd.parquet").write_text("no table", encoding="utf-8")
    with pytest.raises(ProbingError, match=r"odd\.parquet cannot be read"):
        planted_bench(tmp_path / "bench", rankings=[tmp_path / "odd.parquet"], options=QUICK)


@pytest.mark.usefixtures("hand_made")
def test_the_verb_leaves_table_summary_and_figure(tmp_path: Path) -> None:
    few = ("--set=bench.seeds=1", "--set=bench.noise=0.0,0.5", "--set=bench.methods=random,mean-select")
    text = succeed("probing", "bench", "--out", tmp_path / "bench", *few)
    assert text.startswith("Average precision of planted neurons among 20: ")
    for part in ("noise 0.5", "mean-select", "how often such neurons, of no concept"):
        assert part in text
    there = {each.name for each in (tmp_path / "bench").iterdir()}
    assert there == {"bench.json", "bench.parquet", "bench.svg", "summary.txt", "cases"}


@pytest.mark.slow
def test_exact_detectors_of_the_planted_model_are_found(tmp_path: Path) -> None:
    options = BenchOptions(seeds=1, noise=(0.0,), sentences=1_000, methods=("average-precision", "random"))
    made = planted_bench(tmp_path / "bench", options=options)
    found = {(each["method"], each["role"]): each["average_precision"]["value"] for each in made.facts["results"]}
    for role in ("detector", "decoy", "duplicate", "switch"):
        assert found["average-precision", role] > 0.9
    assert found["average-precision", "xor"] < 0.2
    assert found["random", "all roles"] < 0.1
    labels = pq.read_table(next((tmp_path / "bench" / "cases").glob("seed*")) / "labels.parquet").to_pylist()
    assert {each["animal"] for each in labels} == {True, False, None}
    for low, high in pairwise(sorted(each["unit_id"] for each in labels)):
        assert high == low + 1
