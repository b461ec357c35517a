"""[E] section 4.3, figure 2: clusters of neurons against layers, and nearest neurons by depth."""

from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.paper.finding import Finding, Verdict, layer_of_neurons, left_out, thirds
from neurolect.store import Run

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
    ours = f"{_told(found)} against {_told(blind)} ({n_layers} layers)"
    because = f"layers dealt out at random give {found.chance:.1%} by the best matching"
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


def _told(found: ClusterAccuracy) -> str:
    return f"{found.accuracy:.1%} ({found.low:.1%}\u2013{found.high:.1%})"
