"""Search over sets of neurons: rankings score neurons one by one, and a set may be better than its members.

    neurolect probing activations minilm treebank.parquet --concept tags --out ACTS
    python examples/search_sets.py ACTS --k 10

A set of k neurons is worth what a linear probe on them gets right of the dev part. The search starts from the
first k of LCA's ranking, swaps one of them for a random neuron at each step, and keeps what is not worse. Next to
it: the same search from random neurons, and the best of as many random sets. The test part, which nothing was
chosen on, judges.
"""

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from show import mean, table

from neurolect.probing import ActivationStore, LinearOptions, fit_linear, open_activations, rank_activations

Ids = NDArray[np.int64]


class Parts(NamedTuple):
    """Standardised activations of a sample of a store, with the sums that least squares needs."""

    rows: NDArray[np.float64]
    labels: Ids
    train: Ids
    dev: Ids
    test: Ids
    gram: NDArray[np.float64]
    towards: NDArray[np.float64]


def parts_of(store: ActivationStore, *, most: int, seed: int) -> Parts:
    """Draw units of each part; sums are over the training ones."""
    random, numbers = np.random.default_rng(seed), []
    for part in ("train", "dev", "test"):
        own = store.rows_of(part)
        numbers.append(np.sort(random.permutation(own)[:most]))
    rows = np.concatenate([values for _, values in store.blocks(np.concatenate(numbers))]).astype(np.float64)
    train, dev, test = np.split(np.arange(len(rows)), np.cumsum([len(each) for each in numbers])[:-1])
    labels = store.labels[np.concatenate(numbers)]
    rows = (rows - rows[train].mean(0)) / np.maximum(rows[train].std(0), 1e-9)
    wanted = np.eye(len(store.classes))[labels[train]]
    return Parts(
        rows, labels, train, dev, test, rows[train].T @ rows[train], rows[train].T @ (wanted - wanted.mean(0))
    )


def dev_accuracy(parts: Parts, chosen: Ids) -> float:
    """Fit least squares to the classes on some neurons; give the accuracy on the dev part."""
    gram = parts.gram[np.ix_(chosen, chosen)] + 1e-3 * len(parts.train) * np.eye(len(chosen))
    weights = np.linalg.solve(gram, parts.towards[chosen])
    shares = np.bincount(parts.labels[parts.train], minlength=weights.shape[1]) / len(parts.train)
    scores = parts.rows[np.ix_(parts.dev, chosen)] @ weights + shares
    return float((scores.argmax(1) == parts.labels[parts.dev]).mean())


def swap(parts: Parts, start: Ids, *, steps: int, seed: int) -> tuple[Ids, float]:
    """Swap one neuron at a time for a random one; keep what is not worse."""
    random, chosen = np.random.default_rng(seed), start.copy()
    best = dev_accuracy(parts, chosen)
    for _ in range(steps):
        tried = chosen.copy()
        tried[random.integers(len(chosen))] = random.choice(np.setdiff1d(np.arange(parts.rows.shape[1]), chosen))
        if (found := dev_accuracy(parts, tried)) >= best:
            chosen, best = tried, found
    return chosen, best


def tested(parts: Parts, chosen: Ids) -> NDArray[np.float64]:
    """Fit a softmax probe on some neurons; say which test units it gets right."""
    options = LinearOptions(l1=1e-4, l2=1e-4, gap=0.01)
    probe = fit_linear(parts.rows, parts.labels, chosen=parts.train, columns=np.sort(chosen), options=options)
    return (probe.predict(parts.rows, parts.test) == parts.labels[parts.test]).astype(np.float64)


def main() -> None:
    """Print a row a way of choosing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("acts", help="from neurolect probing activations")
    parser.add_argument("--k", type=int, default=10, help="neurons of a set")
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--units", type=int, default=4_000, help="units of each part at most")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    store = open_activations(given.acts)
    parts = parts_of(store, most=given.units, seed=given.seed)
    places = {address: place for place, address in enumerate(store.addresses)}
    ranked = rank_activations(store, by="lca").column("address").to_pylist()
    first = np.array([places[each] for each in ranked[: given.k]])
    random = np.random.default_rng(given.seed)
    drawn = [random.choice(len(places), given.k, replace=False) for _ in range(given.steps)]
    sets = {f"first {given.k} of LCA": first}
    sets["searched from these"] = swap(parts, first, steps=given.steps, seed=given.seed)[0]
    sets["searched from random ones"] = swap(parts, drawn[0], steps=given.steps, seed=given.seed)[0]
    sets[f"best of {given.steps:,} random sets"] = max(drawn, key=lambda each: dev_accuracy(parts, each))
    sets["random"] = drawn[1]
    right = {name: tested(parts, chosen) for name, chosen in sets.items()}
    right["all neurons"] = tested(parts, np.arange(len(places)))
    base = next(iter(right.values()))
    rows = [
        {
            "set": name,
            "dev": f"{dev_accuracy(parts, sets[name]):.3f}" if name in sets else "",
            "test": mean(own, digits=3),
            "more than LCA": mean(own - base, digits=3) if own is not base else "",
            "of LCA's": f"{len(np.intersect1d(sets[name], first))}" if name in sets else "",
        }
        for name, own in right.items()
    ]
    print(table(rows))


if __name__ == "__main__":
    main()
