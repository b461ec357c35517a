"""Options of the pass over the corpus."""

from dataclasses import dataclass

from neurolect.errors import OptionError

__all__ = ["CollectOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectOptions:
    """What is kept of the pass, and how the sentences are fed.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    list_size: int | None = None
    """Sentences in each neuron's list (N); costs about 16 bytes a neuron, side and sentence while collecting.
    When not given 1,000, or a tenth of a corpus of fewer than 10,000 sentences."""

    sides: tuple[str, ...] = ("top", "bottom")
    """Which lists: ``top`` (highest activations), ``bottom`` (lowest)."""

    sample_size: int = 20_000
    """Sentences of the uniform sample, the background where tags are needed."""

    activation_sample_size: int = 4_000
    """Sentences of the sample whose activations are all kept; costs 4 bytes a neuron and sentence."""

    quantile_sentences: int = 5
    """Sentences kept from each tenth of a neuron's activations over the sample."""

    histogram_bins: int = 64
    """Bins of each neuron's histogram of activations."""

    seed: int = 0
    """Seed of the sample."""

    limit: int | None = None
    """Read only the first so many sentences of the mining part; all when not given."""

    chunk_sentences: int = 4096
    """Sentences read, tokenized and sorted by length at once; part of what makes a run reproducible."""

    token_budget: int = 2048
    """Padded model tokens in one forward pass."""

    checkpoint_seconds: float = 60.0
    """Least time between two checkpoints; a slow disk stretches it, so that they cost at most 2 %."""

    non_finite: str = "error"
    """On NaN or infinite activations: ``error`` stops; ``skip`` leaves the sentence out of that layer's lists."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("sample_size", "activation_sample_size", "chunk_sentences", "token_budget"):
            _at_least(name, getattr(self, name), 1)
        if self.list_size is not None:
            _at_least("list_size", self.list_size, 1)
        _at_least("histogram_bins", self.histogram_bins, 4)
        _at_least("quantile_sentences", self.quantile_sentences, 0)
        if self.limit is not None:
            _at_least("limit", self.limit, 1)
        if not self.sides or not set(self.sides) <= {"top", "bottom"} or len(set(self.sides)) != len(self.sides):
            what = f"collect.sides is {list(self.sides)!r}."
            raise OptionError(what, expected="'top', 'bottom' or both, each once")
        if self.non_finite not in ("error", "skip"):
            what = f"collect.non_finite is {self.non_finite!r}."
            raise OptionError(what, expected="'error' or 'skip'")

    def resolved_list_size(self, n_sentences: int) -> int:
        """Give N for a corpus.

        Parameters
        ----------
        n_sentences : int
            Sentences that will be read.

        Returns
        -------
        int
            At most ``n_sentences``.

        Raises
        ------
        OptionError
            If N was given and is larger than the corpus.
        """
        if self.list_size is None:
            return max(1, min(1000, n_sentences // 10))
        if self.list_size > n_sentences:
            what = f"collect.list_size is {self.list_size:,}, and the corpus has {n_sentences:,} sentences to read."
            hint = f"--set collect.list_size={max(1, n_sentences // 10)} (a tenth), or a larger corpus."
            raise OptionError(what, expected="far fewer listed sentences than the corpus has", hint=hint)
        return self.list_size


def _at_least(name: str, value: float, least: int) -> None:
    """Refuse a number below its range."""
    if value < least:
        what = f"collect.{name} is {value}."
        raise OptionError(what, expected=f"at least {least}")
