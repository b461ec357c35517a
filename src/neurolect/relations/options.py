"""What can be chosen about relating neurons."""

from dataclasses import dataclass
from typing import Annotated

from neurolect.ranges import COUNT, POSITIVE_SHARE, SEED, OneOf, Range, check_ranges

MAPS = ("tsne", "umap")
OWN_VECTORS = ("first", "mean")
"""Of the model itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelateOptions:
    """Choices of the relate stage."""

    encoder_vectors: str = "none"
    """Sentence vectors in addition to those made of words: ``none``; of the model itself, from its last block:
    ``first`` (the first token, [CLS]) or ``mean`` (of all tokens); or a .npy file with a row for every kept
    sentence."""
    groups: tuple[Annotated[int, Range(1, 1_000_000)], ...] | None = None
    """Numbers of groups of neurons to find, in addition to as many as there are layers."""
    maps: tuple[Annotated[str, OneOf((*MAPS, "none"))], ...] = ("tsne",)
    """Maps of neurons: ``tsne``, ``umap``, or ``none``."""
    perplexity: Annotated[float, Range(1.0, 10_000.0)] = 30.0
    """Of t-SNE: about how many neighbours count."""
    n_neighbours: Annotated[int, Range(1, 10_000)] = 10
    """Nearest neurons kept of each neuron, by lists, by signature and by response."""
    overlap_sentences: Annotated[int, Range(1, 10_000_000)] = 1000
    """Sentences of each list, from its first, that lists are compared by."""
    response_groups: Annotated[int, Range(1, 100_000)] = 10
    """Groups of neurons by their responses to the sample, over all layers and in each layer of ``group_layers``."""
    group_layers: tuple[Annotated[int, Range(0, 10_000)], ...] | None = None
    """Layers whose neurons are also grouped, and mapped, by themselves; the middle one when not given."""
    group_sentences: Annotated[int, COUNT] = 1000
    """Sentences of the sample, a seeded choice, that a layer's neurons are grouped by."""
    group_responses: Annotated[str, OneOf(("standard", "raw"))] = "standard"
    """How a layer's neurons are compared for that: by ``standard`` responses (mean 0, length 1: what moves them) or
    ``raw`` ones (their level, too)."""
    twin_threshold: Annotated[float, POSITIVE_SHARE] = 0.8
    """Absolute correlation from which two neurons count as one doing the other's work."""
    memory_gib: Annotated[float, Range(0.0, 100_000.0)] = 4.0
    """Correlation clustering is left out, and said to be, where it would take more than this."""
    diversity_sentences: Annotated[int, Range(1, 1_000_000)] = 10
    """Strongest sentences of each neuron that a layer's diversity is measured by."""
    diversity_groups: tuple[Annotated[int, Range(1, 1_000_000)], ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    """Numbers of groups that a layer's sentences are put into."""
    n_starts: Annotated[int, Range(1, 10_000)] = 10
    """Starts of every k-means over neurons."""
    n_draws: Annotated[int, Range(1, 1_000_000)] = 500
    """Random dealings behind every figure of chance, and samples behind every interval."""
    seed: Annotated[int, SEED] = 0
    """Seed of all that is random."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "relate")
