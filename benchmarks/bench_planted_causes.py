"""Do `edit cause` and `edit ablate` find what neurons of the planted model do?

A planted model and texts in its language are made, read and described (mlp neurons, no tagger, signatures of words
and the rest); every mlp neuron is then checked by `cause` and set by itself by `ablate --each`, to its mean and to
zero. Verdicts are next to the truth, neuron by neuron, and counted by role.

- `cause`: its verdict (docs/editing.md); "more than random": q up to 0.05, however little.
- `ablate`: changes the loss where the whole interval is above or below 0 and the change is more than --least nats.

    python benchmarks/bench_planted_causes.py OUT [--seeds 0 1] [--sentences 3000] [--texts 200] [--noise 0]
        [--least 0.001] [--write RESULTS.md]
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from neurolect import collect, describe, load_model, open_run, prepare
from neurolect.collector import CollectOptions
from neurolect.corpus import PrepareOptions
from neurolect.fidelity import score_fidelity
from neurolect.interventions import CauseOptions, EditOptions, ablate, cause
from neurolect.interventions.causal_check import ANYWHERE, MATCHES, RATE
from neurolect.model import ModelOptions
from neurolect.planted import PlantedNeuron, planted_corpus, planted_model, read_truth
from neurolect.results import read_ranking, write_ranking
from neurolect.signatures import DescribeOptions
from neurolect.store import Run

TO = ("mean", "zero")


def made(folder: Path, *, seed: int, sentences: int, noise: float) -> Run:
    """Make model, texts and a scored run, unless they are there."""
    if not (folder / "run" / "fidelity").exists():
        planted_model(folder / "model", seed=seed, noise=noise)
        texts = planted_corpus(folder / "texts", sentences=sentences, seed=seed + 1)
        corpus = prepare([texts.documents], out=folder / "corpus", options=PrepareOptions(held_out=0.3), workers=1)
        model = load_model(str(folder / "model"), options=ModelOptions(sites=("mlp",)))
        collect(model, corpus, out=folder / "run", options=CollectOptions(list_size=100, sample_size=1_000))
        describe(open_run(folder / "run"), options=DescribeOptions(tagger="none", vectors="none"), workers=1)
        score_fidelity(folder / "run", workers=1)
    return open_run(folder / "run")


def measured(folder: Path, arguments: argparse.Namespace, *, seed: int) -> list[dict[str, Any]]:
    """Give a row a neuron: the truth, and what `cause` and `ablate` say."""
    run = made(folder, seed=seed, sentences=arguments.sentences, noise=arguments.noise)
    run = cause(run, options=CauseOptions(seed=seed), workers=1)
    checked = {run.index.address(row["neuron_id"]): row for row in run.table("cause/effects").to_pylist()}
    truth = {each.address: each for each in read_truth(folder / "model").neurons}
    set_to = {to: ablated(folder, to, n_texts=arguments.texts, seed=seed) for to in TO}
    return [
        {"address": address, "truth": truth.get(address), "cause": row, **{to: set_to[to][address] for to in TO}}
        for address, row in checked.items()
    ]


def ablated(folder: Path, to: str, *, n_texts: int, seed: int) -> dict[str, dict[str, Any]]:
    """Set every mlp neuron by itself, unless that was done."""
    file = folder / f"{to}_{n_texts}.parquet"
    if not file.exists():
        model = load_model(str(folder / "model"), head="lm", options=ModelOptions(sites=("mlp",)))
        layers = [f"mlp.{layer}" for layer in range(1, model.n_layers + 1)]
        options = EditOptions(to=to, texts=n_texts, exact=1_000, seed=seed)
        write_ranking(ablate(model, layers, on=folder / "corpus", each=True, options=options), file)
    return {row["address"]: row for row in read_ranking(file).to_pylist()}


def role(neuron: PlantedNeuron | None) -> str:
    """Name what a neuron is planted for; a detector that nothing uses is a decoy."""
    if neuron is None:
        return "ordinary"
    return neuron.role if neuron.role in ("detector", "duplicate", "decoy", "doer") else "for probing"


def is_causal(row: dict[str, Any]) -> bool:
    return row["cause"]["verdict"] in (MATCHES, ANYWHERE)


def is_specific(row: dict[str, Any]) -> bool:
    return bool(row["cause"]["verdict"] == MATCHES)


def is_more(row: dict[str, Any]) -> bool:
    found = row["cause"]
    return bool(found["times"] is not None and found["q"] <= RATE and found["times"] > 1)


def changes(row: dict[str, Any], to: str, *, least: float) -> bool:
    found = row[to]
    return (found["low"] > 0 or found["high"] < 0) and abs(found["score"]) > least


def confusion(rows: list[dict[str, Any]], *, least: float) -> list[str]:
    """Count verdicts by role."""
    heads = ["role", "neurons", "checked", "more than random", "cause: does something", "where it matches"]
    heads += [f"ablate to {to}: interval without 0, change above {least}" for to in TO]
    lines = [heads]
    for name in ("detector", "duplicate", "doer", "decoy", "for probing", "ordinary"):
        own = [row for row in rows if role(row["truth"]) == name]
        n_checked = sum(row["cause"]["times"] is not None for row in own)
        counts = [len(own), n_checked, sum(map(is_more, own)), sum(map(is_causal, own)), sum(map(is_specific, own))]
        pairs = [[sum(changes(row, to, least=at) for row in own) for at in (0.0, least)] for to in TO]
        lines.append([name, *map(str, counts), *(f"{one}, {other}" for one, other in pairs)])
    return markdown(lines)


def neurons(rows: list[dict[str, Any]], *, least: float) -> list[str]:
    """Lay every planted neuron out."""
    lines = [
        ["role", "neuron", "concept", "true change where it fires"]
        + [f"ablate to {to}" for to in TO]
        + ["effect", "times", "q", "specificity", "verdict of cause"]
    ]
    planted = [row for row in rows if row["truth"] is not None]
    for row in sorted(planted, key=lambda row: (role(row["truth"]), row["truth"].role, row["address"])):
        truth, found = row["truth"], row["cause"]
        line = [truth.role, row["address"], truth.concept or "-", f"{truth.loss_change:+.2f}"]
        for to in TO:
            low, high = row[to]["low"], row[to]["high"]
            line.append(f"{row[to]['score']:+.3f} ({low:+.3f} .. {high:+.3f})")
        if found["times"] is None:
            line += ["-", "-", "-", "-", str(found["refused"])]
        else:
            line += [f"{found['effect']:.2g}", f"{found['times']:.3g}", f"{found['q']:.4f}"]
            line += [f"{found['specificity']:.3g}", found["verdict"]]
        lines.append(line)
    return markdown(lines)


def sizes(rows: list[dict[str, Any]]) -> str:
    """Say how large effects of detectors and of ordinary neurons are."""
    own = {
        name: [row["cause"] for row in rows if role(row["truth"]) == name and row["cause"]["times"] is not None]
        for name in ("detector", "ordinary")
    }
    least = min(each["effect"] for each in own["detector"])
    most = max(each["effect"] for each in own["ordinary"])
    return f"Smallest effect of a detector: {least:.2g} nats; greatest of an ordinary neuron: {most:.2g}."


def markdown(lines: Iterable[list[str]]) -> list[str]:
    rows = ["| " + " | ".join(line) + " |" for line in lines]
    return [rows[0], "|" + "---|" * (rows[0].count("|") - 1), *rows[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--sentences", type=int, default=3_000)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--least", type=float, default=0.001)
    parser.add_argument("--write", type=Path, default=None)
    arguments = parser.parse_args()
    said: list[str] = []
    for seed in arguments.seeds:
        rows = measured(arguments.out / str(seed), arguments, seed=seed)
        said += [f"## Seed {seed}", "", *confusion(rows, least=arguments.least), "", sizes(rows), ""]
        said += [*neurons(rows, least=arguments.least), ""]
        print("\n".join(said), flush=True)
        if arguments.write is not None:
            arguments.write.write_text("\n".join(said), encoding="utf-8")


if __name__ == "__main__":
    main()
