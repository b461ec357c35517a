"""How rankings and probes are made from a store, how rankings are judged and tested, and the whole protocol."""

from dataclasses import dataclass
from typing import Annotated, Literal

from neurolect.ranges import COUNT, POSITIVE_SHARE, SEED, SHARE, Range, check_ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOptions:
    """What a ranking or probe is made from, and how.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    units: Annotated[int, Range(10, 1_000_000_000)] = 20_000
    """Training units, of whole sentences sampled at random; all where there are no more. Classes of fewer than 50
    units in the sample get more. A quarter as many validation units, and as many test units, are sampled too."""
    l1: Annotated[float, Range(0.0, 1e6)] = 1e-3
    """Times the sum of absolute weights, added to the mean loss of linear probes."""
    l2: Annotated[float, Range(0.0, 1e6)] = 1e-3
    """Times the sum of squared weights, added to the mean loss of linear probes."""
    search: bool = False
    """Whether ``lca`` chooses l1 and l2 itself, of 64 pairs."""
    standardise: Literal["none", "zscore"] = "none"
    """``zscore``: linear probes are fitted on activations in standard deviations, and Probeless is of those."""
    gap: Annotated[float, Range(0.0, 1.0, above=True)] = 1e-3
    """A linear fit ends when its duality gap is at most this share of the objective."""
    picks: Annotated[int, COUNT] = 50
    """Neurons that are chosen one by one for a Gaussian probe; the rest are ranked by themselves."""
    trees: Annotated[int, Range(1, 10_000)] = 100
    """Trees of a random forest."""
    seed: Annotated[int, SEED] = 0
    """Of samples, forests, control tasks and random rankings."""

    def __post_init__(self) -> None:
        check_ranges(self, "probe")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions:
    """How rankings are judged.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    units: Annotated[int, Range(10, 1_000_000_000)] = 10_000
    """Training units that every probe is fitted on; half as many test units, of which all figures are."""
    sizes: tuple[Annotated[int, COUNT], ...] = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
    """How many of the first neurons are kept or removed; those that there are neurons for."""
    gaussian_sizes: tuple[Annotated[int, COUNT], ...] = (1, 2, 5, 10, 20, 50, 100)
    """The same of Gaussian probes."""
    removed_sizes: tuple[Annotated[int, COUNT], ...] = (100,)
    """How many are removed where the probe is fitted again on all others, which costs most."""
    sparse_sizes: tuple[Annotated[int, COUNT], ...] = (1, 2, 5, 10, 20, 50)
    """How many neurons of each class are probed by themselves, where several are judged (k-sparse probing)."""
    agree_at: tuple[Annotated[int, COUNT], ...] = (10, 20, 30, 40, 100)
    """How many first neurons are compared between rankings."""
    n_random: Annotated[int, Range(1, 100)] = 5
    """Random orders."""
    n_bootstrap: Annotated[int, Range(20, 100_000)] = 200
    """Samples of test sentences for intervals."""
    n_stability: Annotated[int, Range(0, 100)] = 3
    """Samples of training sentences that every ranking is made again from; 0 for none."""
    stability_seconds: Annotated[float, Range(0.0, 1e6)] = 60.0
    """A ranking that took longer is not made again."""
    gap: Annotated[float, Range(0.0, 1.0, above=True)] = 0.02
    """Duality gap of the probes, as a share of the objective."""

    def __post_init__(self) -> None:
        check_ranges(self, "judge")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """What rankings are tested on: planted models, in which it is known what neurons read.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    seeds: Annotated[int, Range(1, 1000)] = 3
    """Models of each noise; intervals are over them."""
    noise: tuple[Annotated[float, Range(0.0, 10.0)], ...] = (0.0, 0.25, 0.5)
    """Of the inputs of planted neurons, in distances between the words of a concept and the others."""
    sentences: Annotated[int, Range(100, 1_000_000)] = 3_000
    """That the models read."""
    units: Annotated[int, Range(40, 1_000_000)] = 600
    """Training units of a concept, half of them of it; a quarter as many of the other parts."""
    methods: tuple[str, ...] = ()
    """Methods of ``rank`` that are tested; all that look at labels when not given."""

    def __post_init__(self) -> None:
        check_ranges(self, "bench")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolOptions:
    """What `probing all` measures, and how thoroughly.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    grid: tuple[Annotated[float, Range(0.0, 1e6)], ...] = (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
    """Values of l1 and of l2 of which every pair is tried; a single 0 is no choice: ``probe.l1`` and ``probe.l2``
    are taken as they are."""
    search_units: Annotated[int, Range(10, 1_000_000_000)] = 20_000
    """Training units that penalties are tried on."""
    delta: Annotated[float, SHARE] = 0.01
    """Accuracy that a minimal set may lose, on the dev part."""
    max_solves: Annotated[int, Range(0, 10_000)] = 0
    """Sizes that are tried for a minimal set: 1 % doubled, then halved. 0: 1, 2, ... 10, 15, 20 ... %, then halved,
    as many as it takes."""
    max_sets: Annotated[int, COUNT] = 20
    """Disjoint minimal sets that are looked for."""
    n_random: Annotated[int, Range(1, 100)] = 5
    """Random neurons that accuracies are compared with: so many draws."""
    cuts: tuple[Annotated[float, SHARE], ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    """Distances (1 - absolute correlation) up to which neurons are one group, of which one is kept."""
    mass: Annotated[float, POSITIVE_SHARE] = 0.5
    """Share of a class's absolute weight that the neurons that are counted for it have."""
    n_resamples: Annotated[int, Range(2, 10_000)] = 20
    """Bootstrap samples of training sentences that the ranking is made again from."""
    n_bootstrap: Annotated[int, Range(20, 100_000)] = 200
    """Bootstrap samples of test sentences for intervals of accuracies."""
    gap: Annotated[float, Range(0.0, 1.0, above=True)] = 0.01
    """Duality gap of all fits but that of the ranking, which is ``probe.gap``."""

    def __post_init__(self) -> None:
        check_ranges(self, "protocol")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaOptions:
    """How formulas for neurons are searched for.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    units: Annotated[int, Range(10, 1_000_000_000)] = 10_000
    """Training units that are searched on, of whole sentences; formulas are measured on half as many test units."""
    share: Annotated[float, Range(0.0, 1.0, above=True, below=True)] = 0.05
    """Of the training units that a neuron is highest at: those that its formula is to hold of."""
    length: Annotated[int, Range(1, 20)] = 5
    """Atoms of a formula at most."""
    beam: Annotated[int, Range(1, 1000)] = 10
    """Formulas that are kept at every step."""
    penalty: Annotated[float, Range(0.0, 1.0, above=True)] = 0.99
    """What each atom after the first multiplies the score by; the paper has 1."""
    min_count: Annotated[int, COUNT] = 20
    """Training units that an atom has to hold of."""
    open_atoms: Annotated[int, Range(0, 10_000)] = 5
    """Words that a neuron's formula may have: those of the greatest overlap with it."""
    seed: Annotated[int, SEED] = 0
    """Of the sample and of permutations."""

    def __post_init__(self) -> None:
        check_ranges(self, "formulas")
