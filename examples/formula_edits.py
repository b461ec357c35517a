"""Edits from formulas: a neuron's formula says which words activate it, its weight which class that speaks for.

    python examples/formula_edits.py minilm reviews.parquet --label polarity

A probe reads two classes from the last layer's neurons. Those with the greatest weights for a class (in standard
deviations) get a formula over words of the texts that they are highest on, or lowest where the weight is against
(Mu and Andreas 2020). An edit puts the words that make it true in place of random ones; the prediction is that
texts of the other class flip. Next to it: formulas of random neurons, random words, and the words most typical of
the class, for which no neuron is needed. Texts are lower-cased and without punctuation before and after.
"""

import argparse
import re
import sys
from collections.abc import Sequence

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from show import mean, table

import neurolect
from neurolect.model import ModelOptions
from neurolect.probing import Formula, LinearOptions, explain, fit_linear

Edit = tuple[list[str], list[str]]
"""Words to put in, words to take out."""


def needed(formula: Formula, names: Sequence[str]) -> Edit:
    """Give the words that make a formula true, and those that have to go; of an OR the last part is taken."""
    put, gone = [formula.atoms[0]], list[int]()
    for operator, atom in zip(formula.operators, formula.atoms[1:], strict=True):
        if operator == "OR":
            put, gone = [atom], []
        else:
            (put if operator == "AND" else gone).append(atom)
    return [names[each] for each in put], [names[each] for each in gone]


def edited(text: str, edit: Edit, *, random: np.random.Generator) -> str:
    """Put words in place of random ones, and take others out."""
    put, gone = edit
    left = [each for each in text.split() if each not in gone]
    left += [""] * (len(put) - len(left))
    for place, word in zip(random.permutation(len(left)).tolist(), put, strict=False):
        left[place] = word
    return " ".join(left)


def presence(texts: Sequence[str], names: Sequence[str]) -> NDArray[np.bool_]:
    """Say which texts have which words, shape (n_words, n_texts)."""
    sets = [set(each.split()) for each in texts]
    return np.array([[name in each for each in sets] for name in names])


def log_odds(holds: NDArray[np.bool_], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give each word's log-odds of class 1 against class 0, with a half added to counts."""
    shares = [(holds[:, labels == of].sum(1) + 0.5) / ((labels == of).sum() + 1.0) for of in (0, 1)]
    return np.asarray(np.log(shares[1] / (1 - shares[1])) - np.log(shares[0] / (1 - shares[0])))


def read(path: str, label: str, *, n: int, n_edits: int, seed: int) -> tuple[list[str], list[str], list[str]]:
    """Draw as many texts of two classes, the first class first: the classes, texts to fit on, texts to edit."""
    given = pq.read_table(path, columns=["text", label]).to_pylist()
    words = [" ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)*", row["text"].lower())) for row in given]
    classes = sorted({str(row[label]) for row in given if row[label] is not None})
    if len(classes) != 2:
        sys.exit(f"The column {label} has {len(classes)} classes; two are needed.")
    own = [
        [text for text, row in zip(words, given, strict=True) if text and str(row[label]) == of] for of in classes
    ]
    random = np.random.default_rng(seed)
    own = [[each[place] for place in random.permutation(len(each))] for each in own]
    n_edits = min(n_edits, min(map(len, own)) // 4)
    n = min(n, min(map(len, own)) - n_edits)
    return classes, own[0][:n] + own[1][:n], own[0][n : n + n_edits] + own[1][n : n + n_edits]


def main() -> None:
    """Print a row a way of editing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("texts", help="a .parquet file with a column text")
    parser.add_argument("--label", default="polarity", help="a column with two classes")
    parser.add_argument("--n", type=int, default=1_500, help="texts of a class to fit on")
    parser.add_argument("--edits", type=int, default=150, help="texts of a class that are edited")
    parser.add_argument("--neurons", type=int, default=10, help="that speak most for each class")
    parser.add_argument("--words", type=int, default=500, help="most frequent words, the atoms of formulas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    random = np.random.default_rng(given.seed)
    classes, texts, held = read(given.texts, given.label, n=given.n, n_edits=given.edits, seed=given.seed)
    labels, truth = (np.repeat([0, 1], len(each) // 2) for each in (texts, held))
    last = neurolect.load_model(given.model, device=given.device).n_layers
    model = neurolect.load_model(given.model, options=ModelOptions(layers=(last,)), device=given.device)
    rows, plain = model.activations(texts), model.activations(held)
    probe = fit_linear(rows, labels, options=LinearOptions(l2=1e-2, standardise="zscore", gap=0.01))
    weights, before = probe.class_weights()[1], probe.scores(plain)[:, 0]
    names, counts = np.unique([word for text in texts for word in set(text.split())], return_counts=True)
    names = names[np.argsort(-counts, kind="stable")[: given.words]].tolist()
    holds = presence(texts, names)

    def formulas(neurons: NDArray[np.int64], towards: int) -> list[Edit]:
        """Explain neurons by the texts where they speak most for a class."""
        values = rows[:, neurons] * np.sign(weights[neurons]) * (1 if towards else -1)
        units = values > np.quantile(values, 0.8, axis=0)
        return [needed(each.formula, names) for each in explain(units.T, holds, length=3)]

    n, typical = given.neurons, np.argsort(log_odds(holds, labels), kind="stable")
    order = np.argsort(-np.abs(weights), kind="stable")
    others = random.permutation(order[len(order) // 2 :])[:n]
    ways = {
        "formulas of the class's neurons": lambda to: formulas(order[:n], to),
        "formulas of random neurons": lambda to: formulas(others, to),
        "random words": lambda _: [([str(each)], []) for each in random.choice(names, n)],
        "the most typical words": lambda to: [([names[i]], []) for i in (typical[::-1] if to else typical)[:n]],
    }
    made = []
    for name, way in ways.items():
        flipped, moved, words = list[float](), list[float](), list[str]()
        for to in (0, 1):
            own, edits = np.flatnonzero((before > 0) != bool(to)), way(to)
            picked = [edits[each] for each in random.integers(len(edits), size=len(own))]
            changed = [edited(held[at], each, random=random) for at, each in zip(own, picked, strict=True)]
            after = probe.scores(model.activations(changed))[:, 0]
            flipped += ((after > 0) == bool(to)).tolist()
            moved += ((after - before[own]) * (1 if to else -1)).tolist()
            words.append(f"{classes[to]}: {', '.join(' + '.join(put) for put, _ in edits[:4])}")
        made.append(
            {"put in": name, "flipped": mean(flipped), "moved, nats": mean(moved), "e.g.": "; ".join(words)}
        )
    right = ((before > 0) == (truth > 0)).mean()
    print(
        f"{len(held)} texts, {' or '.join(classes)}; the probe is right for {right:.2f} of them.\n\n{table(made)}"
    )


if __name__ == "__main__":
    main()
