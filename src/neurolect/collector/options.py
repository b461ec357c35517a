"""Options of the pass over the corpus."""

import os
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

from neurolect.errors import OptionError
from neurolect.ranges import COUNT, SEED, OneOf, Range, check_ranges
from neurolect.store import SIDES


# When a pass may end before the corpus does: once enough neurons have settled.
class StopRule(NamedTuple):
    """The rule.

    ``stable``: A neuron has settled when all its lists keep at least this share of their evidence.
    """

    stable: float
    share: float


def parse_stop_rule(text: str) -> StopRule:
    """Read a rule such as ``stable=0.9,share=0.8``.

    Examples
    --------
    >>> parse_stop_rule("stable=0.9,share=0.8")
    StopRule(stable=0.9, share=0.8)
    """
    parts = dict(part.strip().partition("=")[::2] for part in text.split(","))
    try:
        values = {name: float(value) for name, value in parts.items()}
    except ValueError:
        values = {}
    if set(values) != {"stable", "share"} or not all(0 < value <= 1 for value in values.values()):
        what = f"collect.stop_when is {text!r}."
        raise OptionError(what, expected="stable=S,share=Q, both above 0 and at most 1, e.g. stable=0.9,share=0.8")
    return StopRule(**values)


def _chunk_of(n_parameters: int) -> int:
    """Give the sentences of a chunk on a processor."""
    return 256 if n_parameters > 500_000_000 else 1024 if n_parameters > 50_000_000 else 4096


MOST_BYTES = 10**15
FEWEST_HELD_OUT, FEWEST_SAMPLED = 400, 100
USUAL_BYTES = 116_000_000
_LIST_ENTRIES, _FEWEST_LISTED = 18_500_000, 100
"""Entries of all lists together by default, and of one at least."""


class Kept(NamedTuple):
    """How many sentences' activations are kept, and in which numbers."""

    n_sampled: int
    n_held_out: int
    dtype: str
    """``float32``, or ``float16``."""
    lows: bool = False
    """Whether lowest values of the held-out part are kept too, for bottom lists of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectOptions:
    """What is kept of the pass, and how the sentences are fed.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    list_size: Annotated[int, Range(1, 10_000_000)] | None = None
    """Sentences in each neuron's list (N); costs about 16 bytes a neuron, side and sentence while collecting.
    When not given 1,000, or a tenth of a corpus of fewer than 10,000 sentences; of many neurons as many as make
    18.5 million entries in all, but at least 100."""

    sides: tuple[Annotated[str, OneOf(SIDES)], ...] | None = None
    """Which lists: ``top`` (highest activations), ``bottom`` (lowest). When not given both; ``top`` alone where
    only mlp neurons without a gate are read, whose lowest activations say that they are off."""

    bottom_by: Annotated[str, OneOf(("pooled", "minimum"))] | None = None
    """What bottom lists are of, with max pooling: the ``pooled`` activation, or the ``minimum`` over a sentence's
    tokens. When not given the minimum where only mlp neurons with a gate are read, which go below 0."""

    peak_entries: Annotated[int, Range(0, 10_000)] | None = None
    """With max pooling, first entries of each list whose values at the 8 tokens before the firing token and the 4
    after it are kept; costs 34 bytes a neuron, side and entry. When not given 10. Not of bottom lists by the pooled
    activation, and in PyTorch only."""

    sample_size: Annotated[int, COUNT] = 20_000
    """Sentences of the uniform sample, the background where tags are needed."""

    activation_sample_size: Annotated[int, COUNT] = 4_000
    """Sentences of the sample whose activations are all kept, at most: ``activation_bytes`` bounds them."""

    held_out_size: Annotated[int, Range(0, 1_000_000_000)] = 4_000
    """Sentences of the held-out part whose activations are all kept, to score signatures on, at most:
    ``activation_bytes`` bounds them. 0 for none."""

    activation_bytes: Annotated[int, Range(0, MOST_BYTES)] | None = None
    """Bytes of the activations kept of the sample and of the held-out part together: 4 a neuron and sentence, 2
    where that is too much, then fewer sentences, two of the held-out part for one of the sample; no fewer than 400
    and 100. Where bottom lists are of lowest values, those of held-out sentences are kept too, if 400 fit. When not
    given 116,000,000; runs that an earlier version began keep theirs."""

    quantile_sentences: Annotated[int, Range(0, 10_000)] = 5
    """Sentences kept from each tenth of a neuron's activations over the sample."""

    histogram_bins: Annotated[int, Range(4, 100_000)] = 64
    """Bins of each neuron's histogram of activations."""

    seed: Annotated[int, SEED] = 0
    """Seed of the sample."""

    limit: Annotated[int, Range(1, 10**12)] | None = None
    """Read only so many sentences of the mining part, chosen as ``limit_by`` says; all when not given. ``shuffle``
    changes their order, not which they are."""

    limit_by: Annotated[str, OneOf(("documents", "sentences", "first"))] | None = None
    """Which sentences a limited pass reads: those of a uniform sample of ``documents`` (of the seed; of the last
    one as many as fit), a uniform sample of ``sentences``, or the ``first`` ones: of a corpus ordered by domain
    those of the first domains. When not given documents; runs that an earlier version began read the first."""

    limit_field: str | None = None
    """Metadata field whose values keep their shares of the corpus in what a limited pass reads, such as the domain;
    when not given they have them by chance."""

    shuffle: bool = False
    """Read the corpus in a random order (of the seed), 65,536 sentences in memory at a time. For corpora that come
    ordered, by domain or date, say: a whole pass ends with the same lists (but for rounding) either way; what is
    seen on the way, and what a pass stopped early has read, differs."""

    monitor_every: Annotated[int, Range(1, 10**12)] | None = None
    """Sentences between two looks at how much the lists still change, rounded up to whole chunks; when not given
    a twentieth of the corpus, at least 10,000."""

    monitor_sentences: Annotated[int, Range(1, 1_000_000)] = 200
    """Sentences of each list, about, whose words are compared at each look."""

    stop_when: str | None = None
    """Stop before the corpus ends, e.g. ``stable=0.9,share=0.8``: once 80 % of the neurons keep 90 % of the
    evidence in their lists while the sentences read double."""

    max_seconds: Annotated[float, Range(0.0, 1e9)] | None = None
    """Stop reading about so many seconds after this start, once lists can be full; results are of what was read. A
    quarter of the time at most goes to the held-out part."""

    chunk_sentences: Annotated[int, Range(1, 10_000_000)] | None = None
    """Sentences read, tokenized and sorted by length at once; part of what makes a run reproducible. When not given
    16,384 on a CUDA device; else 4,096, of a model of more than 50 million parameters 1,024, of 500 million 256."""

    token_budget: Annotated[int, Range(1, 100_000_000)] | None = None
    """Model tokens in one forward pass, padding counted. When not given 2,048, and 65,536 on a CUDA device."""

    keep_on: Annotated[str, OneOf(("auto", "device", "host"))] = "auto"
    """Where lists, moments and samples are kept while collecting: ``device`` (where the network is), ``host``, or
    ``auto``: on a CUDA device, else on the host."""

    compile: Annotated[str, OneOf(("auto", "on", "off"))] = "auto"
    """Whether the network's blocks are compiled by PyTorch: ``on``, ``off``, or ``auto``: for packed sentences on a
    CUDA device, if the corpus has a million or more."""

    workers: Annotated[int, Range(1, 4_096)] | None = None
    """Processes that tokenize ahead of the network; 1 uses threads. When not given 1, and with a CUDA device one
    less than the cores, at most 15."""

    checkpoint_seconds: Annotated[float, Range(0.0, 1e9)] = 60.0
    """Least time between two checkpoints; large lists and a slow disk stretch it, so that they cost at most 2 %."""

    non_finite: Annotated[str, OneOf(("error", "skip"))] = "error"
    """On NaN or infinite activations: ``error`` stops; ``skip`` leaves the sentence out of that layer's lists."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "collect")
        if self.stop_when is not None:
            parse_stop_rule(self.stop_when)
        if self.sides is not None and (not self.sides or len(set(self.sides)) != len(self.sides)):
            what = f"collect.sides is {list(self.sides)!r}."
            raise OptionError(what, expected="'top', 'bottom' or both, each once")
        if self.limit_field is not None and (self.limit is None or self.limit_by == "first"):
            what = f"collect.limit_field is {self.limit_field!r}, and nothing is sampled by it."
            hint = "Set collect.limit, and collect.limit_by=documents or sentences; or leave the field out."
            raise OptionError(what, hint=hint)

    def on_device(self, device_type: str, *, n_parameters: int = 0) -> "CollectOptions":
        """Fill in the sizes that depend on the device.

        Parameters
        ----------
        device_type : str
            ``cuda``, ``cpu``, ...
        n_parameters : int
            Of the model: on a processor the chunks of a large one are small, so that a pass can end in time.

        Returns
        -------
        CollectOptions
            With numbers for chunk, budget and workers.
        """
        gpu = device_type == "cuda"
        workers = max(1, min(15, (os.cpu_count() or 1) - 1)) if gpu else 1
        return replace(
            self,
            chunk_sentences=self.chunk_sentences or (16_384 if gpu else _chunk_of(n_parameters)),
            token_budget=self.token_budget or (65_536 if gpu else 2048),
            workers=self.workers or workers,
        )

    def kept_activations(self, n_neurons: int) -> Kept:
        """Say of how many sentences the activations of all neurons are kept.

        Parameters
        ----------
        n_neurons : int
            Neurons of the model that are read.

        Returns
        -------
        Kept
            Sentences of the sample and of the held-out part, and the number format.

        Examples
        --------
        >>> CollectOptions().kept_activations(2304)
        Kept(n_sampled=4000, n_held_out=4000, dtype='float32', lows=False)
        >>> CollectOptions().kept_activations(46_080)
        Kept(n_sampled=420, n_held_out=838, dtype='float16', lows=False)
        >>> CollectOptions(bottom_by="minimum").kept_activations(46_080)
        Kept(n_sampled=252, n_held_out=503, dtype='float16', lows=True)
        """
        sampled, held_out = self.activation_sample_size, self.held_out_size
        most = USUAL_BYTES if self.activation_bytes is None else self.activation_bytes
        lows = self.bottom_by == "minimum"
        if 4 * n_neurons * (sampled + held_out * (1 + lows)) <= most:
            return Kept(sampled, held_out, "float32", lows)
        n = most // (2 * max(1, n_neurons))
        if lows:
            n_held_out = min(held_out, n * 2 // 5)
            n_sampled = min(sampled, n - 2 * n_held_out)
            if n_held_out >= min(FEWEST_HELD_OUT, held_out) and n_sampled >= min(FEWEST_SAMPLED, sampled):
                return Kept(n_sampled, n_held_out, "float16", lows=True)
        held_out = min(held_out, max(FEWEST_HELD_OUT, n * 2 // 3, n - sampled))
        return Kept(min(sampled, max(FEWEST_SAMPLED, n - held_out)), held_out, "float16")

    def resolved_list_size(self, n_sentences: int, *, n_lists: int = 1) -> int:
        """Give N for a corpus.

        Parameters
        ----------
        n_sentences : int
            Sentences that will be read.
        n_lists : int
            Lists of all neurons and sides.

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
            most = max(_FEWEST_LISTED, _LIST_ENTRIES // max(1, n_lists))
            return max(1, min(1000, n_sentences // 10, most))
        if self.list_size > n_sentences:
            what = f"collect.list_size is {self.list_size:,}, and the corpus has {n_sentences:,} sentences to read."
            hint = f"--set collect.list_size={max(1, n_sentences // 10)} (a tenth), or a larger corpus."
            raise OptionError(what, expected="far fewer listed sentences than the corpus has", hint=hint)
        return self.list_size
