"""Say what became of the claims of docs/findings_probing.md, by rules that were fixed before the runs.

python benchmarks/claims_probing.py FOLDER    # tags, suffix, arcs, plain, finetuned, judged; minilm, mpnet, smollm2
"""

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurolect.errors import NeurolectError
from neurolect.probing import Probing, open_probing

MIDDLE = 3.5
"""Mean layer of all neurons of a model of six layers."""
CLOSED = ("DET", "ADP", "CCONJ", "SCONJ", "PRON", "PART", "AUX")
OPEN = ("NOUN", "VERB", "ADJ", "ADV", "PROPN")


class Outcome(NamedTuple):
    """One claim's outcome."""

    number: int
    verdict: str
    figures: str


def judged(number: int, figures: str, *, found: bool, differs: bool) -> Outcome:
    """Choose the verdict."""
    return Outcome(number, "found" if found else "differs" if differs else "not found", figures)


def mean_layer(made: Probing) -> tuple[float, float, float]:
    """Give the mean layer of the minimal set, with its interval."""
    bounds = made.steps["resamples"]["mean_layer"]
    return made.steps["minimal"]["mean_layer"], bounds["low"], bounds["high"]


def shown(three: tuple[float, float, float]) -> str:
    """Write a figure with its interval."""
    return f"{three[0]:.2f} ({three[1]:.2f}-{three[2]:.2f})"


def share(made: Probing) -> float:
    """Give the share of the neurons that the minimal set has; all where the target is missed."""
    return float(made.steps["minimal"]["k"] / made.facts["n_neurons"])


def sizes(tags: Probing, suffix: Probing) -> Iterator[Outcome]:
    """Claims 1 and 5 to 7."""
    shares = [share(tags), share(suffix)]
    figures = f"tags {shares[0]:.1%}, suffixes {shares[1]:.1%}"
    yield judged(1, figures, found=max(shares) <= 0.10, differs=max(shares) <= 0.20)
    n_sets = tags.steps["sets"]["n_met"]
    yield judged(5, f"{n_sets} sets", found=n_sets >= 5, differs=n_sets >= 2)
    removable = tags.steps["clusters"]["removable"]
    yield judged(6, f"{removable:.0%}", found=removable >= 0.85, differs=removable >= 0.5)
    yield judged(7, f"{1 - shares[0]:.1%} can go", found=shares[0] <= 0.08, differs=shares[0] <= 0.2)


def layers(tags: Probing, suffix: Probing, arcs: Probing | None) -> Iterator[Outcome]:
    """Claims 2 to 4 and 16."""
    low = mean_layer(suffix)
    first = suffix.steps["minimal"]["layers"]["minimal set"][0]
    figures = (
        f"mean layer {shown(low)}; layer 1 has {first['n']} (without preference {first['low']}-{first['high']})"
    )
    yield judged(2, figures, found=low[2] < MIDDLE and first["n"] > first["high"], differs=low[0] < MIDDLE)
    if arcs is None:
        yield from (Outcome(number, "not testable", "no arcs") for number in (3, 4))
    else:
        highs = [mean_layer(tags), mean_layer(arcs)]
        figures = f"tags {shown(highs[0])}, arcs {shown(highs[1])}, suffixes {shown(low)}"
        apart = [each[1] > low[2] for each in highs]
        yield judged(3, figures, found=all(each[1] > MIDDLE for each in highs), differs=all(apart))
        yield judged(4, figures, found=all(apart), differs=any(apart))
    counts = np.array([each["n"] for each in tags.steps["minimal"]["layers"]["minimal set"]])
    half = bool(counts.max() <= counts.sum() / 2)
    yield judged(16, f"tags: {counts.tolist()} by layer", found=half and int((counts > 0).sum()) >= 4, differs=half)


def classes(tags: Probing) -> Iterator[Outcome]:
    """Claims 8 and 9."""
    from scipy.stats import mannwhitneyu

    found = tags.steps["classes"]
    neurons = {each["class"]: each["neurons"] for each in found["classes"]}
    closed, open_ = ([neurons[each] for each in names if each in neurons] for names in (CLOSED, OPEN))
    p = float(mannwhitneyu(closed, open_, alternative="less").pvalue)
    medians = float(np.median(closed)), float(np.median(open_))
    figures = f"median {medians[0]:g} (closed) and {medians[1]:g} (open), p = {p:.3f}"
    lower = medians[0] < medians[1]
    yield judged(8, figures, found=lower and p < 0.05, differs=lower)
    counts = np.array(found["by_number_of_classes"])
    one, many = counts[1] / counts[1:].sum(), counts[3:].sum() / counts[1:].sum()
    figures = f"{one:.0%} of one class, {many:.0%} of three or more"
    yield judged(9, figures, found=min(one, many) >= 0.1, differs=min(one, many) > 0)


def random_weights(tags: Probing) -> Iterator[Outcome]:
    """Claims 11 and 12."""
    if "random" not in tags.steps:
        yield from (Outcome(number, "not testable", "no random weights") for number in (11, 12))
        return
    own, random = tags.steps["controls"]["minimal"]["selectivity"], tags.steps["random"]["all"]
    value = own["value"]
    figures = (
        f"{value:.3f} ({own['low']:.3f}-{own['high']:.3f}), random weights {random['selectivity']['value']:.3f}"
    )
    above = own["low"] > 0
    better = value > 0.1 and above and value > random["selectivity"]["value"]
    yield judged(11, figures, found=better, differs=above)
    trained, other = tags.steps["controls"]["all"]["task"], random["task"]
    figures = f"{trained['value']:.3f} ({trained['low']:.3f}-{trained['high']:.3f})"
    figures += f", random weights {other['value']:.3f} ({other['low']:.3f}-{other['high']:.3f})"
    yield judged(12, figures, found=trained["low"] > other["high"], differs=trained["value"] > other["value"])


def ends(tags: Probing) -> Iterator[Outcome]:
    """Claim 17."""
    at = tags.steps["minimal"]["at"]
    top, bottom, drawn = at["top"], at["bottom"], at["random"]
    between = bool(drawn) and bottom["value"] < min(drawn) and max(drawn) < top["value"]
    figures = f"{top['value']:.3f}, random {np.mean(drawn):.3f}, bottom {bottom['value']:.3f} (k = {at['k']})"
    better = top["value"] > float(np.mean(drawn or [1.0]))
    yield judged(17, figures, found=top["low"] > bottom["high"] and between, differs=better)


def shift(tags: Probing, finetuned: Probing | None) -> Iterator[Outcome]:
    """Claim 10: the resamples of both models are of the same sentences, so that differences are paired."""
    if finetuned is None:
        yield Outcome(10, "not testable", "no fine-tuned model")
        return
    one, other = (
        np.array([row["mean_layer"] for row in made.steps["resamples"]["rows"]]) for made in (tags, finetuned)
    )
    low, high = np.quantile(other - one, [0.025, 0.975])
    moved = finetuned.steps["minimal"]["mean_layer"] - tags.steps["minimal"]["mean_layer"]
    yield judged(10, f"{moved:+.2f} layers ({low:+.2f} to {high:+.2f})", found=high < 0, differs=moved < 0)


def architectures(models: list[Probing]) -> Iterator[Outcome]:
    """Claim 19: mean layers as shares of the depth."""
    if len(models) < 2:
        yield Outcome(19, "not testable", "one architecture")
        return
    depths = [len(made.facts["layers"]) for made in models]
    means = [tuple(each / depth for each in mean_layer(made)) for made, depth in zip(models, depths, strict=True)]
    low, high = max(each[1] for each in means), min(each[2] for each in means)
    values = [each[0] for each in means]
    figures = ", ".join(
        f"{made.facts['model']} {value:.2f} ({bottom:.2f}-{top:.2f})"
        for made, (value, bottom, top) in zip(models, means, strict=True)
    )
    yield judged(19, figures, found=low > high, differs=max(values) - min(values) >= 0.1)


def methods(facts: dict[str, Any]) -> Iterator[Outcome]:
    """Claims 13 and 14, of a judge's folder."""
    overlap = {name: each["100"] for name, each in facts["agreement"]["average_overlap"].items()}
    votes = {name: each["without_itself"]["100"] for name, each in facts["agreement"]["neuron_vote"].items()}
    mean = float(np.mean(list(overlap.values())))
    yield judged(13, f"{mean:.2f} over {len(overlap)} methods", found=mean > 0.6, differs=mean > 0.3)
    order = sorted(votes, key=lambda name: -votes[name])
    place = order.index("probeless") + 1
    figures = f"place {place} of {len(order)} ({votes['probeless']:.3f}); first {order[0]} ({votes[order[0]]:.3f})"
    yield judged(14, figures, found=place == 1, differs=place <= 3)


def outcomes(folder: Path) -> list[Outcome]:
    """Judge every claim that the folders allow."""

    def opened(name: str) -> Probing | None:
        try:
            return open_probing(folder / name)
        except NeurolectError:
            return None

    tags, suffix = open_probing(folder / "tags"), open_probing(folder / "suffix")
    found = [*sizes(tags, suffix), *layers(tags, suffix, opened("arcs")), *classes(tags), *ends(tags)]
    plain = opened("plain") or tags
    found += [*random_weights(plain if "random" in plain.steps else tags), *shift(plain, opened("finetuned"))]
    if (folder / "judged" / "judge.json").is_file():
        found += methods(json.loads((folder / "judged" / "judge.json").read_text(encoding="utf-8")))
    reduced = [opened(name) for name in ("minilm", "mpnet", "smollm2")]
    found += architectures([each for each in reduced if each is not None])
    found = sorted(found)
    assert all(one.number < other.number for one, other in pairwise(found))
    return found


if __name__ == "__main__":
    for each in outcomes(Path(sys.argv[1])):
        print(f"| {each.number} | {each.verdict} | {each.figures} |")
