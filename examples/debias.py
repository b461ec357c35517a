"""Debiasing: whether a few neurons carry the gap between he and she after occupations.

    python examples/debias.py smollm2 CORPUS

`neurolect edit switch` finds neurons that switch he and she after "The king said that" and "The queen said that".
Here the first of them are set, at the last token, midway between their means on both sides. Read are log-
probabilities of he against she after occupations (the gap); whether sentences that do name a king or a queen still
get the right pronoun; and the loss on other text, with the same neurons set at every token. Next to it: random
neurons of the same layers set to their own middles, the mean difference of the hidden states set to its middle,
and saying so in words.
"""

import argparse
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from show import mean, table, texts_by_class

import neurolect
from neurolect.interventions import SwitchOptions, edit, find_switches, next_scores, text_losses
from neurolect.model import Model, ModelOptions

FRAMES = ("The {} said that", "The {} was late because", "The {} smiled, and then")
PAIRS = (
    ("king", "queen"), ("father", "mother"), ("son", "daughter"), ("brother", "sister"), ("husband", "wife"),
    ("boy", "girl"), ("man", "woman"), ("uncle", "aunt"), ("prince", "princess"), ("waiter", "waitress"),
    ("actor", "actress"), ("grandfather", "grandmother"),
)  # fmt: skip
OCCUPATIONS = (
    "nurse", "doctor", "teacher", "engineer", "secretary", "mechanic", "librarian", "carpenter", "lawyer",
    "cleaner", "hairdresser", "driver", "cashier", "farmer", "baker", "guard", "writer", "manager", "sheriff",
    "counselor", "receptionist", "soldier", "tailor", "scientist", "assistant", "judge", "dancer", "plumber",
    "editor", "cook",
)  # fmt: skip
IN_WORDS = "Anyone can do any job. "


def gaps(model: Model, contexts: list[str]) -> NDArray[np.float64]:
    """Give the log-probability of he less that of she after each context."""
    tokens = [model.tokenizer(f" {word}", add_special_tokens=False).input_ids[-1] for word in ("he", "she")]
    scores = next_scores(model, contexts)
    return np.asarray(scores[:, tokens[0]] - scores[:, tokens[1]], np.float64)


def middles(model: Model, sides: tuple[list[str], list[str]]) -> tuple[dict[str, float], NDArray[np.float32]]:
    """Give neurons' middles of their means at the last tokens of either side, and the differences of the means."""
    one, other = (model.activations(each).mean(0) for each in sides)
    return dict(zip(model.addresses, ((one + other) / 2).tolist(), strict=True)), one - other


def ways_of(
    model: Model, sides: tuple[list[str], list[str]], first: list[str], *, ks: list[int], block: int, seed: int
) -> dict[str, Mapping[str, object]]:
    """List the edits."""
    middle, difference = middles(model, sides)
    random, ways = np.random.default_rng(seed), dict[str, Mapping[str, object]]()
    same = {layer: [each for each in model.addresses if each.startswith(layer)] for layer in
            {each[: each.rindex(".") + 1] for each in first}}  # fmt: skip
    for k in ks:
        ways[f"{k} switch neurons"] = {each: middle[each] for each in first[:k]}
        drawn = [str(random.choice(same[each[: each.rindex(".") + 1]])) for each in first[:k]]
        ways[f"{k} random neurons"] = {each: middle[each] for each in drawn}
    own = np.array([each.startswith(f"hidden.{block}.") for each in model.addresses])
    vector = difference[own] / np.linalg.norm(difference[own])
    at = float(vector @ np.array(list(middle.values()))[own])
    return ways | {f"direction at hidden.{block}": {f"hidden.{block}": ("direction", vector, "set", at)}}


def main() -> None:
    """Print a row a way of debiasing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("corpus", help="a corpus folder, whose sentences other loss is measured on")
    parser.add_argument("--label", default="domain", help="a column of it; as many sentences of every class")
    parser.add_argument("--k", default="5,20,100", help="switch neurons set together")
    parser.add_argument("--texts", type=int, default=10, help="sentences of a class")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    options = ModelOptions(sites=("mlp", "hidden"), pooling="last", dtype="float32")
    model = neurolect.load_model(given.model, options=options, device=given.device, head="lm")
    ks = [int(each) for each in given.k.split(",")]
    found = find_switches(model, "gender", options=SwitchOptions(top=(1,), seed=given.seed)).table
    sides = tuple([frame.format(pair[side]) for frame in FRAMES for pair in PAIRS[::2]] for side in (0, 1))
    named = [[frame.format(pair[side]) for frame in FRAMES for pair in PAIRS[1::2]] for side in (0, 1)]
    contexts = [frame.format(each) for frame in FRAMES for each in OCCUPATIONS]
    drawn = texts_by_class(given.corpus, given.label, part="held_out", n=given.texts)
    texts = [text for own in drawn.values() for text in own]
    first = found.column("address").to_pylist()
    ways = ways_of(model, sides, first, ks=ks, block=max(1, model.n_layers * 2 // 3), seed=given.seed)  # type: ignore[arg-type]
    plain, losses, made = gaps(model, contexts), text_losses(model, texts), []
    side = np.repeat([1.0, -1.0], len(named[0]))
    for name, changes in {"as it is": {}, **ways, "in words": {}}.items():
        before = IN_WORDS if name == "in words" else ""
        with edit(model, changes, positions="last"):
            gap = gaps(model, [before + each for each in contexts])
            right = gaps(model, [before + each for each in [*named[0], *named[1]]]) * side > 0
        with edit(model, changes):
            more = text_losses(model, texts) - losses
        row = {"": name, "gap, nats": mean(np.abs(gap)), "he less she": mean(gap), "he": f"{(gap > 0).mean():.2f}"}
        row |= {"order kept": f"{np.corrcoef(plain, gap)[0, 1]:.2f}", "named ones right": mean(right)}
        made.append(row | {"other text, nats": "" if before else mean(more, digits=3)})
    n = 2 * len(named[0])
    print(f"{len(contexts)} contexts of {len(OCCUPATIONS)} occupations, {n} that name a person of one sex,")
    print(f"{len(texts)} other sentences.\n\n{table(made)}")


if __name__ == "__main__":
    main()
