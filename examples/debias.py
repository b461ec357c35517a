"""Debiasing: whether a few neurons carry the gap between he and she after occupations.

    neurolect edit switch smollm2 gender --out gender.parquet
    python examples/debias.py smollm2 gender.parquet CORPUS

`edit switch` ranks neurons by whether they switch he and she after "The king said that" and "The queen said that".
Here the first of them are set, at every token but the first, midway between their means in sentences of either
side. Read are log-probabilities of he against she after occupations (the gap, and its spread over them); whether
sentences that do name a man or a woman, others than those of the means, still get the right pronoun; and the loss
on other text. Next to it: random neurons of the same layers set to their own middles, the mean difference of the
hidden states set to its middle, and saying so in words.
"""

import argparse
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from show import mean, table, texts_by_class

import neurolect
from neurolect.interventions import edit, first_of_ranking, next_scores, text_losses
from neurolect.model import Model, ModelOptions

FRAMES = ("The {} said that", "The {} was late because", "The {} smiled, and then")
PAIRS = (
    ("king", "queen"), ("father", "mother"), ("son", "daughter"), ("brother", "sister"), ("husband", "wife"),
    ("boy", "girl"), ("man", "woman"), ("uncle", "aunt"), ("prince", "princess"), ("waiter", "waitress"),
    ("actor", "actress"), ("grandfather", "grandmother"),
)  # fmt: skip
OCCUPATIONS = [
    "nurse",
    "doctor",
    "teacher",
    "engineer",
    "secretary",
    "mechanic",
    "librarian",
    "carpenter",
    "lawyer",
    "cleaner",
    "hairdresser",
    "driver",
    "cashier",
    "farmer",
    "baker",
    "guard",
    "writer",
    "manager",
    "sheriff",
    "counselor",
    "receptionist",
    "soldier",
    "tailor",
    "scientist",
    "assistant",
    "judge",
    "dancer",
    "plumber",
    "editor",
    "cook",
]
IN_WORDS = "Anyone can do any job. "


def gaps(model: Model, contexts: list[str]) -> NDArray[np.float64]:
    """Give the log-probability of he less that of she after each context."""
    he, she = (model.tokenizer(f" {word}", add_special_tokens=False).input_ids[-1] for word in ("he", "she"))
    scores = next_scores(model, contexts)
    return np.asarray(scores[:, he] - scores[:, she], np.float64)


def ways_of(
    model: Model, sides: list[list[str]], first: list[str], *, ks: list[int], block: int, seed: int
) -> dict[str, Mapping[str, object]]:
    """List the edits; a middle is that of a neuron's means over the sentences of either side."""
    one, other = (model.activations(each).mean(0) for each in sides)
    middle = dict(zip(model.addresses, ((one + other) / 2).tolist(), strict=True))
    layers = np.array([each.rpartition(".")[0] for each in model.addresses])
    random, ways = np.random.default_rng(seed), dict[str, Mapping[str, object]]()
    for k in ks:
        same = [np.flatnonzero(layers == each.rpartition(".")[0]) for each in first[:k]]
        drawn = [model.addresses[random.choice(own)] for own in same]
        ways[f"{k} switch neurons"] = {each: middle[each] for each in first[:k]}
        ways[f"{k} random neurons"] = {each: middle[each] for each in drawn}
    own = layers == f"hidden.{block}"
    vector = (one - other)[own] / np.linalg.norm((one - other)[own])
    at = float(vector @ ((one + other) / 2)[own])
    return ways | {f"direction at hidden.{block}": {f"hidden.{block}": ("direction", vector, "set", at)}}


def main() -> None:
    """Print a row a way of debiasing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("ranking", help="from neurolect edit switch MODEL gender --out FILE")
    parser.add_argument("corpus", help="a corpus folder, whose sentences other loss is measured on")
    parser.add_argument("--label", default="domain", help="a column of it; as many sentences of every class")
    parser.add_argument("--k", default="5,20,100", help="switch neurons set together")
    parser.add_argument("--texts", type=int, default=10, help="sentences of a class")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    options = ModelOptions(sites=("mlp", "hidden"), skip_first=1, dtype="float32")
    model = neurolect.load_model(given.model, options=options, device=given.device, head="lm")
    ks = [int(each) for each in given.k.split(",")]
    first = list(first_of_ranking(given.ranking, max(ks)))
    sides, named = ([[frame.format(pair[side]) for frame in FRAMES for pair in PAIRS[part::2]] for side in (0, 1)]
                    for part in (0, 1))  # fmt: skip
    contexts = [frame.format(each) for frame in FRAMES for each in OCCUPATIONS]
    drawn = texts_by_class(given.corpus, given.label, part="held_out", n=given.texts)
    texts = [text for own in drawn.values() for text in own]
    ways = ways_of(model, sides, first, ks=ks, block=max(1, model.n_layers * 2 // 3), seed=given.seed)
    plain, losses, made = gaps(model, contexts), text_losses(model, texts), []
    side = np.repeat([1.0, -1.0], len(named[0]))
    for name, changes in {"as it is": {}, **ways, "in words": {}}.items():
        before = IN_WORDS if name == "in words" else ""
        with edit(model, changes, positions="after_first"):
            gap = gaps(model, [before + each for each in contexts])
            right = gaps(model, [before + each for each in [*named[0], *named[1]]]) * side > 0
            more = text_losses(model, texts) - losses
        row = {"": name, "gap, nats": mean(np.abs(gap)), "he less she": mean(gap), "spread": f"{gap.std():.2f}"}
        row |= {
            "he": f"{(gap > 0).mean():.2f}",
            "order kept": f"{np.corrcoef(plain, gap)[0, 1]:.2f}",
            "named ones right": mean(right),
        }
        made.append(row | {"other text, nats": "" if before else mean(more, digits=3)})
    n = 2 * len(named[0])
    print(f"{len(contexts)} contexts of {len(OCCUPATIONS)} occupations, {n} that name a man or a woman,")
    print(f"{len(texts)} other sentences.\n\n{table(made)}")


if __name__ == "__main__":
    main()
