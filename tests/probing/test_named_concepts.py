"""Rankings against signatures: what names a concept, agreement as by hand, on cards until described again."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from neurolect.errors import OptionError, ProbingError
from neurolect.probing import bridge, table_of
from neurolect.probing.concepts.penn_tags import penn_tags
from neurolect.probing.named_concepts import auroc
from neurolect.probing.rankings.ranked import by_scores
from neurolect.results import write_ranking
from neurolect.signatures import DescribeOptions, describe
from neurolect.statistics.sorting import mean_ranks
from neurolect.store import Run
from neurolect.views import card, card_text
from tests.command_line import command, csv_rows, succeed
from tests.documented_folder import check_folder
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("bridged")
    model = write_tiny_bert(folder / "bert")
    documents = write_documents(folder / "documents.jsonl", n_documents=30)
    answer = command(
        "run", model, documents, "--out", folder / "run", "--workers=1", "--set=describe.tagger=none",
        "--set=describe.vectors=none",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    return Run(folder / "run")


def ranking(run: Run, scores: NDArray[np.float64], *, concept: str = "film", signs: bool = True) -> pa.Table:
    ranked = by_scores(scores, signs=np.where(np.arange(len(scores)) % 2, -1, 1) if signs else None)
    return table_of(ranked, addresses=run.index.addresses(), rests_on=["x"], method="lca", concept=concept)


def named_by_hand(run: Run, value: str) -> NDArray[np.bool_]:
    """Look the leading topic of every list up, row by row."""
    holds = np.zeros((run.n_neurons, 2), np.bool_)
    best: dict[tuple[int, int], tuple[float, str]] = {}
    for row in run.table("signatures/metadata").to_pylist():
        key = (row["neuron_id"], int(row["side"] == "bottom"))
        if row["field"] == "topic" and row["z_documents"] > max(0.0, best.get(key, (0.0, ""))[0]):
            best[key] = row["z_documents"], row["value"]
    for key, (_, found) in best.items():
        holds[key] = found == value
    return holds


def test_agreement_is_as_by_hand(run: Run) -> None:
    holds = named_by_hand(run, "film")
    named: NDArray[np.float64] = np.any(holds, axis=1).astype(np.float64)
    assert 0 < named.sum() < len(named)
    perfect = bridge(run, [ranking(run, named)], first=4, seed=1)
    row = perfect.table("concepts/agreement").to_pylist()[0]
    assert (row["evidence"], row["n_named"], row["n_named_first"]) == (
        "topic film",
        named.sum(),
        min(4, int(named.sum())),
    )
    assert row["auroc"] == 1.0
    assert row["auroc_low"] < 0.5 < row["auroc_high"]
    first = np.argsort(-named, kind="stable")[:4]
    only = [each for each in first if named[each] and not holds[each].all()]
    assert row["n_signed"] == len(only)
    assert row["n_sides_agree"] == sum(holds[each, each % 2] for each in only)
    worst = bridge(run, [ranking(run, -named)], first=4).table("concepts/agreement").to_pylist()[0]
    assert worst["auroc"] == 0.0
    assert len(worst["first_not_named"]) == min(4, int((named == 0).sum()))
    assert worst["named_last"][0].startswith("hidden.")


def test_ties_count_half() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    drawn = np.random.default_rng(0)
    for _ in range(10):
        scores, hits = drawn.integers(4, size=30).astype(np.float64), drawn.random(30) < 0.4
        hits[:2] = True, False
        assert auroc(mean_ranks(-scores), hits) == pytest.approx(metrics.roc_auc_score(hits, scores))
    assert auroc(np.arange(1.0, 4.0), np.zeros(3, np.bool_)) is None


def test_cards_say_ranks_until_the_run_is_described_again(run: Run, tmp_path: Path) -> None:
    scores = np.arange(run.n_neurons, 0.0, -1)
    write_ranking(ranking(run, scores), tmp_path / "lca.parquet")
    text = succeed("probing", "bridge", run.folder, tmp_path / "lca.parquet", "--first=3")
    assert text.splitlines()[0].split()[:3] == ["ranking", "first", "named"]
    for part in ("lca film", "(topic film): first, and not named:", "named, and last:"):
        assert part in text
    facts = json.loads(succeed("probing", "bridge", run.folder, tmp_path / "lca.parquet", "--format=json"))
    assert facts["agreement"][0]["method"] == "lca"
    assert check_folder(run.folder, page="run_folder.md", below="concepts")
    rows = csv_rows("probing", "bridge", run.folder, tmp_path / "lca.parquet")
    assert [row["concept"] for row in rows] == [each["concept"] for each in facts["agreement"]]
    bridged = Run(run.folder)
    shown = card(bridged.neuron("hidden.1.1"))
    by_side = {side["side"]: side["concepts"] for side in shown["sides"]}
    assert by_side["top"] == []
    assert by_side["bottom"][0] | {"named": None} == {
        "method": "lca", "concept": "film", "rank": 2, "sign": -1, "named": None,
    }  # fmt: skip
    assert "lca: 2nd for film, fires against it" in " ".join(card_text(shown).split())
    succeed("verify", run.folder)
    options = DescribeOptions(tagger="none", vectors="none", false_discovery_rate=0.1)
    again = describe(bridged, options=options, workers=1)
    assert not any(side["concepts"] for side in card(again.neuron("hidden.1.1"))["sides"])
    assert bridge(again, [tmp_path / "lca.parquet"]).has("concepts/ranks")


def test_class_scores_are_a_ranking_each(run: Run) -> None:
    scores = np.arange(run.n_neurons, 0.0, -1)
    ranked = by_scores(scores, class_scores=np.stack([scores, -scores, scores]))
    table = table_of(
        ranked, addresses=run.index.addresses(), rests_on=["x"], method="iou", classes=("film", "sport", "odd")
    )
    rows = bridge(run, [table], first=2).table("concepts/agreement").to_pylist()
    assert [each["concept"] for each in rows] == ["film", "sport"]
    ranks = Run(run.folder).table("concepts/ranks").to_pylist()
    assert {(each["concept"], each["rank"]): each["neuron_id"] for each in ranks}["sport", 1] == run.n_neurons - 1
    assert Run(run.folder).manifest["stages"]["bridge"]["not_named"] == ["odd"]


def test_what_cannot_be_compared_is_refused(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    scores = np.arange(run.n_neurons, 0.0, -1)
    with pytest.raises(ProbingError, match=r"Signatures cannot name 'unheard': no tag, and no value of a field"):
        bridge(run, [ranking(run, scores, concept="unheard")])
    with pytest.raises(OptionError, match=r"The number of first neurons is 0"):
        bridge(run, [ranking(run, scores)], first=0)
    addresses = [f"mlp.7.{each}" for each in range(run.n_neurons)]
    foreign = table_of(by_scores(scores), addresses=addresses, rests_on=["x"], method="lca", concept="film")
    with pytest.raises(ProbingError, match=r"neurons that the run does not have, mlp\.7\.0 for one"):
        bridge(run, [foreign])
    other = table_of(
        by_scores(scores),
        addresses=run.index.addresses(),
        rests_on=["x"],
        method="lca",
        concept="film",
        models=["z"],
    )
    bridge(run, [other])
    assert "is of another model than the run (z, not " in caplog.text
    free = table_of(by_scores(scores), addresses=run.index.addresses(), rests_on=["x"], method="random")
    with pytest.raises(ProbingError, match=r"is for no concept, and has no scores of classes(.|\n)*Hint: "):
        bridge(run, [free])


def test_classes_of_other_sets_stand_for_penn_tags() -> None:
    assert penn_tags("VERB") >= {"VB", "VBD", "VBZ"}
    assert penn_tags("at") >= {"DT"}
    assert penn_tags("vbd") == {"VBD"}
