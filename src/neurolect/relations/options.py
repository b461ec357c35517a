"""What can be chosen about relating neurons."""

from dataclasses import dataclass

from neurolect.errors import OptionError

MAPS = ("tsne", "umap")


@dataclass(frozen=True, slots=True, kw_only=True)
class RelateOptions:
    """Choices of the relate stage."""

    encoder_vectors: str = "none"
    """Sentence vectors beside those made of words: ``none``, or a .npy file with a row for every kept sentence."""
    groups: tuple[int, ...] | None = None
    """Numbers of groups of neurons to find, beside as many as there are layers."""
    maps: tuple[str, ...] = ("tsne",)
    """Maps of neurons: ``tsne``, ``umap``, or ``none``."""
    perplexity: float = 30.0
    """Of t-SNE: about how many neighbours count."""
    n_neighbours: int = 10
    """Nearest neurons kept of each neuron, by lists, by signature and by response."""
    overlap_sentences: int = 1000
    """Sentences of each list, from its first, that lists are compared by."""
    response_groups: int = 10
    """Groups of neurons by their responses to the sample."""
    twin_threshold: float = 0.8
    """Absolute correlation from which two neurons count as one doing the other's work."""
    memory_gib: float = 4.0
    """Correlation clustering is left out, and said to be, where it would take more than this."""
    diversity_sentences: int = 10
    """Strongest sentences of each neuron that a layer's diversity is measured by."""
    diversity_groups: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    """Numbers of groups that a layer's sentences are put into."""
    n_starts: int = 10
    """Starts of every k-means over neurons."""
    n_draws: int = 500
    """Random dealings behind every figure of chance, and samples behind every interval."""
    seed: int = 0
    """Seed of all that is random."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.maps if name not in (*MAPS, "none")]
        if unknown:
            what = f"relate.maps names {unknown[0]!r}."
            raise OptionError(what, expected="tsne, umap, both (tsne,umap) or none")
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                what = f"relate.{name} is {getattr(self, name)!r}."
                raise OptionError(what, expected="1 or more")
        for name in ("groups", "diversity_groups"):
            if any(k < 1 for k in getattr(self, name) or ()):
                what = f"relate.{name} is {getattr(self, name)!r}."
                raise OptionError(what, expected="numbers of at least 1")
        if not 0.0 < self.twin_threshold <= 1.0:
            what = f"relate.twin_threshold is {self.twin_threshold!r}."
            raise OptionError(what, expected="a correlation above 0, up to 1")


_POSITIVE = (
    "perplexity",
    "n_neighbours",
    "overlap_sentences",
    "response_groups",
    "diversity_sentences",
    "n_starts",
    "n_draws",
)
