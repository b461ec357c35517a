"""[J] figures 2 to 4: the same index across layers, diversity by depth, groups of neurons by their responses."""

from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.clustering.k_means import k_means
from neurolect.paper.finding import Finding, Verdict, depth_correlation, layer_of_neurons, left_out, thirds
from neurolect.relations.diversity import read_diversity
from neurolect.relations.inputs import finite_sentences, standardised
from neurolect.store import Run

P, LEAST, STEADY, TWICE = 0.01, 0.1, 0.5, 2.0
N_GROUPS, FEW_GROUPS = 10, 8
INDEX_RULE = (
    "rank correlation at the same index over pairs of layers 0.1 or more, p 0.01 or less, in all; differs: in some"
)
DIVERSITY_RULE = "rank correlation of layer and error at 8 groups is 0.5 or more; differs: above 0"
GROUPS_RULE = "10 groups explain twice as much of the responses as of shuffled ones, or more"
NUMBERS = {"length": "mean length", "field=domain": "domain", "verb_share": "verbs"}


class Agreement(NamedTuple):
    """How far layers agree at the same index."""

    correlation: float
    p: float


def judge_same_index(found: list[Agreement]) -> Verdict:
    """Judge agreement at the same index."""
    passed = [each.correlation >= LEAST and each.p <= P for each in found]
    if all(passed):
        return Verdict.reproduced
    return Verdict.differs if any(passed) else Verdict.not_reproduced


def judge_diversity(correlation: float) -> Verdict:
    """Judge whether deeper layers are more diverse."""
    if correlation >= STEADY - 1e-9:  # three layers can reach it exactly, but for rounding
        return Verdict.reproduced
    return Verdict.differs if correlation > 0 else Verdict.not_reproduced


def judge_groups(share: float, shuffled: float) -> Verdict:
    """Judge groups of response patterns."""
    return Verdict.reproduced if share >= TWICE * shuffled else Verdict.not_reproduced


def explained(unit_nM: NDArray[np.float32], *, k: int, seed: int = 0) -> float:
    """Say how much of the neurons' response patterns k groups explain.

    ``unit_nM``: float32, shape (n, M). Standardised responses of n neurons to M sentences.
    """
    found = k_means(unit_nM, k=k, seed=seed, n_starts=3, n_iterations=50)
    total = float(((unit_nM - unit_nM.mean(axis=0)).astype(np.float64) ** 2).sum())
    return 1.0 - found.sse / total if total > 0 else 0.0


def role_findings(run: Run, *, seed: int = 0) -> list[Finding]:
    """Judge figures 2, 3 and 4 of the Japanese paper."""
    return [_same_index(run), _diversity(run), _groups(run, seed)]


def _same_index(run: Run) -> Finding:
    claim = "Neurons of the same index agree across layers: length, domain, verbs"
    rows = {row["number"]: row for row in run.table("relations/same_index").to_pylist() if row["side"] == "top"}
    known = [name for name in NUMBERS if name in rows and rows[name]["correlation"] is not None]
    if not known:
        because = "the layers cannot be compared at the same index"
        return left_out("J fig. 2", claim, theirs="a picture", because=because, rule=INDEX_RULE)
    found = [Agreement(rows[name]["correlation"], rows[name]["p"]) for name in known]
    text = ", ".join(
        f"{NUMBERS[name]} {rows[name]['correlation']:.2f} (neighbouring layers {rows[name]['neighbouring']:.2f})"
        for name in known
    )
    missing = [NUMBERS[name] for name in NUMBERS if name not in known]
    because = (
        f"no figure for {', '.join(missing)} here" if missing else "the residual connection adds to the same index"
    )
    return Finding("J fig. 2", claim, "a picture", text, judge_same_index(found), because, INDEX_RULE)


def _diversity(run: Run) -> Finding:
    claim = "Sentences of deeper layers are more diverse (k-means error at few groups)"
    table, kind = read_diversity(run, side="top")
    table = table.filter(pc.equal(table.column("k"), FEW_GROUPS))
    rows = [row for row in table.to_pylist() if row["n_sentences"]]
    errors = np.array([row["sse"] / row["n_sentences"] for row in rows])
    layers = np.array([row["layer"] for row in rows], dtype=np.int64)
    correlation = depth_correlation(errors, layers) if len(rows) > 1 else float("nan")
    if np.isnan(correlation):
        because = "the model has too few layers, or too few sentences"
        return left_out("J fig. 3", claim, theirs="a picture", because=because, rule=DIVERSITY_RULE)
    text = f"correlation {correlation:+.2f}; {errors[0]:.3f} in the first layer, {errors[-1]:.3f} in the last"
    because = "sentence vectors here are of word vectors, theirs of BERT's [CLS]" if kind == "words" else ""
    return Finding("J fig. 3", claim, "a picture", text, judge_diversity(correlation), because, DIVERSITY_RULE)


def middle_layer(run: Run) -> int:
    """Choose the layer whose neurons are grouped: the middle one, 6 of 12 as in the paper."""
    distinct = np.unique(layer_of_neurons(run))
    return int(distinct[(len(distinct) - 1) // 2])


def _groups(run: Run, seed: int) -> Finding:
    claim = "Neurons of one layer fall into groups by their responses (k = 10)"
    layer = middle_layer(run)
    rows = np.flatnonzero(layer_of_neurons(run) == layer)
    held = run.array("sample/activations")[rows]
    unit = standardised(np.asarray(held[:, finite_sentences(held)], dtype=np.float32))
    unit = unit[unit.any(axis=1)]
    if len(unit) <= N_GROUPS:
        because = "the layer has too few neurons that vary"
        return left_out("J fig. 4", claim, theirs="a picture", because=because, rule=GROUPS_RULE)
    share = explained(unit, k=N_GROUPS, seed=seed)
    mixed = np.random.default_rng(seed).permuted(unit, axis=1)
    shuffled = explained(mixed, k=N_GROUPS, seed=seed)
    n = unit.shape[1]
    text = f"layer {layer}: groups explain {share:.0%} of the responses to {n:,} sentences, shuffled {shuffled:.0%}"
    return Finding("J fig. 4", claim, "a picture", text, judge_groups(share, shuffled), "", GROUPS_RULE)


# [E] section 4.3, figure 2: clusters of neurons against layers, and nearest neurons by depth.
N_NEIGHBOURS, BEYOND = 10, 0.6
BLOCK = 1024
ACCURACY_RULE = "the pre-trained model's interval lies above the random one's; differs: its accuracy alone does"
DEPTH_RULE = (
    "60 % or more of the 10 nearest neurons are of the same third of the layers (chance 50 %), more than in the "
    "random model; differs: one of the two"
)


class ClusterAccuracy(NamedTuple):
    """How well clusters of neurons agree with layers."""

    accuracy: float
    low: float
    high: float
    chance: float


def judge_accuracy(trained: ClusterAccuracy, random: ClusterAccuracy) -> Verdict:
    """Judge clusters against layers."""
    if trained.low > random.high:
        return Verdict.reproduced
    return Verdict.differs if trained.accuracy > random.accuracy else Verdict.not_reproduced


def same_third(vectors: NDArray[np.float32], deep: NDArray[np.bool_], *, k: int = N_NEIGHBOURS) -> float:
    """Say how many of each neuron's nearest neurons are of its own part of the model.

    ``vectors``: float32, shape (n, D). Neurons of the first and the last third of the layers.
    ``deep``: bool, shape (n,). Which are of the last.
    Returns: Mean share; one half by chance where both parts are equally large.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(lengths, 1e-12)
    k = min(k, len(unit) - 1)
    total = 0
    for first in range(0, len(unit), BLOCK):
        block = unit[first : first + BLOCK] @ unit.T
        rows = np.arange(len(block))
        block[rows, first + rows] = -np.inf
        nearest = np.argpartition(-block, k - 1, axis=1)[:, :k]
        total += int(np.count_nonzero(deep[nearest] == deep[first : first + len(block), None]))
    return total / (k * len(unit))


def judge_depth(trained: float, random: float) -> Verdict:
    """Judge whether shallow and deep neurons lie apart."""
    passed = (trained >= BEYOND) + (trained > random)
    return (Verdict.not_reproduced, Verdict.differs, Verdict.reproduced)[passed]


def read_accuracy(run: Run) -> ClusterAccuracy | None:
    """Read the clusters with as many groups as layers."""
    table = run.table("relations/clusters")
    for name, value in (("vectors", "words"), ("lists", "top"), ("grouping", "layer")):
        table = table.filter(pc.equal(table.column(name), value))
    table = table.filter(pc.equal(table.column("k"), table.column("n_groups")))
    rows = table.to_pylist()
    return ClusterAccuracy(*(rows[0][name] for name in ClusterAccuracy._fields)) if rows else None


def _depth(run: Run) -> float:
    vectors = np.asarray(run.array("relations/vectors/words_top"), dtype=np.float32)
    shallow, deep = thirds(layer_of_neurons(run))
    here = (shallow | deep) & np.isfinite(vectors).all(axis=1)
    return same_third(vectors[here], deep[here])


def group_findings(trained: Run, random: Run) -> list[Finding]:
    """Judge clusters of neuron vectors."""
    claim = "Clusters of neurons find layers again; pre-trained above random"
    theirs = "15.9 % against 9.6 % (12 layers)"
    picture = "Shallow and deep neurons lie apart in the map (pre-trained)"
    accuracies = [read_accuracy(run) for run in (trained, random)]
    n_layers = len(np.unique(layer_of_neurons(trained)))
    if n_layers < 2 or accuracies[0] is None or accuracies[1] is None:
        because = "the model has one layer"
        return [
            left_out("E 4.3", claim, theirs=theirs, because=because, rule=ACCURACY_RULE),
            left_out("E fig. 2", picture, theirs="a picture", because=because, rule=DEPTH_RULE),
        ]
    found, blind = accuracies[0], accuracies[1]
    ours = f"{_figures(found)} against {_figures(blind)} ({n_layers} layers)"
    because = f"layers assigned at random give {found.chance:.1%} by the best matching"
    if n_layers == 12:
        because += ", about their random model's figure"
    depths = _depth(trained), _depth(random)
    return [
        Finding("E 4.3", claim, theirs, ours, judge_accuracy(found, blind), because, ACCURACY_RULE),
        Finding(
            "E fig. 2",
            picture,
            "a picture",
            f"{depths[0]:.0%} of the nearest neurons are of the same third; random model {depths[1]:.0%}",
            judge_depth(*depths),
            "",
            DEPTH_RULE,
        ),
    ]


def _figures(found: ClusterAccuracy) -> str:
    return f"{found.accuracy:.1%} ({found.low:.1%}\u2013{found.high:.1%})"
