"""Pruning and transfer where it is known what is used and what is encoded."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from neurolect.interventions import EditOptions, prune
from neurolect.planted import Truth
from neurolect.probing import ActivationsOptions, ProbeOptions, TransferOptions, select_features
from neurolect.results import ranking_table

QUICK = EditOptions(texts=40, controls=1, n_bootstrap=10)


def test_decoys_can_be_cut_out_and_detectors_cannot(truth: Truth, documents: Path, tmp_path: Path) -> None:
    used = {each.address: each.loss_change or 0.0 for each in truth.neurons if each.address.startswith("mlp")}
    everything = [f"mlp.{layer}.{number}" for layer in range(1, 5) for number in range(128)]
    changes = {}
    for name, sign in (("keeps what is used", -1), ("cuts what is used", 1)):
        order = sorted(everything, key=lambda each: (sign * abs(used.get(each, 0.0)), each not in used))
        ranking = ranking_table(
            {"address": order, "score": [float(-each) for each in range(512)]}, runs=[], method="truth", options={}
        )
        cut = prune(
            str(truth.folder), ranking, keep=[0.9], on=documents, out=tmp_path / name.split()[0], options=QUICK
        )
        changes[name] = cut.table.to_pylist()[0]
    assert changes["cuts what is used"]["change"] > 0.5
    kept = changes["keeps what is used"]
    assert abs(kept["change"]) < 0.05
    assert kept["share_bytes"] < 1.0


def test_few_neurons_of_the_first_block_say_what_a_carrier_carries(
    truth: Truth, documents: Path, tmp_path: Path
) -> None:
    carrier = next(
        each.address
        for each in truth.neurons
        if (each.role, each.concept) == ("carrier", "number") and ".1." in each.address
    )
    lines = [
        json.dumps({"tokens": row["tokens"], "kind": ["number" if each else "other" for each in row["number"]]})
        for row in pq.read_table(documents.with_name("labels.parquet")).to_pylist()
    ]
    (tmp_path / "words.jsonl").write_text("\n".join(lines), encoding="utf-8")
    made = select_features(
        str(truth.folder),
        tmp_path / "words.jsonl",
        concept="kind",
        out=tmp_path / "out",
        options=TransferOptions(cuts=(0.5, 0.1), max_solves=8, n_random=2, n_bootstrap=20, texts=10, rounds=2),
        probe=ProbeOptions(units=600, gap=0.05, l1=1e-3),
        reading=ActivationsOptions(min_train=8, min_test=2),
    )
    assert made.facts["layer"] == 1
    assert len(made.facts["addresses"]) <= 3
    assert carrier in made.facts["addresses"]
    assert made.steps["minimal"]["test"]["value"] > 0.97
