"""RAVEL: what is taken over from another entity for one attribute should change that attribute and no other.

    python examples/ravel.py smollm2

Countries have a capital, a continent and a language (Huang et al. 2024, there cities, names, objects). Facts that
the model does not know are left out. At a country's token its hidden states are set to those of another country:
all of them, the k neurons that differ most between the attribute's values, k random ones, or only within the
directions between the values' means. Cause: share of pairs where the other's attribute is then said. Isolation:
share of pairs where another attribute stays what it was. Neurons, directions and the block (of four the one where
all neurons cause most, the last of equals) are chosen on other countries than those of the pairs.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from show import mean, table

import neurolect
from neurolect.interventions import edit, next_scores
from neurolect.model import Model, ModelOptions

State = NDArray[np.float32]
Way = Callable[[State, State], State]
"""Makes a state of that of a country and that of another one."""

BEFORE = "This is about "
PROMPTS = {
    "capital": "{}. The capital of this country is the city of",
    "continent": "{}. This country is on the continent of",
    "language": "{}. Most people in this country speak",
}
FACTS = """
France Paris Europe French, Germany Berlin Europe German, Italy Rome Europe Italian, Spain Madrid Europe
Spanish, Portugal Lisbon Europe Portuguese, Poland Warsaw Europe Polish, Sweden Stockholm Europe Swedish, Greece
Athens Europe Greek, Russia Moscow Europe Russian, Austria Vienna Europe German, Denmark Copenhagen Europe
Danish, Norway Oslo Europe Norwegian, Finland Helsinki Europe Finnish, Ireland Dublin Europe English, Hungary
Budapest Europe Hungarian, Japan Tokyo Asia Japanese, China Beijing Asia Chinese, Thailand Bangkok Asia Thai,
Vietnam Hanoi Asia Vietnamese, Iran Tehran Asia Persian, Iraq Baghdad Asia Arabic, Turkey Ankara Asia Turkish,
Israel Jerusalem Asia Hebrew, India New Asia Hindi, Pakistan Islamabad Asia Urdu, Nepal Kathmandu Asia Nepali,
Indonesia Jakarta Asia Indonesian, Egypt Cairo Africa Arabic, Kenya Nairobi Africa Swahili, Nigeria Abuja Africa
English, Morocco Rabat Africa Arabic, Ethiopia Addis Africa Amharic, Ghana Accra Africa English, Algeria Algiers
Africa Arabic, Brazil Brasilia South Portuguese, Argentina Buenos South Spanish, Peru Lima South Spanish, Chile
Santiago South Spanish, Colombia Bogota South Spanish, Mexico Mexico North Spanish, Cuba Havana North Spanish,
Canada Ottawa North English, Ukraine Kiev Europe Ukrainian
"""


class Countries(NamedTuple):
    """Countries of one token each, and what the model says of them rightly."""

    names: list[str]
    tokens: dict[str, list[int | None]]
    """Of each attribute the first token of the right answer; None where the model gives another one."""
    states: State
    """At the country's token, shape (n_countries, n_neurons)."""


def read(model: Model, *, everything: bool = False) -> Countries:
    """Ask the model for every fact."""

    def ids(word: str) -> list[int]:
        return list(model.tokenizer(f" {word}", add_special_tokens=False).input_ids)

    rows = [each.split() for each in FACTS.split(",")]
    rows = [row for row in rows if len(ids(row[0])) == 1]
    names, tokens = [row[0] for row in rows], dict[str, list[int | None]]()
    for number, (attribute, prompt) in enumerate(PROMPTS.items(), start=1):
        said = next_scores(model, [BEFORE + prompt.format(name) for name in names]).argmax(1).tolist()
        right = [ids(row[number])[0] for row in rows]
        pairs = zip(right, said, strict=True)
        tokens[attribute] = [token if everything or token == given else None for token, given in pairs]
    return Countries(names, tokens, model.activations([BEFORE + name for name in names]))


def between(states: State, values: Sequence[int | None]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give each neuron's spread of the values' means (as a share of its own), and a basis of those means (W, r)."""
    usable = np.array([at for at, each in enumerate(values) if each is not None])
    groups = [[at for at in usable if values[at] == each] for each in dict.fromkeys(values) if each is not None]
    means = np.stack([states[own].mean(0) for own in groups]).astype(np.float64)
    sizes = np.array([len(own) for own in groups], np.float64)[:, None]
    away = means - (means * sizes).sum(0) / sizes.sum()
    spread = (sizes * away**2).sum(0) / sizes.sum()
    if max(map(len, groups)) > 1:  # every country has its own capital: there the spread itself ranks
        spread = spread / np.maximum(states[usable].var(0), 1e-12)
    left, strengths, _ = np.linalg.svd(away.T, full_matrices=False)
    return spread, left[:, strengths > 1e-4 * strengths.max()]


def ways_of(states: State, values: Sequence[int | None], *, ks: Sequence[int], seed: int) -> dict[str, Way]:
    """List what is taken over from the other country."""
    spread, basis = between(states, values)
    order, random = np.argsort(-spread, kind="stable"), np.random.default_rng(seed)

    def of(own: NDArray[np.int64]) -> Way:
        mask = np.isin(np.arange(len(spread)), own)
        return lambda base, source: np.where(mask, source, base)

    ways = {"all neurons": of(order)}
    for k in ks:
        ways |= {f"{k} of the attribute": of(order[:k]), f"{k} random": of(random.permutation(order)[:k])}
    inside: Way = lambda base, source: base + (basis @ (basis.T @ (source - base))).astype(np.float32)  # noqa: E731
    return ways | {"directions between means": inside}


def judged(
    model: Model,
    found: Countries,
    layer: str,
    *,
    fit: list[int],
    held: list[int],
    ks: Sequence[int],
    n: int,
    seed: int,
    isolation: bool = True,
) -> dict[str, tuple[list[float], list[float]]]:
    """Give causes and, where asked for, isolations of every way, over pairs of held-out countries."""
    states = found.states[:, [each.startswith(f"{layer}.") for each in model.addresses]]
    made: dict[str, tuple[list[float], list[float]]] = {}
    for attribute, own in found.tokens.items():
        ways = ways_of(states[fit], [own[each] for each in fit], ks=ks, seed=seed)
        for asked, tokens in found.tokens.items():
            if asked != attribute and not isolation:
                continue
            known = [each for each in held if tokens[each] is not None]
            pairs = [(a, b) for a in known for b in known if tokens[a] != tokens[b]]
            drawn = np.random.default_rng([seed, len(pairs)]).permutation(len(pairs))
            for a, b in (pairs[each] for each in drawn[: n if asked == attribute else n // 2]):
                for name, way in ways.items():
                    change = {layer: ("set", way(states[a], states[b]))}
                    with edit(model, change, positions=f"match={found.names[a]}"):
                        said = next_scores(model, [BEFORE + PROMPTS[asked].format(found.names[a])])[0].argmax()
                    cause, stays = made.setdefault(name, ([], []))
                    (cause if asked == attribute else stays).append(
                        float(said == tokens[b if asked == attribute else a])
                    )
    return made


def main() -> None:
    """Print a row a way of taking over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--k", default="20,100,300", help="neurons that are taken over")
    parser.add_argument("--pairs", type=int, default=60, help="of countries, for every attribute")
    parser.add_argument("--everything", action="store_true", help="also facts that the model does not know")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    n_layers = neurolect.load_model(given.model, device=given.device).n_layers
    layers = sorted({max(1, n_layers * each // 8) for each in (1, 2, 3, 4)})
    options = ModelOptions(layers=tuple(layers), pooling="last", dtype="float32")
    model = neurolect.load_model(given.model, options=options, device=given.device, head="lm")
    found = read(model, everything=given.everything)
    order = np.random.default_rng(given.seed).permutation(len(found.names)).tolist()
    fit, held = order[: len(order) // 2], order[len(order) // 2 :]
    if min(len({each for each in own if each is not None}) for own in found.tokens.values()) < 2:
        sys.exit(f"{given.model} knows too few of the facts of {len(order)} countries.")
    counts = {name: sum(each is not None for each in own) for name, own in found.tokens.items()}
    print(f"{len(order)} countries; known are {', '.join(f'{n} of {name}' for name, n in counts.items())}.")
    ks = [int(each) for each in given.k.split(",")]
    given_to = {"fit": fit, "seed": given.seed}
    few = {"held": fit, "ks": [], "n": max(3, given.pairs // 5), "isolation": False}
    causes = {
        layer: np.mean(judged(model, found, f"hidden.{layer}", **few, **given_to)["all neurons"][0])
        for layer in layers
    }
    layer = max(layers, key=lambda each: (causes[each], each))  # the last of equals: most is made of the word there
    print(f"All neurons cause: {', '.join(f'hidden.{each} {share:.2f}' for each, share in causes.items())}.\n")
    made = judged(model, found, f"hidden.{layer}", held=held, ks=ks, n=given.pairs, **given_to)
    rows = [
        {"taken over": name, "cause": mean(cause), "isolation": mean(stays)}
        | {"mean of both": f"{(np.mean(cause) + np.mean(stays)) / 2:.2f}"}
        for name, (cause, stays) in made.items()
    ]
    print(table(rows))


if __name__ == "__main__":
    main()
