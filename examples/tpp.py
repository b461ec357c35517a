"""Targeted probe perturbation: whether ablating a class's neurons hurts the probe of that class alone.

    python examples/tpp.py minilm CORPUS --label domain --layer mlp.3

For every class of a corpus's column a probe reads the last layer (that class against as many others). Neurons of
an earlier layer are chosen for a class by the difference of its means in standard deviations, and set to their
mean in the running model. The score is how much accuracy the class's own probe loses, less what those of the other
classes lose (SAEBench, Karvonen et al. 2025, there for latents of autoencoders). Next to it: as many random
neurons, and taking the class's mean-difference direction out of the hidden states of that block.
"""

import argparse
import sys
from collections.abc import Mapping
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from show import mean, table, texts_by_class

import neurolect
from neurolect.interventions import edit
from neurolect.model import Model, ModelOptions
from neurolect.probing import LinearOptions, LinearProbe, fit_linear

Numbers = NDArray[np.float64]


def balanced(labels: NDArray[np.int64], of: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Give the units of a class and as many others."""
    own, others = np.flatnonzero(labels == of), np.flatnonzero(labels != of)
    return np.concatenate([own, np.random.default_rng(seed).permutation(others)[: len(own)]])


def accuracies(rows: NDArray[np.float32], labels: NDArray[np.int64], probes: list[LinearProbe]) -> Numbers:
    """Give each class's probe its accuracy on its units and as many others."""
    return np.array(
        [
            probe.accuracy(rows, (labels == of).astype(np.int64), balanced(labels, of))
            for of, probe in enumerate(probes)
        ]
    )


def score(drops: Numbers) -> Numbers:
    """Give each class what its own probe loses (row: ablated class, column: probe), less the mean of the others."""
    own = np.diag(drops)
    return own - (drops.sum(1) - own) / (len(drops) - 1)


def differences(rows: NDArray[np.float32], labels: NDArray[np.int64], of: int) -> Numbers:
    """Give every neuron its difference of means, class less others, in standard deviations."""
    own, others = rows[labels == of], rows[labels != of]
    return np.asarray((own.mean(0) - others.mean(0)) / np.maximum(rows.std(0), 1e-9), np.float64)


def changes_of(
    model: Model, rows: NDArray[np.float32], labels: NDArray[np.int64], *, layer: str, ks: list[int], seed: int
) -> dict[str, list[Mapping[str, object]]]:
    """List the ways to ablate, each with an edit for every class."""
    addresses = np.array(model.addresses)
    own = np.flatnonzero(np.char.startswith(addresses, f"{layer}."))
    block = f"hidden.{layer.split('.')[1]}"
    states = rows[:, np.char.startswith(addresses, f"{block}.")].astype(np.float64)
    found: dict[str, list[Mapping[str, object]]] = {}
    for k in ks:
        for name in (f"{k} of the class", f"{k} random"):
            random = np.random.default_rng([seed, k])
            found[name] = []
            for of in range(labels.max() + 1):
                order = np.argsort(-np.abs(differences(rows[:, own], labels, of)), kind="stable")
                picked = own[random.permutation(len(own)) if "random" in name else order][:k]
                found[name].append(dict.fromkeys(addresses[picked].tolist(), "mean"))
    towards = [states[labels == of].mean(0) - states[labels != of].mean(0) for of in range(labels.max() + 1)]
    middles = [float((states @ (each / np.linalg.norm(each))).mean()) for each in towards]
    found["direction"] = [
        {block: ("direction", each, "set", middle)} for each, middle in zip(towards, middles, strict=True)
    ]
    return found


def main() -> None:
    """Print a row a way of ablating."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("corpus")
    parser.add_argument("--label", default="domain", help="a column of the corpus")
    parser.add_argument("--layer", default="mlp.3", help="whose neurons are ablated")
    parser.add_argument("--k", default="10,50,200", help="how many")
    parser.add_argument("--texts", type=int, default=100, help="sentences of a class, to train on and to test on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    last = neurolect.load_model(given.model, device=given.device).n_layers
    site, block = given.layer.split(".")
    options = ModelOptions(sites=tuple(sorted({site, "hidden"})), layers=tuple(sorted({int(block), last})))
    model = neurolect.load_model(given.model, options=options, device=given.device)
    drawn = [texts_by_class(given.corpus, given.label, part=part, n=given.texts) for part in ("mining", "held_out")]
    classes = [each for each in drawn[0] if each in drawn[1]]
    if len(classes) < 2:
        sys.exit(f"{len(classes)} classes of {given.label} have {given.texts} sentences in both parts.")
    train, test = (list(chain.from_iterable(each[name] for name in classes)) for each in drawn)
    labels = np.repeat(np.arange(len(classes)), given.texts)
    read = np.char.startswith(model.addresses, f"hidden.{last}.")
    rows, plain = model.activations(train), model.activations(test)
    how = LinearOptions(l2=1e-3, standardise="zscore", gap=0.01)
    probes = [
        fit_linear(rows[:, read], (labels == of).astype(np.int64), chosen=balanced(labels, of), options=how)
        for of in range(len(classes))
    ]
    before, made = accuracies(plain[:, read], labels, probes), []
    ks = [int(each) for each in given.k.split(",")]
    for name, changes in changes_of(model, rows, labels, layer=given.layer, ks=ks, seed=given.seed).items():
        drops = np.zeros((len(classes), len(classes)))
        for of, change in enumerate(changes):
            with edit(model, change, reference=train[:: max(1, len(train) // 200)]):
                drops[of] = before - accuracies(model.activations(test)[:, read], labels, probes)
        others = drops[~np.eye(len(classes), dtype=bool)]
        made.append({"ablated": name, "own probe loses": mean(np.diag(drops), digits=3)})
        made[-1] |= {"others lose": mean(others, digits=3), "score": mean(score(drops), digits=3)}
    print(f"{len(classes)} classes ({', '.join(classes)}); accuracy of the probes {mean(before, digits=3)}\n")
    print(table(made))


if __name__ == "__main__":
    main()
